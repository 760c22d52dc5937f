#include <cmath>

#include "long_rows.h"
#include "metric_rows.h"

namespace grus::cuda {
namespace {

struct Counts {
  double a, b, c;
};

struct ElementMetric : MetricContext {
  using Value = Counts;

  GRUS_DEVICE Counts identity() const { return {0, 0, 0}; }
  GRUS_DEVICE Counts combine(const Counts& x, const Counts& y) const { return {x.a + y.a, x.b + y.b, x.c + y.c}; }
  GRUS_DEVICE Counts map(int64_t i) const {
    const int64_t row = quotient(i, metric.cols), col = i - row * metric.cols;
    if (!valid(row)) return identity();
    const float p = prediction(row, col), y = target(row, col);
    const bool is = y != 0, said = p > metric.threshold;
    const double rows = col == 0 ? 1 : 0, error = static_cast<double>(p) - y;
    switch (metric.kind) {
      case MetricKind::binary_accuracy: return {y == (said ? 1.0f : 0.0f) ? 1.0 : 0.0, rows, 0};
      case MetricKind::mae: return {fabs(error), rows, 0};
      case MetricKind::mse:
      case MetricKind::rmse: return {error * error, rows, 0};
      default: return {is && said ? 1.0 : 0.0, !is && said ? 1.0 : 0.0, is && !said ? 1.0 : 0.0};
    }
  }
  GRUS_DEVICE void done(const Counts& sum) const {
    const bool confusion = metric.kind == MetricKind::precision || metric.kind == MetricKind::recall || metric.kind == MetricKind::f1;
    metric.stats[0] += confusion ? sum.a : sum.a / static_cast<double>(metric.cols);
    metric.stats[1] += sum.b;
    if (confusion) metric.stats[2] += sum.c;
  }
};

struct Histogram : MetricContext {
  GRUS_DEVICE void operator()(int64_t i) const {
    const int64_t row = quotient(i, metric.cols), col = i - row * metric.cols;
    if (!valid(row)) return;
    const float p = prediction(row, col);
    const double last = metric.bins - 1.0;
    const double at = p > 0 ? (p < 1 ? floor(static_cast<double>(p) * metric.bins) : last) : 0.0;   // NaN: bin 0
    count_one(metric.stats + (target(row, col) != 0 ? 0 : metric.bins) + static_cast<int>(at < last ? at : last));
  }
};

}  // namespace

void element_metric(cudaStream_t stream, const Metric& options, void* scratch) {
  const int64_t count = options.rows * options.cols;
  if (options.kind == MetricKind::auc) {
    for_each(stream, count, Histogram{{options}});
  } else {
    reduce_all(stream, count, ElementMetric{{options}}, scratch);
  }
}

}  // namespace grus::cuda
