#pragma once
#include <cuda_runtime_api.h>

#include <memory>

#include "api/cublas.h"
#include "api/cudnn.h"

namespace grus::cuda {

class Context;

// What one session has of one GPU: two streams, one handle of each library bound to the first, and cuBLAS' workspace. Leased from a pool
// of this process and given back, never destroyed: making handles is slow, and destroying them at exit crashes.
struct Lane {
  int device = 0;
  cudaStream_t stream = nullptr;         // all work
  cudaStream_t copies = nullptr;         // uploads, so that the next batch comes in while this one computes; may be `stream`
  cudnn::Handle cudnn = nullptr;
  cublas::Handle cublas = nullptr;
  void* cublas_workspace = nullptr;
};

// Waits for what the lane has in flight. A lane of a GPU with a lasting fault does not go back.
struct GiveBack {
  void operator()(Lane* lane) const;
};
using LeasedLane = std::unique_ptr<Lane, GiveBack>;

// A free lane of the context's GPU, or a new one. The GPU is current.
LeasedLane lease_lane(Context& context);

}  // namespace grus::cuda
