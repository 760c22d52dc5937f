#include <cmath>

#include "long_rows.h"
#include "metric_rows.h"

namespace grus::cuda {
namespace {

// The largest value of a row and where it is first; a NaN is never the largest, unless it comes first, and then nothing exceeds it.
struct Largest {
  float value;
  int64_t at;
};

GRUS_DEVICE inline Largest nothing() { return {-INFINITY, INT64_MAX}; }
GRUS_DEVICE inline Largest candidate(float x, int64_t at) {
  if (x != x) return {at == 0 ? INFINITY : -INFINITY, at};
  return {x, at};
}
GRUS_DEVICE inline Largest larger(const Largest& a, const Largest& b) {
  return b.value > a.value || (b.value == a.value && b.at < a.at) ? b : a;
}

// Right: the largest prediction is that of the label, or of the largest target.
struct ByLargest : MetricContext {
  struct Value {
    Largest prediction, target;
  };
  GRUS_DEVICE Value identity() const { return {nothing(), nothing()}; }
  GRUS_DEVICE Value map(int64_t row, int64_t col) const {
    return {candidate(prediction(row, col), col), metric.labels ? nothing() : candidate(target(row, col), col)};
  }
  GRUS_DEVICE Value combine(const Value& a, const Value& b) const {
    return {larger(a.prediction, b.prediction), larger(a.target, b.target)};
  }
  GRUS_DEVICE bool right(int64_t row, const Value& row_value) const {
    return row_value.prediction.at == (metric.labels ? metric.labels[row] : row_value.target.at);
  }
};

// Right: fewer than k predictions are strictly larger than the label's; a row that holds NaN or infinity is wrong.
struct ByRank : MetricContext {
  struct Value {
    int64_t above;
    bool finite;
  };
  const int32_t* labels;           // of the rows from labels_begin on
  int64_t labels_begin;

  GRUS_DEVICE Value identity() const { return {0, true}; }
  GRUS_DEVICE Value map(int64_t row, int64_t col) const {
    const float p = prediction(row, col), of_label = prediction(row, labels[row - labels_begin]);
    return {p > of_label ? 1 : 0, p - p == 0};
  }
  GRUS_DEVICE Value combine(const Value& a, const Value& b) const { return {a.above + b.above, a.finite && b.finite}; }
  GRUS_DEVICE bool right(int64_t, const Value& value) const { return value.finite && value.above < metric.k; }
};

struct RowCounts {
  double right, rows;
};

// One thread does a row.
template <class Rule>
struct ShortRows {
  using Value = RowCounts;
  Rule rule;
  int64_t begin;

  GRUS_DEVICE RowCounts identity() const { return {0, 0}; }
  GRUS_DEVICE RowCounts combine(const RowCounts& a, const RowCounts& b) const { return {a.right + b.right, a.rows + b.rows}; }
  GRUS_DEVICE RowCounts map(int64_t i) const {
    const int64_t row = begin + i;
    if (!rule.valid(row)) return identity();
    typename Rule::Value value = rule.identity();
    for (int64_t col = 0; col < rule.metric.cols; ++col) value = rule.combine(value, rule.map(row, col));
    return {rule.right(row, value) ? 1.0 : 0.0, 1};
  }
  GRUS_DEVICE void done(const RowCounts& sum) const {
    rule.metric.stats[0] += sum.right;
    rule.metric.stats[1] += sum.rows;
  }
};

// A block does a row, or a piece of one.
template <class Rule>
struct LongRows {
  using Value = typename Rule::Value;
  Rule rule;
  int64_t begin;

  GRUS_DEVICE Value identity() const { return rule.identity(); }
  GRUS_DEVICE Value combine(const Value& a, const Value& b) const { return rule.combine(a, b); }
  GRUS_DEVICE Value map(int64_t row, int64_t col) const { return rule.valid(begin + row) ? rule.map(begin + row, col) : identity(); }
  GRUS_DEVICE void done(int64_t row, const Value& value) const {
    if (!rule.valid(begin + row)) return;
    if (rule.right(begin + row, value)) count_one(rule.metric.stats);
    count_one(rule.metric.stats + 1);
  }
};

template <class Rule>
void enqueue(cudaStream_t stream, const Rule& rule, int64_t begin, int64_t rows, void* scratch) {
  if (are_short_rows(rule.metric.rows, rule.metric.cols)) {
    reduce_all(stream, rows, ShortRows<Rule>{rule, begin}, scratch);
  } else {
    reduce_long_rows(stream, rows, rule.metric.cols, LongRows<Rule>{rule, begin}, scratch);
  }
}

// Labels of one-hot targets.
struct FindLabels : MetricContext {
  using Value = Largest;
  int64_t begin;
  int32_t* labels;

  GRUS_DEVICE Largest identity() const { return nothing(); }
  GRUS_DEVICE Largest combine(const Largest& a, const Largest& b) const { return larger(a, b); }
  GRUS_DEVICE Largest map(int64_t row, int64_t col) const { return candidate(target(begin + row, col), col); }
  GRUS_DEVICE void done(int64_t row, const Largest& value) const { labels[row] = static_cast<int32_t>(value.at); }
};

}  // namespace

void ranking_metric(cudaStream_t stream, const Metric& options, void* scratch) {
  if (options.kind != MetricKind::top_k) return enqueue(stream, ByLargest{{options}}, 0, options.rows, scratch);
  if (options.labels) return enqueue(stream, ByRank{{options}, options.labels, 0}, 0, options.rows, scratch);
  constexpr int64_t half = 32 << 10, most = half / sizeof(int32_t);
  auto* labels = reinterpret_cast<int32_t*>(static_cast<char*>(scratch) + half);   // partial results take the first half
  for (int64_t begin = 0; begin < options.rows; begin += most) {
    const int64_t rows = std::min(most, options.rows - begin);
    reduce_long_rows(stream, rows, options.cols, FindLabels{{options}, begin, labels}, scratch);
    enqueue(stream, ByRank{{options}, labels, begin}, begin, rows, scratch);
  }
}

}  // namespace grus::cuda
