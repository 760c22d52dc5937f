#pragma once
#include "../../backend.h"
#include "launch.h"

// What the metrics' kernels share; their conventions are those of native/cpu/metric.h.
namespace grus::cuda {

struct MetricContext {
  Metric metric;

  GRUS_DEVICE bool valid(int64_t row) const { return !metric.mask || metric.mask[row]; }
  GRUS_DEVICE float prediction(int64_t row, int64_t col) const { return metric.prediction[row * metric.cols + col]; }
  GRUS_DEVICE float target(int64_t row, int64_t col) const {
    if (metric.target) return metric.target[row * metric.cols + col];
    return static_cast<float>(metric.cols == 1 ? metric.labels[row] : metric.labels[row] == col);
  }
};

// Sums over elements: binary_accuracy, mae, mse, rmse, precision, recall, f1, and the histograms of auc.
void element_metric(cudaStream_t, const Metric&, void* scratch);
// Rows that are right: categorical_accuracy, sparse_categorical_accuracy, top_k.
void ranking_metric(cudaStream_t, const Metric&, void* scratch);

}  // namespace grus::cuda
