#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

// Rows of different lengths around a pass over [T, B, C] that knows of none. lengths: [B] on the device, null: all T. Time-major, dense.
namespace grus::cuda {

// From one row of a matrix to the next, in floats; 0: it is dense.
struct RowStrides {
  int64_t x = 0, y = 0;
};

// y[t, b] = t < lengths[b] ? x[reverse ? lengths[b] - 1 - t : t, b] : 0, or y[t, b] += that. y may be x when it is neither reversed nor
// added. Never multiplies: a NaN in x beyond a row's length does not come through.
void mask_steps(cudaStream_t, const int32_t* lengths, bool reverse, int steps, int batch, int64_t cols, const float* x, float* y,
                RowStrides strides = {}, bool add = false);
// state[b] = lengths[b] > 0 ? y[lengths[b] - 1, b] : (before ? before[b] : 0)
void last_steps(cudaStream_t, const int32_t* lengths, int steps, int batch, int64_t cols, const float* y, const float* before,
                float* state);
// dy[lengths[b] - 1, b] += dstate[b] where lengths[b] > 0
void last_steps_grad(cudaStream_t, const int32_t* lengths, int steps, int batch, int64_t cols, const float* dstate, float* dy);
// Rows of length 0 of a state [blocks, B, C]: y[k, b] = x ? x[k, b] : 0 where lengths[b] == 0, untouched elsewhere.
void empty_rows(cudaStream_t, const int32_t* lengths, int blocks, int batch, int64_t cols, const float* x, float* y);

}  // namespace grus::cuda
