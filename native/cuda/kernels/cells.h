#pragma once
#include <cstdint>
#include <initializer_list>

#include "launch.h"

// Work on the elements of matrices.
namespace grus::cuda {

// Four neighbours, moved in one access of 16 bytes.
struct alignas(16) Four {
  float x, y, z, w;
};
GRUS_DEVICE inline Four operator+(Four a, Four b) { return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w}; }
GRUS_DEVICE inline Four operator*(Four a, Four b) { return {a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w}; }
GRUS_DEVICE inline Four operator*(Four a, float b) { return {a.x * b, a.y * b, a.z * b, a.w * b}; }

// One value or four, by a function of one value (of each argument).
template <class F>
GRUS_DEVICE float each(const F& f, float a) { return f(a); }
template <class F>
GRUS_DEVICE Four each(const F& f, Four a) { return {f(a.x), f(a.y), f(a.z), f(a.w)}; }
template <class F>
GRUS_DEVICE float each(const F& f, float a, float b) { return f(a, b); }
template <class F>
GRUS_DEVICE Four each(const F& f, Four a, Four b) { return {f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w)}; }

inline const Four* fours(const float* x) { return reinterpret_cast<const Four*>(x); }
inline Four* fours(float* x) { return reinterpret_cast<Four*>(x); }

// Whether matrices at these places (null ones aside), with these widths and strides in floats, consist of Fours.
inline bool in_fours(std::initializer_list<const void*> places, std::initializer_list<int64_t> sizes) {
  for (const void* place : places)
    if (reinterpret_cast<uintptr_t>(place) % sizeof(Four) != 0) return false;
  for (const int64_t size : sizes)
    if (size % 4 != 0) return false;
  return true;
}

template <class Index, class F>
struct Cells {
  Index cols;
  F f;
  GRUS_DEVICE void operator()(int64_t i) const {
    const Index row = static_cast<Index>(i) / cols;
    f(row, static_cast<Index>(i) - row * cols);
  }
};

// f(row, col) for every element of [rows, cols], neighbouring columns in neighbouring threads. row and col are of one unsigned type, as
// wide as it must be: a division of 64 bits costs more than most of these operations.
template <class F>
void for_each_cell(cudaStream_t stream, int64_t rows, int64_t cols, F f) {
  if (rows <= 0 || cols <= 0) return;
  const int64_t count = rows * cols;
  if (count <= UINT32_MAX) {
    for_each(stream, count, Cells<uint32_t, F>{static_cast<uint32_t>(cols), f});
  } else {
    for_each(stream, count, Cells<uint64_t, F>{static_cast<uint64_t>(cols), f});
  }
}

}  // namespace grus::cuda
