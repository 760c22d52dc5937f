#pragma once
#include <cstddef>
#include <cstdint>

// What we call of cuBLAS 12 and 13, in our own words; native/cuda/load resolves it at run time. A test compares every line with NVIDIA's
// headers. Matrices are column-major there.
namespace grus::cublas {

using Handle = struct cublasContextTag*;
using Stream = void*;                      // cudaStream_t

enum class Status : int {
  success = 0, not_initialized = 1, alloc_failed = 3, invalid_value = 7, arch_mismatch = 8, mapping_error = 11, execution_failed = 13,
  internal_error = 14, not_supported = 15, license_error = 16
};
enum class Operation : int { none = 0, transpose = 1 };
enum class MathMode : int { default_math = 0, pedantic = 2, tf32 = 3 };   // default_math: float32 products are not rounded

// Names are cuBLAS' without "cublas"; those with a _v2 have it in the library's symbol.
struct Api {
  Status (*Create_v2)(Handle*);
  Status (*GetVersion_v2)(Handle, int* version);
  Status (*SetStream_v2)(Handle, Stream);
  Status (*SetWorkspace_v2)(Handle, void* workspace, size_t bytes);
  Status (*SetMathMode)(Handle, MathMode);
  const char* (*GetStatusString)(Status);
  Status (*Sgemm_v2)(Handle, Operation a_op, Operation b_op, int m, int n, int k, const float* alpha, const float* a, int lda,
                     const float* b, int ldb, const float* beta, float* c, int ldc);
};

}  // namespace grus::cublas
