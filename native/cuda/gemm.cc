#include "gemm.h"

#include <climits>

#include "../core/error.h"
#include "faults.h"

namespace grus::cuda {
namespace {

int narrow(Context& context, const char* name, int64_t value) {
  if (value < 0 || value > INT_MAX) {
    throw Error(ErrorCode::unsupported, where(context.device()) + "a matrix product's " + name + " must be 0 to " +
                                            std::to_string(INT_MAX) + ", got " + std::to_string(value) +
                                            "; use smaller batches or layers");
  }
  return static_cast<int>(value);
}

std::string describe(const Gemm& product) {
  const auto matrix = [](const char* name, bool transposed, int64_t rows, int64_t cols, int64_t stride) {
    return std::string(name) + (transposed ? "' [" : " [") + std::to_string(rows) + ", " + std::to_string(cols) + "] ld " +
           std::to_string(stride);
  };
  return matrix("A", product.transpose_a, product.m, product.k, product.lda) + " times " +
         matrix("B", product.transpose_b, product.k, product.n, product.ldb);
}

}  // namespace

void gemm(Context& context, const Gemm& product) {
  const int m = narrow(context, "m", product.m), n = narrow(context, "n", product.n), k = narrow(context, "k", product.k);
  const int lda = narrow(context, "lda", product.lda), ldb = narrow(context, "ldb", product.ldb), ldc = narrow(context, "ldc", product.ldc);
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (product.beta == 1) return;
    if (product.beta != 0) {
      throw Error(ErrorCode::unsupported, where(context.device()) + "a matrix product without terms must have beta 0 or 1");
    }
    for (int64_t row = 0; row < product.m; ++row) {
      context.check(cudaMemsetAsync(product.c + row * product.ldc, 0, static_cast<size_t>(product.n) * sizeof(float), context.stream()),
                    "cudaMemsetAsync");
    }
    return;
  }
  using cublas::Operation;
  const Operation b_op = product.transpose_b ? Operation::transpose : Operation::none;
  const Operation a_op = product.transpose_a ? Operation::transpose : Operation::none;
  const cublas::Status status = context.cublas().Sgemm_v2(context.cublas_handle(), b_op, a_op, n, m, k, &product.alpha, product.b, ldb,
                                                          product.a, lda, &product.beta, product.c, ldc);
  if (status != cublas::Status::success) context.check(status, "cublasSgemm", describe(product));
}

}  // namespace grus::cuda
