// The simulated cuBLAS against a product written out, and its rules.
#include <cmath>
#include <thread>

#include "sim_support.h"

using Handle = struct cublasContext*;
extern "C" {
int cublasCreate_v2(Handle*);
int cublasDestroy_v2(Handle);
int cublasSetStream_v2(Handle, cudaStream_t);
int cublasSetWorkspace_v2(Handle, void*, size_t);
int cublasSetMathMode(Handle, int);
int cublasSgemm_v2(Handle, int, int, int, int, int, const float*, const float*, int, const float*, int, const float*, float*, int);
}

namespace {

struct Blas {
  Blas() { CHECK(cublasCreate_v2(&handle) == 0 && cublasSetStream_v2(handle, stream) == 0); }
  ~Blas() { CHECK(cublasDestroy_v2(handle) == 0); }
  int multiply(int a_op, int b_op, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float* c, int ldc, float beta = 0) {
    const float one = 1;
    return cublasSgemm_v2(handle, a_op, b_op, m, n, k, &one, a, lda, b, ldb, &beta, c, ldc);
  }
  Stream stream;
  Handle handle = nullptr;
};

std::vector<float> pattern(int count, int seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) values[static_cast<size_t>(i)] = std::sin(static_cast<float>(i * 7 + seed));
  return values;
}

double element(const std::vector<float>& matrix, int ld, int op, int row, int col) {
  return matrix[static_cast<size_t>(op ? col + row * ld : row + col * ld)];
}

void products_are_right() {
  Blas blas;
  const int m = 5, n = 4, k = 19, ld = 23;
  const auto a = pattern(ld * ld, 1), b = pattern(ld * ld, 2), c = pattern(ld * n, 3);
  for (int ops = 0; ops < 4; ++ops) {
    for (const float beta : {0.f, 0.5f}) {
      Floats da(ld * ld), db(ld * ld), dc(ld * n);
      da.set(a);
      db.set(b);
      if (beta != 0) dc.set(c);   // else NaN, which beta = 0 must not let through
      CHECK(blas.multiply(ops & 1, ops >> 1, m, n, k, da.at, ld, db.at, ld, dc.at, ld, beta) == 0);
      const auto got = dc.get();
      for (int row = 0; row < m; ++row)
        for (int col = 0; col < n; ++col) {
          double sum = beta == 0 ? 0 : beta * static_cast<double>(c[static_cast<size_t>(row + col * ld)]);
          for (int i = 0; i < k; ++i) sum += element(a, ld, ops & 1, row, i) * element(b, ld, ops >> 1, i, col);
          CHECK_CLOSE(got[static_cast<size_t>(row + col * ld)], sum, 1e-6);
        }
      if (beta != 0) CHECK(got[m] == c[m]);
    }
  }
}

// 1 + 2^-12 is 1 in TF32; the sum is not rounded.
void tf32_rounds_the_operands() {
  Blas blas;
  Floats a(2), b(2), c(1);
  a.set({1 + std::ldexp(1.f, -12), 1});
  b.set({1, std::ldexp(1.f, -12)});
  CHECK(blas.multiply(0, 0, 1, 1, 2, a.at, 1, b.at, 2, c.at, 1) == 0);
  CHECK(c.get()[0] == 1 + std::ldexp(1.f, -11));
  CHECK(cublasSetMathMode(blas.handle, 3) == 0 && blas.multiply(0, 0, 1, 1, 2, a.at, 1, b.at, 2, c.at, 1) == 0);
  CHECK(c.get()[0] == 1 + std::ldexp(1.f, -12));
}

// The same column among more columns has other last bits, here and there; a sum that is a float is that float.
void other_shapes_add_in_another_order() {
  Blas blas;
  const int m = 64, k = 33;
  const auto left = pattern(m * k, 1), right = pattern(k, 2);
  const auto first_of = [&](int n, bool whole) {
    Floats a(m * k), b(k * n), c(m * n);
    std::vector<float> lines = left, columns;
    for (int col = 0; col < n; ++col) columns.insert(columns.end(), right.begin(), right.end());
    for (auto* values : {&lines, &columns}) {
      for (float& value : *values) value = whole ? std::round(8 * value) : value;
    }
    a.set(lines), b.set(columns);
    CHECK(blas.multiply(0, 0, m, n, k, a.at, m, b.at, k, c.at, m) == 0);
    std::vector<float> got = c.get();
    got.resize(m);
    return got;
  };
  const auto alone = first_of(1, false);
  CHECK(first_of(1, false) == alone);
  for (const int n : {2, 3, 4, 8}) {
    const auto among = first_of(n, false);
    CHECK(among != alone);
    for (size_t i = 0; i < alone.size(); ++i) CHECK_CLOSE(among[i], alone[i], 3e-7 * std::max(1.f, std::fabs(alone[i])));
    CHECK(first_of(n, true) == first_of(1, true));
  }
  const Knob same("BITS", "same");
  CHECK(first_of(5, false) == first_of(1, false));
}

