#include "session.h"

#include <climits>

namespace grus {
namespace {

[[noreturn]] void refuse(ErrorCode code, const char* where, const std::string& message) {
  throw Error(code, std::string("[") + where + "] " + message);
}

struct Axes {   // what an array is, for a message that is made only when it is needed
  const char* name;
  int64_t batch, steps;
  bool sequence;
  int64_t features;
};

void check_count(size_t came, int64_t expected, const char* where, const Axes& axes) {
  if (came == static_cast<size_t>(expected)) return;
  std::string text = std::string(axes.name) + " [" + std::to_string(axes.batch);
  if (axes.sequence) text += ", " + std::to_string(axes.steps);
  if (axes.features > 0) text += ", " + std::to_string(axes.features);
  refuse(ErrorCode::shape_mismatch, where, text + "] must have " + std::to_string(expected) + " values, got " + std::to_string(came));
}

}  // namespace

void Session::check_sizes(const HostBatch& batch, const char* where) const {
  const Shape input = plan_.input_shape(), output = plan_.output_shape();
  const auto positive = [&](int64_t value, const char* what) {
    if (value < 1 || value > INT_MAX) {
      refuse(ErrorCode::invalid_argument, where, std::string(what) + " must be a positive integer, got " + std::to_string(value));
    }
  };
  positive(batch.batch, "batch");
  positive(batch.steps, "steps");
  if (!input.sequence && batch.steps != 1) {
    refuse(ErrorCode::shape_mismatch, where, "this model takes vectors: steps must be 1, got " + std::to_string(batch.steps));
  }
  if (description_.ids && !batch.ids) refuse(ErrorCode::invalid_argument, where, "x must be an Int32Array of token ids, got float values");
  if (!description_.ids && !batch.x) refuse(ErrorCode::invalid_argument, where, "x must be a Float32Array of features, got int32 values");
  const int64_t features = description_.ids ? 0 : input.features;
  const int64_t positions = batch.batch * batch.steps;
  if (features > 0 && positions > INT64_MAX / 8 / features) refuse(ErrorCode::shape_mismatch, where, "a batch of this size cannot exist");
  check_count(batch.x_count, positions * (features > 0 ? features : 1), where, {"x", batch.batch, batch.steps, input.sequence, features});
  if (batch.mask) {
    if (!input.sequence) refuse(ErrorCode::invalid_argument, where, "a mask goes with sequences; this model takes vectors");
    check_count(batch.mask_count, positions, where, {"mask", batch.batch, batch.steps, true, 0});
  }
  if (batch.weights) {
    check_count(batch.weights_count, output.sequence ? positions : batch.batch, where,
                {"weights", batch.batch, batch.steps, output.sequence, 0});
  }
}

size_t Session::output_count(const HostBatch& batch) const {
  return static_cast<size_t>(plan_.output_shape().count(static_cast<int>(batch.batch), static_cast<int>(batch.steps)));
}

Targets Session::check_targets(const HostBatch& batch, const char* where) const {
  const Shape output = plan_.output_shape();
  const int64_t rows = output.rows(static_cast<int>(batch.batch), static_cast<int>(batch.steps));
  if (!batch.y && !batch.labels) refuse(ErrorCode::invalid_argument, where, "y is needed, none came");
  if (training_->loss.kind == LossKind::sparse_categorical_crossentropy) {
    if (!batch.labels) refuse(ErrorCode::invalid_argument, where, "y must be an Int32Array of labels for this loss, got float values");
    check_count(batch.y_count, rows, where, {"labels y", batch.batch, batch.steps, output.sequence, 0});
    return Targets::labels;
  }
  if (!batch.y) refuse(ErrorCode::invalid_argument, where, "y must be a Float32Array for this loss, got int32 values");
  check_count(batch.y_count, rows * output.features, where, {"y", batch.batch, batch.steps, output.sequence, output.features});
  return Targets::values;
}

void Session::check_states(const HostBatch& batch, const char* where) const {
  for (const auto& layer : plan_.layers()) {
    const LayerState* state = layer->state();
    if (state && state->holds() && state->batch() != batch.batch) {
      refuse(ErrorCode::invalid_argument, where,
             "layer '" + layer->description().name + "' holds the states of " + std::to_string(state->batch()) + " rows, got a batch of " +
                 std::to_string(batch.batch) + ": keep the batch size, or reset the states first");
    }
  }
}

void Session::require_training(const char* where) const {
  if (!training_) refuse(ErrorCode::invalid_argument, where, "no loss and optimizer yet: configure the session first");
}

void Session::configure(const TrainingDescription& training) {
  const Loss& loss = training.loss;
  const char* where = "configure";
  const bool sparse = loss.kind == LossKind::sparse_categorical_crossentropy;
  if (!(loss.label_smoothing >= 0 && loss.label_smoothing < 1)) {
    refuse(ErrorCode::invalid_argument, where,
           "labelSmoothing must be at least 0 and below 1, got " + std::to_string(loss.label_smoothing));
  }
  if (loss.kind == LossKind::huber && !(loss.delta > 0)) {
    refuse(ErrorCode::invalid_argument, where, "delta must be positive, got " + std::to_string(loss.delta));
  }
  for (const Metric& metric : training.metrics) {
    const bool labels = metric.kind == MetricKind::sparse_categorical_accuracy;
    if (metric.kind != MetricKind::top_k && labels != sparse) {
      refuse(ErrorCode::invalid_argument, where,
             labels ? "sparseCategoricalAccuracy needs int32 labels, but this loss takes float targets"
                    : "this loss takes int32 labels: of the metrics only sparseCategoricalAccuracy and topK do");
    }
    if (metric.kind == MetricKind::auc && (metric.bins < 2 || metric.bins > 1 << 20)) {
      refuse(ErrorCode::invalid_argument, where, "bins must be 2 to 1048576, got " + std::to_string(metric.bins));
    }
    if (metric.kind == MetricKind::top_k && metric.k < 1) {
      refuse(ErrorCode::invalid_argument, where, "k must be a positive integer, got " + std::to_string(metric.k));
    }
  }
  int statistics = 2;
  for (const Metric& metric : training.metrics) statistics += metric_stats(metric.kind, metric.bins);
  const int slots = optimizer_slots(training.optimizer);
  const int64_t flat = table().flat_count();
  Buffer new_slots;
  if (slots > 0) {
    new_slots = memory_.allocate(static_cast<size_t>(slots * flat) * sizeof(float));
    backend_->optimizer_init(training.optimizer, new_slots.as<float>(), flat);
  }
  Buffer new_statistics = memory_.allocate(static_cast<size_t>(statistics) * sizeof(double));
  if (!gradients_) gradients_ = memory_.allocate(static_cast<size_t>(flat) * sizeof(float));
  ++configuration_;   // before the slots go, which earlier passes write to
  backend_->forget_passes();
  training_ = training;
  slots_ = std::move(new_slots);
  statistics_ = std::move(new_statistics);
  slot_count_ = slots;
  statistics_count_ = statistics;
  fused_loss_ = plan_.wants_softmax_loss(loss);
  updates_ = 0;
  backend_->set_loss_scale({0, 0, 0});
}

}  // namespace grus
