// Valid steps of a ragged batch, one after the other: the products over a stretch of steps then cost what the valid steps cost, and what
// lies in the padding, NaN too, stays out of them.
#include <cstring>

#include "gru_backward.h"

namespace grus {

void GruBackwardPass::list_valid() {
  const int64_t batch = args_.batch;
  for (int64_t i = 0; i < space_.stretches; ++i) {
    const Stretch s = stretch(i);
    int64_t* const first = space_.valid + s.begin * batch;
    int64_t* next = first;
    for (int64_t time = s.begin; time < s.end; ++time) {
      const uint8_t* valid = space_.mask.valid(time);
      for (int64_t row = 0, rows = space_.mask.active(time); row < rows; ++row) {
        if (valid[row]) *next++ = time * batch + row;
      }
    }
    space_.valid_count[i] = next - first;
  }
}

void GruBackwardPass::compact_gates(int direction, const Stretch& s) {
  const int64_t width = layout_.reserve_width(), first = s.begin * args_.batch, count = rows_of(s);
  each(layout_.panels(), static_cast<double>(count * width * layout_.panels()), [&](int64_t panel) {
    float* reserve = streams_[direction].reserve + panel * reserve_.panel_floats();
    for (int64_t n = 0; n < count; ++n) {
      const int64_t at = space_.valid[first + n];
      if (first + n != at) std::memcpy(reserve + (first + n) * width, reserve + at * width, static_cast<size_t>(width) * sizeof(float));
    }
  });
}

void GruBackwardPass::spread(const Stretch& s, int64_t inputs, float* dx) const {
  const size_t bytes = static_cast<size_t>(inputs) * sizeof(float);
  const int64_t first = s.begin * args_.batch;
  int64_t n = rows_of(s) - 1;
  for (int64_t at = s.end * args_.batch - 1; at >= first; --at) {
    if (n >= 0 && space_.valid[first + n] == at) {
      if (first + n != at) std::memcpy(dx + at * inputs, dx + (first + n) * inputs, bytes);
      --n;
    } else {
      std::memset(dx + at * inputs, 0, bytes);
    }
  }
}

}  // namespace grus
