// Valid steps of a ragged batch, one after the other: the products over the whole sequence then cost what the valid steps cost, and what
// lies in the padding, NaN too, stays out of them.
#include <cstring>

#include "gru_backward.h"

namespace grus {

void GruBackwardPass::list_valid() {
  const int64_t batch = args_.batch;
  int64_t* next = space_.valid;
  for (int64_t time = 0; time < args_.steps; ++time) {
    const uint8_t* valid = space_.mask.valid(time);
    for (int64_t row = 0, rows = space_.mask.active(time); row < rows; ++row) {
      if (valid[row]) *next++ = time * batch + row;
    }
  }
}

void GruBackwardPass::compact_gates(int direction) {
  const int64_t width = layout_.reserve_width();
  const auto compact = [&](int64_t panel) {
    float* reserve = streams_[direction].reserve + panel * reserve_.panel_floats();
    for (int64_t n = 0; n < space_.mask.total(); ++n) {
      const int64_t at = space_.valid[n];
      if (n != at) std::memcpy(reserve + n * width, reserve + at * width, static_cast<size_t>(width) * sizeof(float));
    }
  };
  team_.parallel(layout_.panels(), compact);
}

void GruBackwardPass::spread(int64_t inputs, float* dx) const {
  const size_t bytes = static_cast<size_t>(inputs) * sizeof(float);
  int64_t n = space_.mask.total() - 1;
  for (int64_t at = int64_t{args_.batch} * args_.steps - 1; at >= 0; --at) {
    if (n >= 0 && space_.valid[n] == at) {
      if (n != at) std::memcpy(dx + at * inputs, dx + n * inputs, bytes);
      --n;
    } else {
      std::memset(dx + at * inputs, 0, bytes);
    }
  }
}

}  // namespace grus
