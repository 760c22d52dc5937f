#include "add_in_order.h"
#include "cells.h"
#include "rows.h"

namespace grus::cuda {
namespace {

template <class T>
struct LookUp {
  const T* table;
  const int32_t* ids;
  T* y;
  int64_t cols;
  template <class Index>
  GRUS_DEVICE void operator()(Index row, Index col) const { y[row * cols + col] = table[ids[row] * cols + col]; }
};

// One column of the ids that are `bucket` in their low bits.
struct AddRows {
  static constexpr int kAtOnce = 8;
  float* dtable;
  const int32_t* ids;
  const float* dy;
  int64_t rows, cols;
  int32_t mask;

  template <class Index>
  GRUS_DEVICE void operator()(Index bucket, Index col) const {
    int64_t row = 0;
    for (; row + kAtOnce <= rows; row += kAtOnce) {
      int32_t id[kAtOnce];
      bool any = false;
      for (int k = 0; k < kAtOnce; ++k) {
        id[k] = ids[row + k];
        any = any || mine(id[k], bucket);
      }
      if (!any) continue;
      float* places[kAtOnce];
      float values[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k) {
        places[k] = mine(id[k], bucket) ? dtable + id[k] * cols + col : nullptr;
        values[k] = places[k] ? dy[(row + k) * cols + col] : 0.0f;
      }
      add_in_order(places, values);
    }
    for (; row < rows; ++row)
      if (mine(ids[row], bucket)) dtable[ids[row] * cols + col] += dy[row * cols + col];
  }

  template <class Index>
  GRUS_DEVICE bool mine(int32_t id, Index bucket) const { return static_cast<Index>(id & mask) == bucket; }
};

}  // namespace

void embedding(cudaStream_t stream, const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) {
  if (in_fours({table, y}, {cols})) {
    for_each_cell(stream, rows, cols / 4, LookUp<Four>{fours(table), ids, fours(y), cols / 4});
  } else {
    for_each_cell(stream, rows, cols, LookUp<float>{table, ids, y, cols});
  }
}

void embedding_grad(cudaStream_t stream, float* dtable, const int32_t* ids, const float* dy, int64_t rows, int64_t cols) {
  if (rows <= 0 || cols <= 0) return;
  // More buckets: fewer rows to add in each, but every thread looks at all ids. About 2^15 threads keep a GPU busy without wasting it.
  int32_t buckets = 64;
  while (buckets < 1024 && buckets * cols < 1 << 15) buckets *= 2;
  for_each_cell(stream, buckets, cols, AddRows{dtable, ids, dy, rows, cols, buckets - 1});
}

}  // namespace grus::cuda
