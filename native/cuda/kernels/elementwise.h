#pragma once
#include <cuda_runtime_api.h>

#include "../../backend.h"

// The operations of native/backend.h of the same names, enqueued on a stream.
namespace grus::cuda {

void copy_rows(cudaStream_t, const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols);
void add_rows(cudaStream_t, const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols);
void bias_add(cudaStream_t, float* y, const float* bias, int64_t rows, int64_t cols);
void activation(cudaStream_t, const Activation&, const float* x, float* y, int64_t count);
void activation_grad(cudaStream_t, const Activation&, const float* y, const float* dy, float* dx, int64_t count);
void dropout(cudaStream_t, const Dropout&, const StepScalars* scalars, const float* x, float* y);
void gather_steps(cudaStream_t, const GatherSteps&, const float* x, const float* fallback, float* y);
void gather_steps_grad(cudaStream_t, const GatherSteps&, const float* dy, float* dx, float* dfallback);
void merge(cudaStream_t, Merge, const float* x, float* y, int64_t rows, int64_t cols);
void merge_grad(cudaStream_t, Merge, const float* x, const float* dy, float* dx, int64_t rows, int64_t cols);

}  // namespace grus::cuda
