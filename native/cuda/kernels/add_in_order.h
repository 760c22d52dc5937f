#pragma once
#include "../../core/device.h"

namespace grus::cuda {

// *places[k] += values[k] for k = 0, 1, ...; null places are passed over, and one place may come more than once. All are read first, so
// that a thread waits for memory once and not Count times; Count is small enough for registers.
template <int Count>
GRUS_DEVICE void add_in_order(float* const (&places)[Count], const float (&values)[Count]) {
  float sums[Count];
  for (int k = 0; k < Count; ++k) sums[k] = places[k] ? *places[k] : 0.0f;
  for (int k = 0; k < Count; ++k) {
    for (int before = 0; before < k; ++before)
      if (places[before] == places[k]) sums[k] = sums[before];
    sums[k] += values[k];
  }
  for (int k = 0; k < Count; ++k)
    if (places[k]) *places[k] = sums[k];
}

}  // namespace grus::cuda
