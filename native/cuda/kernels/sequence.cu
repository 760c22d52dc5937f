#include "sequence.h"

#include "cells.h"

namespace grus::cuda {
namespace {

// T is float or Four, and cols counts Ts.

template <class T>
struct MaskSteps {
  const int32_t* lengths;
  bool reverse, add;
  int steps, batch;
  int64_t x_stride, y_stride;
  const T* x;
  T* y;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const {
    const Index t = row / static_cast<Index>(batch), b = row - t * static_cast<Index>(batch);
    const int64_t length = lengths ? lengths[b] : steps, step = t;
    T value{};
    if (step < length) value = x[((reverse ? length - 1 - step : step) * batch + b) * x_stride + col];
    T& target = y[row * y_stride + col];
    target = add ? target + value : value;
  }
};

template <class T>
struct LastSteps {
  const int32_t* lengths;
  int steps, batch;
  int64_t cols;
  const T* y;
  const T* before;
  T* state;
  template <class Index>
  GRUS_DEVICE void operator()(Index b, Index col) const {
    const int64_t length = lengths ? lengths[b] : steps, at = b * cols + col;
    T value{};
    if (length > 0) {
      value = y[(length - 1) * batch * cols + at];
    } else if (before) {
      value = before[at];
    }
    state[at] = value;
  }
};

template <class T>
struct LastStepsGrad {
  const int32_t* lengths;
  int steps, batch;
  int64_t cols;
  const T* dstate;
  T* dy;
  template <class Index>
  GRUS_DEVICE void operator()(Index b, Index col) const {
    const int64_t length = lengths ? lengths[b] : steps, at = b * cols + col;
    if (length <= 0) return;
    T& target = dy[(length - 1) * batch * cols + at];
    target = target + dstate[at];
  }
};

template <class T>
struct EmptyRows {
  const int32_t* lengths;
  int batch;
  int64_t cols;
  const T* x;
  T* y;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const {
    if (lengths[row % static_cast<Index>(batch)] != 0) return;
    const int64_t at = row * cols + col;
    y[at] = x ? x[at] : T{};
  }
};

}  // namespace

void mask_steps(cudaStream_t stream, const int32_t* lengths, bool reverse, int steps, int batch, int64_t cols, const float* x, float* y,
                RowStrides strides, bool add) {
  if (x == y && !lengths && !reverse) return;
  const int64_t rows = int64_t{steps} * batch;
  const int64_t x_stride = strides.x ? strides.x : cols, y_stride = strides.y ? strides.y : cols;
  if (in_fours({x, y}, {cols, x_stride, y_stride})) {
    for_each_cell(stream, rows, cols / 4,
                  MaskSteps<Four>{lengths, reverse, add, steps, batch, x_stride / 4, y_stride / 4, fours(x), fours(y)});
  } else {
    for_each_cell(stream, rows, cols, MaskSteps<float>{lengths, reverse, add, steps, batch, x_stride, y_stride, x, y});
  }
}

void last_steps(cudaStream_t stream, const int32_t* lengths, int steps, int batch, int64_t cols, const float* y, const float* before,
                float* state) {
  if (in_fours({y, before, state}, {cols})) {
    for_each_cell(stream, batch, cols / 4, LastSteps<Four>{lengths, steps, batch, cols / 4, fours(y), fours(before), fours(state)});
  } else {
    for_each_cell(stream, batch, cols, LastSteps<float>{lengths, steps, batch, cols, y, before, state});
  }
}

void last_steps_grad(cudaStream_t stream, const int32_t* lengths, int steps, int batch, int64_t cols, const float* dstate, float* dy) {
  if (in_fours({dstate, dy}, {cols})) {
    for_each_cell(stream, batch, cols / 4, LastStepsGrad<Four>{lengths, steps, batch, cols / 4, fours(dstate), fours(dy)});
  } else {
    for_each_cell(stream, batch, cols, LastStepsGrad<float>{lengths, steps, batch, cols, dstate, dy});
  }
}

void empty_rows(cudaStream_t stream, const int32_t* lengths, int blocks, int batch, int64_t cols, const float* x, float* y) {
  if (!lengths) return;           // all rows have steps
  const int64_t rows = int64_t{blocks} * batch;
  if (in_fours({x, y}, {cols})) {
    for_each_cell(stream, rows, cols / 4, EmptyRows<Four>{lengths, batch, cols / 4, fours(x), fours(y)});
  } else {
    for_each_cell(stream, rows, cols, EmptyRows<float>{lengths, batch, cols, x, y});
  }
}

}  // namespace grus::cuda
