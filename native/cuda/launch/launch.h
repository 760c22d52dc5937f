#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "../../core/device.h"

// The only places where a kernel is launched. A kernel is a functor (plain data, copied to the device) with a member that one thread calls;
// no functor speaks of threads or blocks, so each of them means the same wherever it runs. Results never depend on the launch: every sum
// has a fixed order.

namespace grus::cuda {

constexpr int kThreads = 256;

namespace detail {

template <class F>
__global__ void for_each_kernel(int64_t count, F f) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
#pragma unroll 1   // most threads go round once, and unrolling would first divide by the stride, in 64 bits
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) f(i);
}

// Combines the values of a block's threads, lane 0 has the result. A tree of fixed shape; blockDim.x is a power of two.
template <class R>
__device__ typename R::Value combine_block(const R& reduction, typename R::Value value) {
  __shared__ alignas(16) unsigned char storage[sizeof(typename R::Value) * kThreads];
  typename R::Value* values = reinterpret_cast<typename R::Value*>(storage);
  values[threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) values[threadIdx.x] = reduction.combine(values[threadIdx.x], values[threadIdx.x + half]);
    __syncthreads();
  }
  value = values[0];
  __syncthreads();
  return value;
}

template <class R>
__global__ void reduce_rows_kernel(int64_t rows, int64_t cols, R reduction) {
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    typename R::Value value = reduction.identity();
    for (int64_t col = threadIdx.x; col < cols; col += blockDim.x) value = reduction.combine(value, reduction.map(row, col));
    value = combine_block(reduction, value);
    if (threadIdx.x == 0) reduction.done(row, value);
  }
}

template <class R>
__global__ void transform_rows_kernel(int64_t rows, int64_t cols, R transform) {
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    typename R::Value value = transform.identity();
    for (int64_t col = threadIdx.x; col < cols; col += blockDim.x) value = transform.combine(value, transform.map(row, col));
    value = combine_block(transform, value);
    for (int64_t col = threadIdx.x; col < cols; col += blockDim.x) transform.each(row, col, value);
  }
}

// One block of 32 x 32 for 32 columns: 32 threads down the rows of each. The bound: with more registers it could not be launched.
template <class R>
__global__ void __launch_bounds__(1024) reduce_columns_kernel(int64_t rows, int64_t cols, R reduction) {
  __shared__ alignas(16) unsigned char storage[sizeof(typename R::Value) * 1024];
  typename R::Value* values = reinterpret_cast<typename R::Value*>(storage);
  const int64_t col = int64_t{blockIdx.x} * 32 + threadIdx.x;
  typename R::Value value = reduction.identity();
  if (col < cols) {
    for (int64_t row = threadIdx.y; row < rows; row += 32) value = reduction.combine(value, reduction.map(row, col));
  }
  values[threadIdx.y * 32 + threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = 16; half > 0; half /= 2) {
    if (threadIdx.y < half) {
      typename R::Value& mine = values[threadIdx.y * 32 + threadIdx.x];
      mine = reduction.combine(mine, values[(threadIdx.y + half) * 32 + threadIdx.x]);
    }
    __syncthreads();
  }
  if (threadIdx.y == 0 && col < cols) reduction.done(col, values[threadIdx.x]);
}

template <class R>
__global__ void reduce_all_first_kernel(int64_t count, R reduction, typename R::Value* partial) {
  typename R::Value value = reduction.identity();
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    value = reduction.combine(value, reduction.map(i));
  }
  value = combine_block(reduction, value);
  if (threadIdx.x == 0) partial[blockIdx.x] = value;
}

template <class R>
__global__ void reduce_all_last_kernel(int blocks, R reduction, const typename R::Value* partial) {
  typename R::Value value = reduction.identity();
  for (int i = threadIdx.x; i < blocks; i += blockDim.x) value = reduction.combine(value, partial[i]);
  value = combine_block(reduction, value);
  if (threadIdx.x == 0) reduction.done(value);
}

inline int threads_for_row(int64_t cols) { return cols <= 64 ? 32 : cols <= 256 ? 64 : kThreads; }

inline unsigned blocks_for(int64_t count, int64_t at_most) {
  return static_cast<unsigned>(std::clamp<int64_t>((count + kThreads - 1) / kThreads, 1, at_most));
}

}  // namespace detail

// Launch errors are kept by CUDA and asked for at the end of a pass (Context::check of cudaGetLastError).

// f(i) for 0 <= i < count, in any order.
template <class F>
void for_each(cudaStream_t stream, int64_t count, F f) {
  if (count <= 0) return;
  detail::for_each_kernel<<<detail::blocks_for(count, 1 << 16), kThreads, 0, stream>>>(count, f);
}

// done(row, combination of map(row, col) over all columns), for every row. R: Value, identity(), map(row, col), combine(a, b), done(row,
// value). rows >= 0, cols >= 0.
template <class R>
void reduce_rows(cudaStream_t stream, int64_t rows, int64_t cols, R reduction) {
  if (rows <= 0) return;
  const unsigned blocks = static_cast<unsigned>(std::min<int64_t>(rows, 1 << 16));
  detail::reduce_rows_kernel<<<blocks, detail::threads_for_row(cols), 0, stream>>>(rows, cols, reduction);
}

// each(row, col, combination of map(row, col) over all columns of the row), for every element; it may overwrite what map read of its row.
template <class R>
void transform_rows(cudaStream_t stream, int64_t rows, int64_t cols, R transform) {
  if (rows <= 0 || cols <= 0) return;
  const unsigned blocks = static_cast<unsigned>(std::min<int64_t>(rows, 1 << 16));
  detail::transform_rows_kernel<<<blocks, detail::threads_for_row(cols), 0, stream>>>(rows, cols, transform);
}

// done(col, combination of map(row, col) over all rows), for every column.
template <class R>
void reduce_columns(cudaStream_t stream, int64_t rows, int64_t cols, R reduction) {
  if (cols <= 0) return;
  detail::reduce_columns_kernel<<<static_cast<unsigned>((cols + 31) / 32), dim3(32, 32), 0, stream>>>(rows, cols, reduction);
}

// done(combination of map(i) for 0 <= i < count), once. scratch: kScratchBytes, the same for every call on a stream.
template <class R>
void reduce_all(cudaStream_t stream, int64_t count, R reduction, void* scratch) {
  constexpr int kBlocks = 512;
  static_assert(sizeof(typename R::Value) * kBlocks <= (size_t{1} << 16), "a partial result is too large for the scratch");
  auto* partial = static_cast<typename R::Value*>(scratch);
  const unsigned blocks = detail::blocks_for(count, kBlocks);
  detail::reduce_all_first_kernel<<<blocks, kThreads, 0, stream>>>(count, reduction, partial);
  detail::reduce_all_last_kernel<<<1, kThreads, 0, stream>>>(static_cast<int>(blocks), reduction, partial);
}

// target += 1 from any number of threads: exact, so its order does not matter. For counts only.
GRUS_DEVICE inline void count_one(double* target) {
#ifdef __CUDA_ARCH__
  atomicAdd(target, 1.0);
#else
  *target += 1.0;
#endif
}

}  // namespace grus::cuda