void mistakes_are_seen() {
  Blas blas;
  Floats a(64), b(64), c(64);
  std::vector<float> host(64, 1);
  for (Floats* matrix : {&a, &b, &c}) matrix->set(host);
  auto misused = [&](const std::function<int()>& call) { return misuses_of([&] { CHECK(call() != 0); }) >= 1; };
  CHECK(misused([&] { return blas.multiply(0, 0, 8, 8, 8, a.at, 7, b.at, 8, c.at, 8); }));
  CHECK(misused([&] { return blas.multiply(0, 1, 8, 4, 8, a.at, 8, b.at, 3, c.at, 8); }));
  CHECK(misused([&] { return blas.multiply(0, 0, 8, 8, 8, a.at, 8, b.at, 8, a.at, 8); }));
  CHECK(misused([&] { return blas.multiply(0, 0, 4, 4, 4, a.at, 8, b.at, 4, a.at + 27, 8); }));
  CHECK(misused([&] { return blas.multiply(0, 0, 8, 8, 8, host.data(), 8, b.at, 8, c.at, 8); }));
  CHECK(misused([&] { return blas.multiply(0, 0, 8, 9, 8, a.at, 8, b.at, 8, c.at, 8); }));
  CHECK(misused([&] { return blas.multiply(0, 0, -1, 8, 8, a.at, 8, b.at, 8, c.at, 8); }));
  // slices side by side in one buffer share nothing
  CHECK(misuses_of([&] { CHECK(blas.multiply(0, 0, 4, 4, 4, a.at, 8, b.at, 4, a.at + 4, 8) == 0); }) == 0);
  CHECK(misuses_of([&] { CHECK(blas.multiply(0, 0, 0, 8, 8, a.at, 8, b.at, 8, c.at, 8) == 0); }) == 0);
  CHECK(cudaSetDevice(1) == cudaSuccess);
  CHECK(misused([&] { return blas.multiply(0, 0, 8, 8, 8, a.at, 8, b.at, 8, c.at, 8); }));
  CHECK(cudaSetDevice(0) == cudaSuccess);
  Handle gone = nullptr;
  CHECK(cublasCreate_v2(&gone) == 0 && cublasDestroy_v2(gone) == 0);
  CHECK(misused([&] { return cublasDestroy_v2(gone); }));
  CHECK(misused([&] { return cublasSetMathMode(nullptr, 0); }));
}

// Memory freed too early under deferred work is found when the product runs.
void memory_must_outlive_the_work() {
  Blas blas;
  const Knob deferred("DEFER", "1"), early("FREE", "early");
  Floats b(4), c(4);
  float* a = nullptr;
  CHECK(cudaMalloc(&a, 16) == cudaSuccess && blas.multiply(0, 0, 2, 2, 2, a, 2, b.at, 2, c.at, 2) == 0 && cudaFree(a) == cudaSuccess);
  CHECK(misuses_of([&] { CHECK(cudaStreamSynchronize(blas.stream) == cudaSuccess); }) == 1);
}

