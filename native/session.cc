#include "session.h"

#include <algorithm>
#include <charconv>

namespace grus {

Session::Session(const ModelDescription& description, std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)), memory_(*backend_), plan_(memory_, description), description_(description), device_(backend_->name()),
      engine_(backend_->engine()) {
  parameters_ = memory_.allocate(static_cast<size_t>(table().flat_count()) * sizeof(float));
  scalars_ = memory_.allocate(sizeof(StepScalars));
  unread_ = memory_.allocate(2 * sizeof(double));
}

void Session::begin(const HostBatch& batch, PlanMode mode, const char* where) {
  check_sizes(batch, where);
  check_states(batch, where);
  const int64_t B = batch.batch, T = batch.steps;
  const bool zeros_masked = description_.ids && plan_.mask_zero();
  if (description_.ids) {
    const int vocabulary = description_.layers.front().input_size;
    int32_t* ids = room(staging_.ids, B * T);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t t = 0; t < T; ++t) {
        const int32_t id = batch.ids[b * T + t];
        if (id < 0 || id >= vocabulary) {
          throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] token ids must be 0.." + std::to_string(vocabulary - 1) +
                                                       ", got " + std::to_string(id) + " at row " + std::to_string(b) + ", step " +
                                                       std::to_string(t));
        }
        ids[t * B + b] = id;
      }
    }
  }
  const uint8_t* mask = nullptr;
  if (batch.mask || zeros_masked) {
    uint8_t* target = room(staging_.mask, B * T);
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t b = 0; b < B; ++b) {
        target[t * B + b] = (!batch.mask || batch.mask[b * T + t]) && (!zeros_masked || staging_.ids[t * B + b] != 0);
      }
    }
    mask = target;
  }
  pending_ = false;   // before anything moves that its backward would read
  for (const auto& layer : plan_.layers()) {
    if (LayerState* state = layer->state()) state_moves_ += state->reserve(memory_, static_cast<int>(B));
  }
  carried_.clear();
  for (const auto& layer : plan_.layers()) {
    if (const LayerState* state = layer->state()) carried_.push_back(state->holds() ? 'h' : '-');
  }
  views_ = &plan_.bind(static_cast<int>(B), static_cast<int>(T), mode, mask);
  rows_ = plan_.output_shape().rows(static_cast<int>(B), static_cast<int>(T));
  masked_ = plan_.output_masked();
  weighted_ = batch.weights != nullptr;
  if (description_.ids) {
    backend_->upload(views_->ids, staging_.ids.data(), static_cast<size_t>(B * T) * sizeof(int32_t));
    return;
  }
  const float* values = batch.x;
  if (B > 1 && T > 1) {
    float* staged = room(staging_.values, static_cast<int64_t>(batch.x_count));
    swap_axes(batch.x, staged, B, T, plan_.input_shape().features);
    values = staged;
  }
  backend_->upload(views_->x, values, batch.x_count * sizeof(float));
}

void Session::stage_targets(const HostBatch& batch, const char* where) {
  const Shape output = plan_.output_shape();
  const int64_t B = batch.batch, T = output.sequence ? batch.steps : 1, K = output.features;
  const uint8_t* mask = masked_ ? plan_.output_info().mask() : nullptr;
  if (batch.labels) {
    int32_t* labels = room(staging_.labels, rows_);
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t t = 0; t < T; ++t) {
        const int32_t label = batch.labels[b * T + t];
        const bool counts = !mask || mask[t * B + b];
        if (counts && (label < 0 || label >= K)) {
          throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] labels must be 0.." + std::to_string(K - 1) + ", got " +
                                                       std::to_string(label) + " at row " + std::to_string(b) +
                                                       (output.sequence ? ", step " + std::to_string(t) : ""));
        }
        labels[t * B + b] = counts ? label : 0;
      }
    }
    backend_->upload(views_->y, labels, static_cast<size_t>(rows_) * sizeof(int32_t));
  } else {
    const float* targets = batch.y;
    if (B > 1 && T > 1) {
      float* staged = room(staging_.targets, rows_ * K);
      swap_axes(batch.y, staged, B, T, K);
      targets = staged;
    }
    backend_->upload(views_->y, targets, static_cast<size_t>(rows_ * K) * sizeof(float));
  }
  if (weighted_) {
    float* staged = room(staging_.weights, rows_);
    swap_axes(batch.weights, staged, B, T, 1);
    backend_->upload(views_->weights, staged, static_cast<size_t>(rows_) * sizeof(float));
  }
  if (mask) backend_->upload(views_->mask, mask, static_cast<size_t>(rows_));
}

