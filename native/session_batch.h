#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace grus {

// One batch as users hold it: batch-major, on the host, read during the call only. Null: not given.
struct HostBatch {
  int64_t batch = 0, steps = 0;             // steps 1 when the input is not a sequence
  const float* x = nullptr;                 // [B, T, I] or [B, I]
  const int32_t* ids = nullptr;             // [B, T]
  size_t x_count = 0;
  const uint8_t* mask = nullptr;            // [B, T]
  size_t mask_count = 0;
  const float* y = nullptr;                 // [B, T?, K]
  const int32_t* labels = nullptr;          // [B, T?]
  size_t y_count = 0;
  const float* weights = nullptr;           // [B, T?]
  size_t weights_count = 0;
};

// [B, T, C] -> [T, B, C]; with B and T exchanged the way back. The two do not overlap.
template <class T>
void swap_axes(const T* __restrict source, T* __restrict destination, int64_t outer, int64_t inner, int64_t cols) {
  if (outer == 1 || inner == 1) {
    std::memcpy(destination, source, static_cast<size_t>(outer * inner * cols) * sizeof(T));
    return;
  }
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      const T* __restrict from = source + (o * inner + i) * cols;
      T* __restrict to = destination + (i * outer + o) * cols;
      for (int64_t c = 0; c < cols; ++c) to[c] = from[c];
    }
  }
}

// Grows, never shrinks: a staging vector's size is the largest seen.
template <class T>
T* room(std::vector<T>& staging, int64_t count) {
  if (staging.size() < static_cast<size_t>(count)) staging.resize(static_cast<size_t>(count));
  return staging.data();
}

}  // namespace grus
