#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "../../engine_options.h"

namespace grus::cuda {

// float32 <-> 16 bits, rounded to the nearest, ties to even. type: bfloat16 or float16. scale: a factor on the device, null: 1.
// y = round(x * scale)
void narrow(cudaStream_t, Precision type, const float* x, uint16_t* y, int64_t count, const float* scale);
// y = x / scale, or y += x / scale
void widen(cudaStream_t, Precision type, const uint16_t* x, float* y, int64_t count, const float* scale, bool add);

}  // namespace grus::cuda
