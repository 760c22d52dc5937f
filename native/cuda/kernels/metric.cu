#include "loss.h"
#include "metric_rows.h"

namespace grus::cuda {

void metric(cudaStream_t stream, const Metric& options, void* scratch) {
  if (options.rows <= 0 || options.cols <= 0) return;
  const bool ranking = options.kind == MetricKind::categorical_accuracy || options.kind == MetricKind::sparse_categorical_accuracy ||
                       options.kind == MetricKind::top_k;
  (ranking ? ranking_metric : element_metric)(stream, options, scratch);
}

}  // namespace grus::cuda