void Session::upload_scalars(const HostBatch* batch, uint64_t step, float learning_rate) {
  const int64_t denominator = masked_ ? plan_.output_info().valid() : rows_;
  host_scalars_.seed = description_.seed;
  host_scalars_.step = step;
  host_scalars_.update = updates_ + 1;
  host_scalars_.learning_rate = learning_rate;
  host_scalars_.denominator = static_cast<float>(std::max<int64_t>(denominator, 1));
  host_scalars_.samples = batch ? static_cast<float>(batch->batch) : 0;
  backend_->upload(scalars_.as<void>(), &host_scalars_, sizeof host_scalars_);
}

// Everything an enqueued pass depends on besides the contents of device memory.
void Session::make_key(const char* kind, bool dropout) {
  const SequenceInfo& info = plan_.input_info();
  key_.assign(kind);
  const auto number = [this](int64_t value) {
    char digits[24];   // printf would take longer than a small dense layer
    key_.push_back('/');
    key_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  };
  number(info.batch());
  number(info.steps());
  number(plan_.generation());
  number(configuration_);
  number((dropout ? 1 : 0) + (weighted_ ? 2 : 0) + (masked_ ? 4 : 0) + 8 * static_cast<int>(info.kind()));
  number(state_moves_);
  key_.append(carried_);
}

Pass Session::make_pass(bool dropout) const {
  Pass pass = plan_.pass(dropout);
  pass.scalars = scalars_.as<StepScalars>();
  pass.parameters = parameters_.as<float>();
  pass.gradients = gradients_.as<float>();
  pass.weights_version = weights_version_;
  return pass;
}

void Session::enqueue_statistics(const Pass& pass, float* gradient) {
  const Shape output = plan_.output_shape();
  const bool sparse = training_->loss.kind == LossKind::sparse_categorical_crossentropy;
  const float* target = sparse ? nullptr : views_->y;
  const int32_t* labels = sparse ? reinterpret_cast<const int32_t*>(views_->y) : nullptr;
  const uint8_t* mask = masked_ ? views_->mask : nullptr;
  double* statistics = statistics_.as<double>();
  Loss loss = training_->loss;
  loss.from_logits = loss.from_logits || fused_loss_;
  loss.rows = rows_, loss.cols = output.features;
  loss.prediction = fused_loss_ ? plan_.last_input(pass) : plan_.output(pass);
  loss.target = target, loss.labels = labels, loss.mask = mask;
  loss.weights = weighted_ ? views_->weights : nullptr;
  loss.d_prediction = gradient;
  backend_->loss(loss, pass.scalars, statistics);
  statistics += 2;
  for (Metric metric : training_->metrics) {
    metric.rows = rows_, metric.cols = output.features;
    metric.prediction = plan_.output(pass);
    metric.target = target, metric.labels = labels, metric.mask = mask;
    metric.stats = statistics;
    backend_->metric(metric);
    statistics += metric_stats(metric.kind, metric.bins);
  }
}

void Session::enqueue_penalty(float* gradients, double* statistics) {
  if (!table().regularized()) return;
  const std::vector<Segment>& segments = table().segments();
  backend_->regularize(segments.data(), static_cast<int>(segments.size()), parameters_.as<float>(), gradients, scalars_.as<StepScalars>(),
                       statistics);
}

void Session::enqueue_update() {
  const std::vector<Segment>& segments = table().segments();
  backend_->optimize(training_->optimizer, segments.data(), static_cast<int>(segments.size()), scalars_.as<StepScalars>(),
                     parameters_.as<float>(), gradients_.as<float>(), slots_.as<float>(), table().flat_count());
}

void Session::finish_states() {
  for (const auto& layer : plan_.layers()) {
    if (LayerState* state = layer->state()) state->done(plan_.input_info().batch());
  }
}

}  // namespace grus
