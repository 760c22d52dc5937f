#include "clip.h"

#include <cmath>

#include "stretches.h"

namespace grus::cuda {
namespace {

struct Sum {
  using Value = double;
  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
};

GRUS_DEVICE inline double square(double x) { return x * x; }

struct AllSquares : Sum {
  Stretches stretches;
  const float* gradients = nullptr;
  bool first = true;
  double* squares = nullptr;

  GRUS_DEVICE double map(int64_t i) const { return square(gradients[stretches.place(stretches.find(i), i)]); }
  GRUS_DEVICE void done(double sum) const { *squares = first ? sum : *squares + sum; }
};

// Stretches cut into pieces of one width, so that a large one keeps many blocks busy; `pieces` counts in pieces.
struct Pieces {
  Stretches pieces;
  int64_t length[Stretches::most] = {};
  int64_t width = 0, longest = 0;

  GRUS_DEVICE int64_t pieces_of(int64_t stretch) const {
    return (stretch + 1 < pieces.count ? pieces.start[stretch + 1] : pieces.total) - pieces.start[stretch];
  }
};

struct PieceSquares : Sum {
  Pieces cut;
  const float* gradients = nullptr;
  double* partial = nullptr;

  GRUS_DEVICE double map(int64_t piece, int64_t at) const {
    const int stretch = cut.pieces.find(piece);
    const int64_t i = (piece - cut.pieces.start[stretch]) * cut.width + at;
    return i < cut.length[stretch] ? square(gradients[cut.pieces.offset[stretch] + i]) : 0.0;
  }
  GRUS_DEVICE void done(int64_t piece, double sum) const { partial[piece] = sum; }
};

struct StretchSquares : Sum {
  Pieces cut;
  const double* partial = nullptr;
  double* squares = nullptr;

  GRUS_DEVICE double map(int64_t stretch, int64_t piece) const {
    return piece < cut.pieces_of(stretch) ? partial[cut.pieces.start[stretch] + piece] : 0.0;
  }
  GRUS_DEVICE void done(int64_t stretch, double sum) const { squares[stretch] = sum; }
};

struct Factors {
  float limit = 0;
  const double* squares = nullptr;
  float* factors = nullptr;
  int begin[Stretches::most] = {}, end[Stretches::most] = {};   // the variable's stretches
  int first = 0;

  GRUS_DEVICE void operator()(int64_t i) const {
    double sum = 0;
    for (int k = begin[i]; k < end[i]; ++k) sum += squares[k];
    const double norm = sqrt(sum);
    factors[first + i] = norm <= limit ? 1.0f : static_cast<float>(limit / norm);   // NaN of NaN
  }
};

Pieces cut_up(const Segment* stretch, size_t count) {
  constexpr int64_t most = 4096, narrowest = 4096;
  int64_t total = 0;
  for (size_t i = 0; i < count; ++i) total += stretch[i].count;
  Pieces cut;
  cut.width = std::max(narrowest, (total + most - 1) / most);
  for (size_t i = 0; i < count; ++i) {
    const int64_t pieces = (stretch[i].count + cut.width - 1) / cut.width;
    cut.pieces.add(stretch[i].offset, pieces);
    cut.length[i] = stretch[i].count;
    cut.longest = std::max(cut.longest, pieces);
  }
  static_assert((most + Stretches::most) * sizeof(double) <= kSquaresAt, "the pieces' sums are too many for the scratch");
  return cut;
}

}  // namespace

void sum_squares(cudaStream_t stream, const std::vector<Segment>& stretches, const float* gradients, double* squares, void* scratch) {
  AllSquares sum;
  sum.gradients = gradients;
  sum.squares = squares;
  if (stretches.empty()) reduce_all(stream, 0, sum, scratch);
  in_chunks(stretches.size(), [&](size_t first, size_t count) {
    sum.stretches = stretches_of(stretches.data() + first, count);
    sum.first = first == 0;
    reduce_all(stream, sum.stretches.total, sum, scratch);
  });
}

void variable_factors(cudaStream_t stream, const Segment* stretch, size_t count, float limit, const float* gradients, void* scratch) {
  auto* partial = static_cast<double*>(scratch);
  auto* squares = partial + kSquaresAt / sizeof(double);
  in_chunks(count, [&](size_t first, size_t size) {
    PieceSquares pieces;
    pieces.cut = cut_up(stretch + first, size);
    pieces.gradients = gradients;
    pieces.partial = partial;
    reduce_rows(stream, pieces.cut.pieces.total, pieces.cut.width, pieces);
    StretchSquares whole;
    whole.cut = pieces.cut;
    whole.partial = partial;
    whole.squares = squares + first;
    reduce_rows(stream, static_cast<int64_t>(size), pieces.cut.longest, whole);
  });
  in_chunks(count, [&](size_t first, size_t size) {
    Factors factors;
    factors.limit = limit;
    factors.squares = squares;
    factors.factors = static_cast<float*>(scratch) + kFactorsAt / sizeof(float);
    factors.first = static_cast<int>(first);
    for (size_t i = 0; i < size; ++i) {
      size_t begin = first + i, end = begin + 1;
      while (begin > 0 && stretch[begin - 1].variable == stretch[first + i].variable) --begin;
      while (end < count && stretch[end].variable == stretch[first + i].variable) ++end;
      factors.begin[i] = static_cast<int>(begin);
      factors.end[i] = static_cast<int>(end);
    }
    for_each(stream, static_cast<int64_t>(size), factors);
  });
}

}  // namespace grus::cuda
