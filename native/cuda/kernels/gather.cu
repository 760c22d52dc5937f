#include "add_in_order.h"
#include "cells.h"
#include "elementwise.h"

namespace grus::cuda {
namespace {

// T is float or Four; the strides count Ts.
template <class T>
struct Gather {
  const int32_t* map;
  int batch;
  const T* x;
  const T* fallback;
  T* y;
  int64_t x_stride, y_stride, fallback_stride;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const {
    const int64_t from = map[row], b = row % static_cast<Index>(batch);
    T value{};
    if (from >= 0) {
      value = x[(from * batch + b) * x_stride + col];
    } else if (fallback) {
      value = fallback[b * fallback_stride + col];
    }
    y[row * y_stride + col] = value;
  }
};

// Several steps may come from one, but never from another sequence: a thread walks the steps of one sequence, in order.
struct GatherGrad {
  static constexpr int kAtOnce = 8;
  GatherSteps gather;
  const float* dy;
  float* dx;
  float* dfallback;
  template <class Index>
  GRUS_DEVICE void operator()(Index b, Index col) const {
    for (int t = 0; t < gather.steps; t += kAtOnce) {
      float* places[kAtOnce];
      float values[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k) {
        places[k] = t + k < gather.steps ? place(t + k, b, col) : nullptr;
        values[k] = places[k] ? dy[(int64_t{t + k} * gather.batch + b) * gather.y_stride + col] : 0.0f;
      }
      add_in_order(places, values);
    }
  }
  GRUS_DEVICE float* place(int64_t t, int64_t b, int64_t col) const {
    const int64_t from = gather.map[t * gather.batch + b];
    if (from >= 0) return dx ? dx + (from * gather.batch + b) * gather.x_stride + col : nullptr;
    return dfallback ? dfallback + b * gather.fallback_stride + col : nullptr;
  }
};

}  // namespace

void gather_steps(cudaStream_t stream, const GatherSteps& gather, const float* x, const float* fallback, float* y) {
  const int64_t rows = int64_t{gather.steps} * gather.batch, cols = gather.cols;
  const int64_t spare_stride = fallback ? gather.fallback_stride : 0;
  if (in_fours({x, fallback, y}, {cols, gather.x_stride, gather.y_stride, spare_stride})) {
    for_each_cell(stream, rows, cols / 4,
                  Gather<Four>{gather.map, gather.batch, fours(x), fours(fallback), fours(y), gather.x_stride / 4, gather.y_stride / 4,
                               spare_stride / 4});
  } else {
    for_each_cell(stream, rows, cols,
                  Gather<float>{gather.map, gather.batch, x, fallback, y, gather.x_stride, gather.y_stride, spare_stride});
  }
}

void gather_steps_grad(cudaStream_t stream, const GatherSteps& gather, const float* dy, float* dx, float* dfallback) {
  for_each_cell(stream, gather.batch, gather.cols, GatherGrad{gather, dy, dx, dfallback});
}

}  // namespace grus::cuda
