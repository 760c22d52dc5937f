#pragma once
#include <cuda_runtime_api.h>

#include "../../backend.h"

// The operations of native/backend.h of the same names that combine elements of a row or column. Sums have a fixed order.
namespace grus::cuda {

void bias_grad(cudaStream_t, float* dbias, const float* dy, int64_t rows, int64_t cols);
void softmax(cudaStream_t, const float* x, float* y, int64_t rows, int64_t cols);
void softmax_grad(cudaStream_t, const float* y, const float* dy, float* dx, int64_t rows, int64_t cols);
void layer_norm(cudaStream_t, const LayerNorm&, const float* bias, float* y);
void layer_norm_grad(cudaStream_t, const LayerNorm&, const float* dy, float* dx, float* dweight);
void embedding(cudaStream_t, const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols);
// Without atomics: each id that occurs has its own threads, which walk its positions in order.
void embedding_grad(cudaStream_t, float* dtable, const int32_t* ids, const IdLists&, const float* dy, int64_t rows, int64_t cols);

}  // namespace grus::cuda
