#include "elementwise.h"

#include "../../core/error.h"
#include "activation.h"
#include "cells.h"

namespace grus::cuda {
namespace {

// T is float or Four throughout; strides and cols count Ts.

template <class T>
struct CopyRows {
  const T* x;
  int64_t x_stride;
  T* y;
  int64_t y_stride;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const { y[row * y_stride + col] = x[row * x_stride + col]; }
};

template <class T>
struct AddRows {
  const T* x;
  int64_t x_stride;
  T* y;
  int64_t y_stride;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const {
    const int64_t at = row * y_stride + col;
    y[at] = y[at] + x[row * x_stride + col];
  }
};

template <class T>
struct Activate {
  Activation f;
  const T* x;
  T* y;
  GRUS_DEVICE void operator()(int64_t i) const {
    y[i] = each([this](float value) { return activate(f, value); }, x[i]);
  }
};

template <class T>
struct ActivateGrad {
  Activation f;
  const T* y;
  const T* dy;
  T* dx;
  GRUS_DEVICE void operator()(int64_t i) const {
    dx[i] = each([this](float out, float d) { return d * activation_slope(f, out); }, y[i], dy[i]);
  }
};

template <class T>
struct Join {
  bool product;
  float factor;
  const T* x;
  T* y;
  int64_t cols;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const {
    const int64_t at = 2 * (row * cols) + col;
    const T forward = x[at], reverse = x[at + cols];
    y[row * cols + col] = product ? forward * reverse : (forward + reverse) * factor;
  }
};

template <class T>
struct JoinGrad {
  bool product;
  float factor;
  const T* x;
  const T* dy;
  T* dx;
  int64_t cols;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const {
    const int64_t forward = 2 * (row * cols) + col, reverse = forward + cols;
    const T d = dy[row * cols + col];
    dx[forward] = product ? d * x[reverse] : d * factor;
    dx[reverse] = product ? d * x[forward] : d * factor;
  }
};

void check(Merge kind) {
  if (kind != Merge::concat) return;
  throw Error(ErrorCode::invalid_argument, "[merge] expected sum, mul or ave, got concat, which needs no operation");
}

}  // namespace

void copy_rows(cudaStream_t stream, const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) {
  if (in_fours({x, y}, {x_stride, y_stride, cols})) {
    for_each_cell(stream, rows, cols / 4, CopyRows<Four>{fours(x), x_stride / 4, fours(y), y_stride / 4});
  } else {
    for_each_cell(stream, rows, cols, CopyRows<float>{x, x_stride, y, y_stride});
  }
}

void add_rows(cudaStream_t stream, const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) {
  if (in_fours({x, y}, {x_stride, y_stride, cols})) {
    for_each_cell(stream, rows, cols / 4, AddRows<Four>{fours(x), x_stride / 4, fours(y), y_stride / 4});
  } else {
    for_each_cell(stream, rows, cols, AddRows<float>{x, x_stride, y, y_stride});
  }
}

void bias_add(cudaStream_t stream, float* y, const float* bias, int64_t rows, int64_t cols) {
  add_rows(stream, bias, 0, y, cols, rows, cols);
}

void activation(cudaStream_t stream, const Activation& f, const float* x, float* y, int64_t count) {
  if (in_fours({x, y}, {count})) {
    for_each(stream, count / 4, Activate<Four>{f, fours(x), fours(y)});
  } else {
    for_each(stream, count, Activate<float>{f, x, y});
  }
}

void activation_grad(cudaStream_t stream, const Activation& f, const float* y, const float* dy, float* dx, int64_t count) {
  if (in_fours({y, dy, dx}, {count})) {
    for_each(stream, count / 4, ActivateGrad<Four>{f, fours(y), fours(dy), fours(dx)});
  } else {
    for_each(stream, count, ActivateGrad<float>{f, y, dy, dx});
  }
}

void merge(cudaStream_t stream, Merge kind, const float* x, float* y, int64_t rows, int64_t cols) {
  check(kind);
  const bool product = kind == Merge::mul;
  const float factor = kind == Merge::ave ? 0.5f : 1.0f;
  if (in_fours({x, y}, {cols})) {
    for_each_cell(stream, rows, cols / 4, Join<Four>{product, factor, fours(x), fours(y), cols / 4});
  } else {
    for_each_cell(stream, rows, cols, Join<float>{product, factor, x, y, cols});
  }
}

void merge_grad(cudaStream_t stream, Merge kind, const float* x, const float* dy, float* dx, int64_t rows, int64_t cols) {
  check(kind);
  const bool product = kind == Merge::mul;
  const float factor = kind == Merge::ave ? 0.5f : 1.0f;
  if (in_fours({x, dy, dx}, {cols})) {
    for_each_cell(stream, rows, cols / 4, JoinGrad<Four>{product, factor, fours(x), fours(dy), fours(dx), cols / 4});
  } else {
    for_each_cell(stream, rows, cols, JoinGrad<float>{product, factor, x, dy, dx, cols});
  }
}

}  // namespace grus::cuda
