#pragma once
#include <vector>

#include "../../backend.h"
#include "launch.h"

namespace grus::cuda {

// Stretches of the flat buffers that one launch works on. They travel inside the functor: a captured step keeps its bytes.
struct Stretches {
  static constexpr int most = 32;
  int count = 0;
  int64_t total = 0;               // elements of all of them
  int64_t start[most] = {};        // of each among these elements
  int64_t offset[most] = {};       // of each in the flat buffer

  GRUS_DEVICE int find(int64_t i) const {
    int low = 0, high = count;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (start[middle] <= i) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
  GRUS_DEVICE int64_t place(int stretch, int64_t i) const { return offset[stretch] + (i - start[stretch]); }

  void add(int64_t at, int64_t length) {
    start[count] = total;
    offset[count++] = at;
    total += length;
  }
};

// The segments that are wanted, neighbours joined where they are alike.
template <class Wanted, class Alike>
std::vector<Segment> joined(const Segment* segment, int segments, const Wanted& wanted, const Alike& alike) {
  std::vector<Segment> all;
  for (const Segment* s = segment; s != segment + segments; ++s) {
    if (s->count <= 0 || !wanted(*s)) continue;
    if (!all.empty() && all.back().offset + all.back().count == s->offset && alike(all.back(), *s)) {
      all.back().count += s->count;
    } else {
      all.push_back(*s);
    }
  }
  return all;
}

// body(first, count) for chunks of at most Stretches::most
template <class Body>
void in_chunks(size_t count, const Body& body) {
  constexpr size_t most = Stretches::most;
  for (size_t first = 0; first < count; first += most) body(first, std::min(most, count - first));
}

inline Stretches stretches_of(const Segment* segment, size_t count) {
  Stretches all;
  for (size_t i = 0; i < count; ++i) all.add(segment[i].offset, segment[i].count);
  return all;
}

}  // namespace grus::cuda