void captures_need_a_workspace() {
  Blas blas;
  Floats a(4), b(4), c(4), workspace(1024);
  cudaGraph_t graph = nullptr;
  auto capture = [&] {
    CHECK(cudaStreamBeginCapture(blas.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    const int status = blas.multiply(0, 0, 2, 2, 2, a.at, 2, b.at, 2, c.at, 2);
    const cudaError_t error = cudaStreamEndCapture(blas.stream, &graph);
    if (error == cudaSuccess) cudaGraphDestroy(graph);
    return status == 0 && error == cudaSuccess;
  };
  CHECK(misuses_of([&] { CHECK(!capture()); }) == 1);
  CHECK(cublasSetWorkspace_v2(blas.handle, workspace.at, workspace.bytes()) == 0);
  CHECK(misuses_of([&] { CHECK(capture()); }) == 0);
  CHECK(cublasSetStream_v2(blas.handle, blas.stream) == 0);   // forgets the workspace
  CHECK(misuses_of([&] { CHECK(!capture()); }) == 1);
  cudaGetLastError();
}

// Destroying a handle waits for the device, and so breaks other threads' captures.
void a_handle_is_not_destroyed_during_a_capture() {
  Stream stream;
  Handle handle = nullptr;
  CHECK(cublasCreate_v2(&handle) == 0);
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  std::thread([&] { CHECK(cublasDestroy_v2(handle) != 0); }).join();
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
  CHECK(cublasDestroy_v2(handle) == 0);
}

void statuses_on_demand() {
  Blas blas;
  Floats a(1), b(1), c(1);
  grus_sim_reset();
  const Knob fail("FAIL", "cublasSgemm_v2:2:13,cublasCreate_v2:1:3");
  const int expected[] = {0, 13, 0};
  for (const int status : expected) CHECK(blas.multiply(0, 0, 1, 1, 1, a.at, 1, b.at, 1, c.at, 1) == status);
  Handle handle = nullptr;
  CHECK(cublasCreate_v2(&handle) == 3 && handle == nullptr);
}

// What fails inside the library is not the program's last error, which the library's calls do not forget either.
void errors_stay_in_the_library() {
  Blas blas;
  Floats a(1), b(1), c(1);
  {
    const Knob fault("KERNEL_FAULT", "1");
    grus_sim_reset();
    CHECK(blas.multiply(0, 0, 1, 1, 1, a.at, 1, b.at, 1, c.at, 1) == 0);
  }
  CHECK(blas.multiply(0, 0, 1, 1, 1, a.at, 1, b.at, 1, c.at, 1) == 13 && cudaGetLastError() == cudaSuccess);
  CHECK(cudaStreamQuery(blas.stream) == cudaErrorIllegalAddress && cudaPeekAtLastError() == cudaErrorIllegalAddress);
  grus_sim_reset();
  Handle handle = nullptr;
  {
    const Knob fail("FAIL", "cudaGetDeviceCount:1:cudaErrorInitializationError");
    CHECK(cublasCreate_v2(&handle) == 1 && cudaGetLastError() == cudaSuccess);
  }
  CHECK(cudaSetDevice(99) == cudaErrorInvalidDevice && cublasCreate_v2(&handle) == 0);
  CHECK(cublasDestroy_v2(handle) == 0 && cudaGetLastError() == cudaErrorInvalidDevice);
}

// With WARMUP the first product of a kind cannot be captured; with 2 that of a shape.
void first_products_load_code() {
  for (const char* knob : {"1", "2"}) {
    const Knob warmup("WARMUP", knob);
    Blas blas;
    Floats workspace(1 << 16), a(64), b(64), c(64);
    CHECK(cublasSetWorkspace_v2(blas.handle, workspace.at, workspace.bytes()) == 0);
    const auto capture = [&](int m) {
      cudaGraph_t graph = nullptr;
      CHECK(cudaStreamBeginCapture(blas.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
      const int status = blas.multiply(*knob == '2', 0, m, 8, 8, a.at, 8, b.at, 8, c.at, 8);
      return cudaStreamEndCapture(blas.stream, &graph) == cudaSuccess && status == 0 && cudaGraphDestroy(graph) == cudaSuccess;
    };
    CHECK(!capture(8));
    CHECK(blas.multiply(*knob == '2', 0, 8, 8, 8, a.at, 8, b.at, 8, c.at, 8) == 0);
    CHECK(capture(8) && capture(7) == (*knob == '1'));
    cudaGetLastError();
  }
}

}  // namespace

int main() {
  products_are_right();
  tf32_rounds_the_operands();
  other_shapes_add_in_another_order();
  mistakes_are_seen();
  memory_must_outlive_the_work();
  captures_need_a_workspace();
  a_handle_is_not_destroyed_during_a_capture();
  statuses_on_demand();
  errors_stay_in_the_library();
  first_products_load_code();
  return report();
}
