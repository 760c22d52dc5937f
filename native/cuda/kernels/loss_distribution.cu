#include "loss_distribution.h"

#include "long_rows.h"

namespace grus::cuda {
namespace {

GRUS_DEVICE inline Totals sum_of(const Totals& a, const Totals& b) { return {a.a + b.a, a.b + b.b, a.c + b.c}; }

// One thread does a row.
template <class Rows>
struct ShortRows {
  using Value = double;
  Rows rows;
  double* stats;

  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE double map(int64_t row) const {
    const int64_t cols = rows.loss.cols;
    float* d = rows.loss.d_prediction ? rows.loss.d_prediction + row * cols : nullptr;
    if (rows.masked(row)) {
      for (int64_t c = 0; c < cols && d; ++c) d[c] = 0;
      return 0;
    }
    double first = rows.before();
    for (int64_t c = 0; c < cols; ++c) first = rows.join(first, rows.first(row, c));
    Totals second{0, 0, 0};
    for (int64_t c = 0; c < cols; ++c) second = sum_of(second, rows.second(row, c, first));
    const RowResult result = rows.result(first, second);
    const float scale = rows.scale(row);
    for (int64_t c = 0; c < cols && d; ++c) d[c] = rows.gradient(row, c, result, scale);
    return rows.weight(row) * result.value;
  }
  GRUS_DEVICE void done(double total) const { rows.add(total, true, stats); }
};

// A block does a row, or a piece of one, and each pass is a launch. Results of the rows from `begin` on lie in the scratch.
template <class Rows>
struct First {
  using Value = double;
  Rows rows;
  int64_t begin;
  RowResult* results;

  GRUS_DEVICE double identity() const { return rows.before(); }
  GRUS_DEVICE double combine(double a, double b) const { return rows.join(a, b); }
  GRUS_DEVICE double map(int64_t row, int64_t col) const { return rows.masked(begin + row) ? identity() : rows.first(begin + row, col); }
  GRUS_DEVICE void done(int64_t row, double value) const { results[row].first = value; }
};

template <class Rows>
struct Second {
  using Value = Totals;
  Rows rows;
  int64_t begin;
  RowResult* results;

  GRUS_DEVICE Totals identity() const { return {0, 0, 0}; }
  GRUS_DEVICE Totals combine(const Totals& a, const Totals& b) const { return sum_of(a, b); }
  GRUS_DEVICE Totals map(int64_t row, int64_t col) const {
    return rows.masked(begin + row) ? identity() : rows.second(begin + row, col, results[row].first);
  }
  GRUS_DEVICE void done(int64_t row, const Totals& sum) const {
    RowResult result{0, 0, 0};
    if (!rows.masked(begin + row)) {
      result = rows.result(results[row].first, sum);
      result.value *= rows.weight(begin + row);
    }
    results[row] = result;
  }
};

template <class Rows>
struct Gradient {
  Rows rows;
  int64_t begin;
  const RowResult* results;

  GRUS_DEVICE void operator()(int64_t i) const {
    const int64_t at = quotient(i, rows.loss.cols), row = begin + at, col = i - at * rows.loss.cols;
    rows.loss.d_prediction[rows.place(row, col)] = rows.masked(row) ? 0.0f : rows.gradient(row, col, results[at], rows.scale(row));
  }
};

template <class Rows>
struct Sum {
  using Value = double;
  Rows rows;
  const RowResult* results;
  bool complete;
  double* stats;

  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE double map(int64_t row) const { return results[row].value; }
  GRUS_DEVICE void done(double total) const { rows.add(total, complete, stats); }
};

template <class Rows>
void enqueue(cudaStream_t stream, const Rows& rows, double* stats, void* scratch) {
  const int64_t cols = rows.loss.cols;
  if (are_short_rows(rows.loss.rows, cols)) return reduce_all(stream, rows.loss.rows, ShortRows<Rows>{rows, stats}, scratch);
  // The results end where the scratch does, partial sums lie at its start; rows that are cut into pieces are so few that 32 KiB stay free.
  constexpr int64_t most = 2048, half = 32 << 10;
  static_assert(kPieces / 2 * sizeof(RowResult) <= half && most * sizeof(RowResult) <= half + half / 2);
  for (int64_t begin = 0; begin < rows.loss.rows; begin += most) {
    const int64_t count = std::min(most, rows.loss.rows - begin);
    auto* results = reinterpret_cast<RowResult*>(static_cast<char*>(scratch) + 2 * half) - count;
    reduce_long_rows(stream, count, cols, First<Rows>{rows, begin, results}, scratch);
    reduce_long_rows(stream, count, cols, Second<Rows>{rows, begin, results}, scratch);
    if (rows.loss.d_prediction) for_each(stream, count * cols, Gradient<Rows>{rows, begin, results});
    reduce_all(stream, count, Sum<Rows>{rows, results, begin + count == rows.loss.rows, stats}, scratch);
  }
}

}  // namespace

void distribution_loss(cudaStream_t stream, const Loss& options, const StepScalars* scalars, double* stats, void* scratch) {
  if (options.from_logits) {
    enqueue(stream, FromLogits{{{options, scalars}}}, stats, scratch);
  } else {
    enqueue(stream, FromProbabilities{{{options, scalars}}}, stats, scratch);
  }
}

}  // namespace grus::cuda
