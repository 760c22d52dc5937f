#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

namespace grus::cuda {

// part[b] = how many of row b's steps lie within [start, start + steps). On the device.
void chunk_lengths(cudaStream_t, const int32_t* lengths, int start, int steps, int batch, int32_t* part);

}  // namespace grus::cuda
