#pragma once
#include "launch.h"

namespace grus::cuda {

// i / by with the short division wherever 32 bits hold both: the long one takes some seventy instructions.
GRUS_DEVICE inline int64_t quotient(int64_t i, int64_t by) {
  return ((i | by) >> 32) == 0 ? static_cast<int64_t>(static_cast<uint32_t>(i) / static_cast<uint32_t>(by)) : i / by;
}

constexpr int64_t kPieces = 1024;             // at most, of all rows together
constexpr int64_t kPieceColumns = 2048;       // at least

template <class R>
struct PieceOfRow {
  using Value = typename R::Value;
  R reduction;
  int64_t cols, pieces, width;
  Value* partial;

  GRUS_DEVICE Value identity() const { return reduction.identity(); }
  GRUS_DEVICE Value map(int64_t piece, int64_t at) const {
    const int64_t row = quotient(piece, pieces), col = (piece - row * pieces) * width + at;
    return col < cols ? reduction.map(row, col) : identity();
  }
  GRUS_DEVICE Value combine(const Value& a, const Value& b) const { return reduction.combine(a, b); }
  GRUS_DEVICE void done(int64_t piece, const Value& value) const { partial[piece] = value; }
};

template <class R>
struct JoinedPieces {
  using Value = typename R::Value;
  R reduction;
  int64_t pieces;
  const Value* partial;

  GRUS_DEVICE Value identity() const { return reduction.identity(); }
  GRUS_DEVICE Value map(int64_t row, int64_t piece) const { return partial[row * pieces + piece]; }
  GRUS_DEVICE Value combine(const Value& a, const Value& b) const { return reduction.combine(a, b); }
  GRUS_DEVICE void done(int64_t row, const Value& value) const { reduction.done(row, value); }
};

// reduce_rows that also keeps a GPU busy when there are few rows, and those long: they are cut into pieces, whose results lie at the start
// of scratch, in the first half of it.
template <class R>
void reduce_long_rows(cudaStream_t stream, int64_t rows, int64_t cols, const R& reduction, void* scratch) {
  static_assert(sizeof(typename R::Value) * kPieces <= (size_t{1} << 15), "the pieces' results are too large for the scratch");
  if (rows <= 0) return;
  const int64_t pieces = std::min(kPieces / rows, cols / kPieceColumns);
  if (pieces < 2) return reduce_rows(stream, rows, cols, reduction);
  auto* partial = static_cast<typename R::Value*>(scratch);
  const int64_t width = (cols + pieces - 1) / pieces;
  reduce_rows(stream, rows * pieces, width, PieceOfRow<R>{reduction, cols, pieces, width, partial});
  reduce_rows(stream, rows, pieces, JoinedPieces<R>{reduction, pieces, partial});
}

// Whether one thread per row is faster than one block: short rows, or so many that they fill the GPU anyway.
inline bool are_short_rows(int64_t rows, int64_t cols) { return cols <= (rows > 32768 ? 1024 : 128); }

}  // namespace grus::cuda
