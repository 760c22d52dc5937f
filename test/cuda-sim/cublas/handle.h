#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "../sim.h"
#include "cuda/api/cublas.h"

// A cuBLAS handle of the simulation.
struct cublasContext {
  uint64_t magic = 0;
  int device = 0;
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;                // the caller's; null: the library's own, made at the first product
  size_t workspace_bytes = 0;
  void* own_workspace = nullptr;
  int math_mode = 0;
  int uses = 0;                             // threads inside; more than one is a mistake
};

namespace grus::sim::blas {

using cublas::Status;
using Operation = cublas::Operation;

constexpr uint64_t kAlive = 0xB1A5A11E00000001ull, kDead = 0xB1A5DEAD00000001ull;

// One use of a handle: living, on the device where it was made, by one thread at a time, and not chosen to fail by GRUS_SIM_FAIL. false:
// return `status`.
class Use {
 public:
  Use(const char* call, cublasContext* handle);
  ~Use();
  explicit operator bool() const { return status == Status::success; }
  Status status = Status::success;

 private:
  const InLibrary inside_{Runtime::cublas};
  cublasContext* handle_ = nullptr;
};

// GRUS_SIM_FAIL alone, for calls without a handle.
bool chosen_to_fail(const char* call, Status* status);
void adopt(cublasContext* handle);

}  // namespace grus::sim::blas
