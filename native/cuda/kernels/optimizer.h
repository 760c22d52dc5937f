#pragma once
#include <cuda_runtime_api.h>

#include "../../backend.h"

namespace grus::cuda {

// What the updates of one session keep on the device besides the slots.
struct UpdateState {
  float scale = 1;                 // LossScale, dynamic only with float16
  uint32_t streak = 0;
  uint64_t skipped = 0;
  uint32_t finite = 1;             // of this update's gradients
  float clip = 1;                  // factor of a global clip_norm
  double norm = 0;
  double nadam_product = 1;        // of nadam's momentum schedule up to `nadam_update`, as the CPU engine keeps it
  uint64_t nadam_update = 0;
  float nadam_beta1 = 0;           // that it holds for
};

// The operations of native/backend.h of the same names. scratch: kScratchBytes. segments: on the host, read during the call.
void regularize(cudaStream_t, const Segment*, int segments, const float* parameters, float* gradients, const StepScalars* scalars,
                double* stats, void* scratch);
void optimizer_init(cudaStream_t, const Optimizer&, float* slots, int64_t count);
// dynamic_scale: look for gradients that are not finite, skip the update when there are some, and move the scale.
void optimize(cudaStream_t, const Optimizer&, const Segment*, int segments, const StepScalars* scalars, float* parameters,
              float* gradients, float* slots, int64_t count, UpdateState* state, bool dynamic_scale, void* scratch);

}  // namespace grus::cuda
