#pragma once
#include <cuda_runtime_api.h>

#include "../../backend.h"

// The operations of native/backend.h of the same names. scratch: kScratchBytes, see launch.h.
namespace grus::cuda {

void loss(cudaStream_t, const Loss&, const StepScalars* scalars, double* stats, void* scratch);
void metric(cudaStream_t, const Metric&, void* scratch);

}  // namespace grus::cuda
