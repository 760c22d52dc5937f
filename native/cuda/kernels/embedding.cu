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

// One column of one id's rows, added to the table in their order. What is read ahead does not depend on the sum.
template <class T>
struct AddList {
  static constexpr int kAtOnce = 16;
  T* dtable;
  const int32_t* ids;
  const int32_t* order;
  const int32_t* starts;
  const T* dy;
  int64_t cols;

  template <class Index>
  GRUS_DEVICE void operator()(Index list, Index col) const {
    int64_t i = starts[list];
    const int64_t end = starts[list + 1];
    if (i == end) return;
    T* place = dtable + ids[order[i]] * cols + col;
    T sum = *place;
    for (; i + kAtOnce <= end; i += kAtOnce) {
      T values[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k) values[k] = dy[order[i + k] * cols + col];
      for (int k = 0; k < kAtOnce; ++k) sum = sum + values[k];
    }
    for (; i < end; ++i) sum = sum + dy[order[i] * cols + col];
    *place = sum;
  }
};

}  // namespace

void embedding(cudaStream_t stream, const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) {
  if (in_fours({table, y}, {cols})) {
    for_each_cell(stream, rows, cols / 4, LookUp<Four>{fours(table), ids, fours(y), cols / 4});
  } else {
    for_each_cell(stream, rows, cols, LookUp<float>{table, ids, y, cols});
  }
}

// Each id has its own threads, so nothing is added to one place by two.
void embedding_grad(cudaStream_t stream, float* dtable, const int32_t* ids, const IdLists& lists, const float* dy, int64_t rows,
                    int64_t cols) {
  if (rows <= 0) return;
  if (in_fours({dtable, dy}, {cols})) {
    for_each_cell(stream, lists.lists, cols / 4, AddList<Four>{fours(dtable), ids, lists.order, lists.starts, fours(dy), cols / 4});
  } else {
    for_each_cell(stream, lists.lists, cols, AddList<float>{dtable, ids, lists.order, lists.starts, dy, cols});
  }
}

}  // namespace grus::cuda
