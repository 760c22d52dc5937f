#include "rows.h"

#include <cmath>

#include "cells.h"

namespace grus::cuda {
namespace {

struct ColumnSums {
  using Value = double;
  float* sums;
  const float* x;
  int64_t cols;
  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double map(int64_t row, int64_t col) const { return x[row * cols + col]; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE void done(int64_t col, double sum) const { sums[col] = static_cast<float>(sums[col] + sum); }
};

// One block for each column instead of each 32.
struct SpreadColumnSums : ColumnSums {
  GRUS_DEVICE double map(int64_t col, int64_t row) const { return ColumnSums::map(row, col); }
};

// Sum of exp(x - maximum) over what has been seen so far: one pass finds both.
struct Exponentials {
  float maximum;
  double sum;
};

struct Softmax {
  using Value = Exponentials;
  const float* x;
  float* y;
  int64_t cols;
  GRUS_DEVICE Value identity() const { return {-INFINITY, 0}; }
  GRUS_DEVICE Value map(int64_t row, int64_t col) const { return {x[row * cols + col], 1}; }
  GRUS_DEVICE Value combine(Value a, Value b) const {
    if (a.maximum == b.maximum) return {a.maximum, a.sum + b.sum};   // of two infinities the difference would be NaN
    const double less = expf(-fabsf(a.maximum - b.maximum));         // NaN of a NaN, and then so is the sum for good
    return a.maximum > b.maximum ? Value{a.maximum, a.sum + b.sum * less} : Value{b.maximum, a.sum * less + b.sum};
  }
  GRUS_DEVICE void each(int64_t row, int64_t col, Value all) const {
    const float scale = static_cast<float>(1.0 / all.sum) + (all.maximum - all.maximum);   // NaN when the maximum is infinite
    y[row * cols + col] = expf(x[row * cols + col] - all.maximum) * scale;
  }
};

struct SoftmaxGrad {
  using Value = double;
  const float* y;
  const float* dy;
  float* dx;
  int64_t cols;
  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double map(int64_t row, int64_t col) const { return static_cast<double>(y[row * cols + col]) * dy[row * cols + col]; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE void each(int64_t row, int64_t col, double dot) const {
    const int64_t at = row * cols + col;
    dx[at] = y[at] * (dy[at] - static_cast<float>(dot));
  }
};

}  // namespace

void bias_grad(cudaStream_t stream, float* dbias, const float* dy, int64_t rows, int64_t cols) {
  // A bias is narrow and its rows are many: reading with gaps costs less than leaving most of the GPU idle.
  if (cols <= 1024) {
    reduce_rows(stream, cols, rows, SpreadColumnSums{{dbias, dy, cols}});
  } else {
    reduce_columns(stream, rows, cols, ColumnSums{dbias, dy, cols});
  }
}

void softmax(cudaStream_t stream, const float* x, float* y, int64_t rows, int64_t cols) {
  transform_rows(stream, rows, cols, Softmax{x, y, cols});
}

void softmax_grad(cudaStream_t stream, const float* y, const float* dy, float* dx, int64_t rows, int64_t cols) {
  transform_rows(stream, rows, cols, SoftmaxGrad{y, dy, dx, cols});
}

}  // namespace grus::cuda
