#include <cmath>

#include "cells.h"
#include "rows.h"

namespace grus::cuda {
namespace {

struct Means {
  using Value = double;
  LayerNorm norm;
  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double map(int64_t row, int64_t col) const { return norm.x[row * norm.cols + col]; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE void done(int64_t row, double sum) const { norm.statistics[2 * row] = sum / static_cast<double>(norm.cols); }
};

// The second pass over a row: its variance about the mean, then its values.
struct Normalize {
  using Value = double;
  LayerNorm norm;
  const float* bias;
  float* y;
  GRUS_DEVICE double about_mean(int64_t row, int64_t col) const { return norm.x[row * norm.cols + col] - norm.statistics[2 * row]; }
  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double map(int64_t row, int64_t col) const {
    const double distance = about_mean(row, col);
    return distance * distance;
  }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE void each(int64_t row, int64_t col, double squares) const {
    const double scale = 1 / sqrt(squares / static_cast<double>(norm.cols) + norm.epsilon);
    if (col == 0) norm.statistics[2 * row + 1] = scale;
    float value = static_cast<float>(about_mean(row, col) * scale);
    if (norm.weight) value *= norm.weight[col];
    if (bias) value += bias[col];
    y[row * norm.cols + col] = value;
  }
};

struct TwoSums {
  double first, second;
};

struct NormalizeGrad {
  using Value = TwoSums;
  LayerNorm norm;
  const float* dy;
  float* dx;
  GRUS_DEVICE double normalized(int64_t row, int64_t col) const {
    return (norm.x[row * norm.cols + col] - norm.statistics[2 * row]) * norm.statistics[2 * row + 1];
  }
  GRUS_DEVICE float gradient(int64_t row, int64_t col) const {   // of the normalized value
    const float d = dy[row * norm.cols + col];
    return norm.weight ? d * norm.weight[col] : d;
  }
  GRUS_DEVICE Value identity() const { return {0, 0}; }
  GRUS_DEVICE Value map(int64_t row, int64_t col) const {
    const double d = gradient(row, col);
    return {d, d * normalized(row, col)};
  }
  GRUS_DEVICE Value combine(Value a, Value b) const { return {a.first + b.first, a.second + b.second}; }
  GRUS_DEVICE void each(int64_t row, int64_t col, Value sums) const {
    const double count = static_cast<double>(norm.cols);
    const double rest = gradient(row, col) - sums.first / count - normalized(row, col) * (sums.second / count);
    dx[row * norm.cols + col] = static_cast<float>(norm.statistics[2 * row + 1] * rest);
  }
};

struct WeightGrad {
  using Value = double;
  NormalizeGrad of;
  float* dweight;
  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double map(int64_t row, int64_t col) const { return of.dy[row * of.norm.cols + col] * of.normalized(row, col); }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE void done(int64_t col, double sum) const { dweight[col] = static_cast<float>(dweight[col] + sum); }
};

// One block for each column instead of each 32.
struct SpreadWeightGrad : WeightGrad {
  GRUS_DEVICE double map(int64_t col, int64_t row) const { return WeightGrad::map(row, col); }
};

}  // namespace

void layer_norm(cudaStream_t stream, const LayerNorm& norm, const float* bias, float* y) {
  if (norm.cols <= 0) return;
  reduce_rows(stream, norm.rows, norm.cols, Means{norm});
  transform_rows(stream, norm.rows, norm.cols, Normalize{norm, bias, y});
}

void layer_norm_grad(cudaStream_t stream, const LayerNorm& norm, const float* dy, float* dx, float* dweight) {
  const NormalizeGrad grad{norm, dy, dx};
  if (dweight && norm.cols <= 1024) {   // as bias_grad
    reduce_rows(stream, norm.cols, norm.rows, SpreadWeightGrad{{grad, dweight}});
  } else if (dweight) {
    reduce_columns(stream, norm.rows, norm.cols, WeightGrad{grad, dweight});
  }
  if (dx) transform_rows(stream, norm.rows, norm.cols, grad);
}

}  // namespace grus::cuda
