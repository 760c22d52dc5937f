#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "../order.h"

// native/cuda/launch/launch.h for the simulation: the same templates, each of which enqueues host work that runs the functor. The shapes of
// the sums differ from the GPU's; the order of independent indices is scrambled where work is deferred.
#define GRUS_DEVICE

namespace grus::cuda {

constexpr int kThreads = 256;

namespace detail {

struct Order : sim::Order {
  explicit Order(int64_t count) : sim::Order(count, sim::scrambled() ? 1 : 0) {}
};

template <class F, class Work>
void launch_copy(const char* call, cudaStream_t stream, int64_t elements, const F& functor, Work work) {
  static_assert(std::is_trivially_copyable<F>::value, "a functor is copied to the device as plain bytes");
  static_assert(sizeof(F) <= 4096 - 64, "a kernel's parameters have little room");
  F bytes = functor;
  sim::clear_padding(&bytes);
  static const char kernel = 0;             // one for each functor and template
  sim::launch(call, &kernel, stream, 2.0 + 1e-4 * static_cast<double>(elements), &bytes, sizeof bytes, std::move(work));
}

}  // namespace detail

template <class F>
void for_each(cudaStream_t stream, int64_t count, F f) {
  if (count <= 0) return;
  detail::launch_copy("for_each", stream, count, f, [count, f]() {
    F mine = f;
    const detail::Order order(count);
    for (int64_t i = 0; i < count; ++i) mine(order(i));
  });
}

template <class R>
void reduce_rows(cudaStream_t stream, int64_t rows, int64_t cols, R reduction) {
  if (rows <= 0) return;
  detail::launch_copy("reduce_rows", stream, rows * cols, reduction, [rows, cols, reduction]() {
    R mine = reduction;
    const detail::Order order(rows);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t row = order(i);
      // 32 threads across the columns, then a tree, as a block does
      typename R::Value values[32];
      for (int64_t lane = 0; lane < 32; ++lane) {
        values[lane] = mine.identity();
        for (int64_t col = lane; col < cols; col += 32) values[lane] = mine.combine(values[lane], mine.map(row, col));
      }
      for (int half = 16; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane) values[lane] = mine.combine(values[lane], values[lane + half]);
      mine.done(row, values[0]);
    }
  });
}

template <class R>
void transform_rows(cudaStream_t stream, int64_t rows, int64_t cols, R transform) {
  if (rows <= 0 || cols <= 0) return;
  detail::launch_copy("transform_rows", stream, rows * cols, transform, [rows, cols, transform]() {
    R mine = transform;
    const detail::Order order(rows), across(cols);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t row = order(i);
      typename R::Value values[32];
      for (int64_t lane = 0; lane < 32; ++lane) {
        values[lane] = mine.identity();
        for (int64_t col = lane; col < cols; col += 32) values[lane] = mine.combine(values[lane], mine.map(row, col));
      }
      for (int half = 16; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane) values[lane] = mine.combine(values[lane], values[lane + half]);
      for (int64_t j = 0; j < cols; ++j) mine.each(row, across(j), values[0]);
    }
  });
}

template <class R>
void reduce_columns(cudaStream_t stream, int64_t rows, int64_t cols, R reduction) {
  if (cols <= 0) return;
  detail::launch_copy("reduce_columns", stream, rows * cols, reduction, [rows, cols, reduction]() {
    R mine = reduction;
    const detail::Order order(cols);
    for (int64_t i = 0; i < cols; ++i) {
      const int64_t col = order(i);
      typename R::Value values[32];
      for (int64_t lane = 0; lane < 32; ++lane) {
        values[lane] = mine.identity();
        for (int64_t row = lane; row < rows; row += 32) values[lane] = mine.combine(values[lane], mine.map(row, col));
      }
      for (int half = 16; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane) values[lane] = mine.combine(values[lane], values[lane + half]);
      mine.done(col, values[0]);
    }
  });
}

// Two launches through the scratch, as on the GPU: a reduction that runs into another's scratch goes wrong here too.
template <class R>
void reduce_all(cudaStream_t stream, int64_t count, R reduction, void* scratch) {
  using Value = typename R::Value;
  static_assert(sizeof(Value) * 512 <= (size_t{1} << 16), "a partial result is too large for the scratch");
  const int64_t blocks = std::clamp<int64_t>((count + kThreads - 1) / kThreads, 1, 512);
  sim::check_device("reduce_all", "scratch", scratch, sizeof(Value) * 512, 256);
  detail::launch_copy("reduce_all", stream, count, reduction, [count, blocks, reduction, scratch]() {
    R mine = reduction;
    auto* partial = static_cast<Value*>(scratch);
    for (int64_t block = 0; block < blocks; ++block) {
      Value value = mine.identity();
      for (int64_t from = block * kThreads; from < count; from += blocks * kThreads)
        for (int64_t i = from; i < std::min(from + kThreads, count); ++i) value = mine.combine(value, mine.map(i));
      partial[block] = value;
    }
  });
  detail::launch_copy("reduce_all", stream, blocks, reduction, [blocks, reduction, scratch]() {
    R mine = reduction;
    const auto* partial = static_cast<const Value*>(scratch);
    Value value = mine.identity();
    for (int64_t block = 0; block < blocks; ++block) value = mine.combine(value, partial[block]);
    mine.done(value);
  });
}

GRUS_DEVICE inline void count_one(double* target) { *target += 1.0; }

}  // namespace grus::cuda
