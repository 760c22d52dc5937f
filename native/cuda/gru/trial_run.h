#pragma once
#include <vector>

#include "cudnn_calls.h"

namespace grus::cuda {

// Forward, and backward when training, on random values in memory of its own: shows whether cuDNN really computes a shape with some
// algorithm, what comes out, and how long it takes. Waits for the GPU; freed with everything it allocated.
class TrialRun {
 public:
  // Error out_of_memory
  TrialRun(CudnnGru&, int batch, int steps, bool training);
  ~TrialRun();
  TrialRun(const TrialRun&) = delete;
  TrialRun& operator=(const TrialRun&) = delete;

  // Enqueues it; the first call with some calls allocates their room. Not success: cuDNN refused. states false: none is given or wanted,
  // null pointers in their place.
  cudnn::Status enqueue(CudnnCalls&, bool states = true);
  // y, hy[, dx, dhx, dweights] of the last one
  std::vector<std::vector<float>> results();

 private:
  Buffer values(int64_t count);
  void fill(const Buffer& values, int64_t count, float range);
  void make_room(const CudnnCalls&);
  std::vector<float> read(const Buffer& values, int64_t count);

  CudnnGru& gru_;
  Context& context_;
  const bool training_;
  const int64_t x_count_, y_count_, state_count_, weight_count_;
  uint32_t random_ = 1;
  Buffer staging_, x_, y_, hx_, hy_, weights_, dy_, dhy_, dx_, dhx_, dweights_, workspace_, reserve_;
};

}  // namespace grus::cuda
