#include <algorithm>
#include <cmath>

#include "../../core/philox.h"
#include "cells.h"
#include "elementwise.h"

namespace grus::cuda {
namespace {

// One draw of Philox decides over four neighbours. The mask of `period` elements repeats over all `total` of them.
struct DropFour {
  const StepScalars* scalars;
  const float* x;
  float* y;
  int64_t period, total;
  uint32_t layer;
  uint32_t threshold;             // dropped when the 32-bit word is below
  float scale;
  bool aligned;                   // every four is a Four

  template <class Index>
  GRUS_DEVICE void operator()(Index repeat, Index counter) const {
    const uint64_t seed = scalars->seed, draw = counter;
    const Philox::Words words =
        Philox::draw({{static_cast<uint32_t>(draw), static_cast<uint32_t>(draw >> 32), static_cast<uint32_t>(scalars->step), layer}},
                     {{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}});
    const int64_t in_mask = 4 * static_cast<int64_t>(counter), start = repeat * period + in_mask;
    if (aligned) {
      if (start >= total) return;
      const Four from = reinterpret_cast<const Four*>(x)[start / 4];
      reinterpret_cast<Four*>(y)[start / 4] = {kept(words.at[0], from.x), kept(words.at[1], from.y), kept(words.at[2], from.z),
                                               kept(words.at[3], from.w)};
      return;
    }
    for (int k = 0; k < 4; ++k)
      if (in_mask + k < period && start + k < total) y[start + k] = kept(words.at[k], x[start + k]);
  }

  GRUS_DEVICE float kept(uint32_t word, float value) const { return word < threshold ? 0.0f : value * scale; }   // a dropped NaN is gone
};

struct Zero {
  float* y;
  GRUS_DEVICE void operator()(int64_t i) const { y[i] = 0; }
};

}  // namespace

void dropout(cudaStream_t stream, const Dropout& options, const StepScalars* scalars, const float* x, float* y) {
  const int64_t total = options.rows * options.cols;
  if (total <= 0) return;
  if (!(options.rate > 0)) {
    if (y != x) copy_rows(stream, x, total, y, total, 1, total);
    return;
  }
  if (options.rate >= 1) return for_each(stream, total, Zero{y});
  // word * 2^-32 < rate exactly when word < ceil(rate * 2^32); a float below 1 keeps that below 2^32
  const auto threshold = static_cast<uint32_t>(std::ceil(static_cast<double>(options.rate) * 4294967296.0));
  const int64_t rows = options.row_period > 0 ? std::min(options.row_period, options.rows) : options.rows, period = rows * options.cols;
  for_each_cell(stream, (total + period - 1) / period, (period + 3) / 4,
                DropFour{scalars, x, y, period, total, options.layer, threshold, 1.0f / (1.0f - options.rate),
                         in_fours({x, y}, {period, total})});
}

}  // namespace grus::cuda
