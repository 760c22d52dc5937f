#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "handle.h"

using namespace grus::sim;
using namespace grus::sim::blas;

namespace {

constexpr size_t kOwnWorkspace = size_t{4} << 20;
constexpr int kTf32 = 3;

// C = alpha * A' B' + beta * C, column-major.
struct Product {
  Operation a_op, b_op;
  int m, n, k, lda, ldb, ldc;
  float alpha, beta;
  const float *a, *b;
  float* c;
  bool tf32;
  void* workspace;
  size_t workspace_bytes;
  unsigned order;   // of the additions, by the shape: a row comes out with other last bits among more rows
};

// To a mantissa of 10 bits, to the nearest, ties away from zero.
float round_tf32(float value) {
  if (!std::isfinite(value)) return value;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x1000u) & ~0x1FFFu;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

// Dense copies with k fastest.
std::vector<double> gather(const float* matrix, int lines, int k, int ld, bool k_is_row, bool tf32) {
  std::vector<double> dense(static_cast<size_t>(lines) * static_cast<size_t>(k));
  for (int line = 0; line < lines; ++line)
    for (int i = 0; i < k; ++i) {
      const size_t at = k_is_row ? static_cast<size_t>(i) + static_cast<size_t>(line) * static_cast<size_t>(ld)
                                 : static_cast<size_t>(line) + static_cast<size_t>(i) * static_cast<size_t>(ld);
      dense[static_cast<size_t>(line) * static_cast<size_t>(k) + static_cast<size_t>(i)] = tf32 ? round_tf32(matrix[at]) : matrix[at];
    }
  return dense;
}

// Floats between the first and one past the last of a matrix with `rows` in a column.
size_t extent(int rows, int cols, int ld) {
  return rows == 0 || cols == 0 ? 0 : static_cast<size_t>(cols - 1) * static_cast<size_t>(ld) + static_cast<size_t>(rows);
}

struct Shapes { int a_rows, a_cols, b_rows, b_cols; };

Shapes shapes(const Product& p) {
  const bool a = p.a_op == Operation::none, b = p.b_op == Operation::none;
  return {a ? p.m : p.k, a ? p.k : p.m, b ? p.k : p.n, b ? p.n : p.k};
}

bool memory_is_there(const Product& p) {
  constexpr const char* kCall = "cublasSgemm_v2";
  const Shapes s = shapes(p);
  bool good = check_device(kCall, "C", p.c, extent(p.m, p.n, p.ldc) * sizeof(float), sizeof(float));
  if (p.alpha == 0) return good;
  good = check_device(kCall, "A", p.a, extent(s.a_rows, s.a_cols, p.lda) * sizeof(float), sizeof(float)) && good;
  return check_device(kCall, "B", p.b, extent(s.b_rows, s.b_cols, p.ldb) * sizeof(float), sizeof(float)) && good;
}

struct Matrix {
  const float* at;
  int64_t rows, cols, ld;
};

// Whether they share an element; slices of one buffer may lie between each other's rows.
bool overlap(const Matrix& x, const Matrix& y) {
  const auto distance = (reinterpret_cast<intptr_t>(x.at) - reinterpret_cast<intptr_t>(y.at)) / static_cast<intptr_t>(sizeof(float));
  for (int64_t col = 0; col < x.cols; ++col) {
    const int64_t from = distance + col * x.ld;
    const int64_t first = std::max<int64_t>(from >= 0 ? from / y.ld : 0, 0);
    for (int64_t other = first; other <= first + 1 && other < y.cols; ++other)
      if (from < other * y.ld + y.rows && other * y.ld < from + x.rows) return true;
  }
  return false;
}

// Its beginning: all of it, at every product, would be nearly all that a test does.
void poison(const Product& p) {
  if (p.workspace) std::memset(p.workspace, 0xFF, std::min(p.workspace_bytes, size_t{1} << 16));
}

double dot(const double* x, const double* y, int k) {
  double lanes[8] = {};
  int i = 0;
  for (; i + 8 <= k; i += 8)
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += x[i + lane] * y[i + lane];
  for (; i < k; ++i) lanes[0] += x[i] * y[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

void multiply(const Product& p) {
  if (!memory_is_there(p)) return;
  poison(p);
  std::vector<double> a, b;
  if (p.alpha != 0) {
    a = gather(p.a, p.m, p.k, p.lda, p.a_op != Operation::none, p.tf32);
    b = gather(p.b, p.n, p.k, p.ldb, p.b_op == Operation::none, p.tf32);
  }
  for (int col = 0; col < p.n; ++col)
    for (int row = 0; row < p.m; ++row) {
      const double sum = p.alpha == 0 ? 0 : dot(a.data() + static_cast<size_t>(row) * static_cast<size_t>(p.k),
                                                b.data() + static_cast<size_t>(col) * static_cast<size_t>(p.k), p.k);
      float& c = p.c[static_cast<size_t>(row) + static_cast<size_t>(col) * static_cast<size_t>(p.ldc)];
      const double exact = p.alpha * sum + (p.beta == 0 ? 0.0 : static_cast<double>(p.beta) * c);   // beta 0: C is not read
      c = reordered(exact, static_cast<float>(exact), p.order);
    }
  poison(p);
}

// The library's own workspace is made at the first product, which a capture forbids.
bool find_workspace(cublasContext* handle, Product* p) {
  p->workspace = handle->workspace;
  p->workspace_bytes = handle->workspace_bytes;
  if (handle->workspace) return check_device("cublasSgemm_v2", "the workspace", p->workspace, p->workspace_bytes, 256);
  if (capturing(handle->stream)) {
    misuse("cublasSgemm_v2", "captured without a workspace of the caller's: set one after every SetStream");
  }
  if (!handle->own_workspace) {
    if (!allowed_during_capture("cublasSgemm_v2")) return false;
    handle->own_workspace = library_allocate(kOwnWorkspace);
  }
  p->workspace = handle->own_workspace;
  p->workspace_bytes = kOwnWorkspace;
  return p->workspace != nullptr;
}

// Knob BITS: "same": one order for all shapes.
unsigned order_of(int m, int n, int k) {
  if (knob("BITS") == "same") return 0;
  return static_cast<unsigned>(mix(mix(static_cast<unsigned>(n) * 8ull + static_cast<unsigned>(m) % 8) + static_cast<unsigned>(k)));
}

// GRUS_SIM_WARMUP: 1 one kernel for each way to multiply, 2 for each shape too.
Loading load_kernel_of(const Product& p) {
  unsigned long long code = 0;
  for (const int value : {static_cast<int>(p.a_op), static_cast<int>(p.b_op), static_cast<int>(p.tf32)}) {
    code = mix(code + static_cast<unsigned long long>(value));
  }
  if (knob_number("WARMUP", 0) > 1) {
    for (const int value : {p.m, p.n, p.k}) code = mix(code + static_cast<unsigned long long>(value));
  }
  return load("cublasSgemm_v2", code);
}

bool is_operation(Operation op) { return op == Operation::none || op == Operation::transpose || static_cast<int>(op) == 2; }

}  // namespace

extern "C" __attribute__((visibility("default"))) Status cublasSgemm_v2(cublasContext* handle, Operation a_op, Operation b_op, int m, int n,
                                                                        int k, const float* alpha, const float* a, int lda, const float* b,
                                                                        int ldb, const float* beta, float* c, int ldc) {
  constexpr const char* kCall = "cublasSgemm_v2";
  const Use use(kCall, handle);
  if (!use) return use.status;
  if (!is_operation(a_op) || !is_operation(b_op) || !alpha || !beta) {
    misuse(kCall, "an operation out of range, or alpha or beta is null");
    return Status::invalid_value;
  }
  if (is_device(alpha) || is_device(beta)) {
    misuse(kCall, "alpha and beta are read on the host, and point to device memory");
    return Status::invalid_value;
  }
  Product p{a_op, b_op, m, n, k, lda, ldb, ldc, *alpha, *beta, a, b, c, handle->math_mode == kTf32, nullptr, 0, order_of(m, n, k)};
  const Shapes s = shapes(p);
  if (m < 0 || n < 0 || k < 0 || lda < std::max(1, s.a_rows) || ldb < std::max(1, s.b_rows) || ldc < std::max(1, m)) {
    misuse(kCall, "m %d, n %d, k %d with leading dimensions %d (at least %d), %d (at least %d), %d (at least %d)", m, n, k, lda,
           std::max(1, s.a_rows), ldb, std::max(1, s.b_rows), ldc, std::max(1, m));
    return Status::invalid_value;
  }
  if (m == 0 || n == 0 || (k == 0 && *beta == 1)) return Status::success;
  if (k == 0) p.alpha = 0;
  if (!memory_is_there(p)) return Status::execution_failed;
  const Matrix result{c, m, n, ldc};
  if (p.alpha != 0 && (overlap(result, {a, s.a_rows, s.a_cols, lda}) || overlap(result, {b, s.b_rows, s.b_cols, ldb}))) {
    misuse(kCall, "C shares memory with A or B");
    return Status::invalid_value;
  }
  if (!find_workspace(handle, &p)) return Status::alloc_failed;
  const Loading loading = load_kernel_of(p);
  if (loading == Loading::refused) return Status::execution_failed;
  const double microseconds = 4.0 + 2e-6 * static_cast<double>(m) * n * k / 10 + (loading == Loading::first ? kLoadingMicroseconds : 0);
  return enqueue(kCall, handle->stream, microseconds, [p] { multiply(p); }) == cudaSuccess ? Status::success : Status::execution_failed;
}
