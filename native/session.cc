#include "session.h"

#include <charconv>

namespace grus {

Session::Session(const ModelDescription& description, std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)), memory_(*backend_), plan_(memory_, description), description_(description), device_(backend_->name()),
      engine_(backend_->engine()) {
  parameters_ = memory_.allocate(static_cast<size_t>(table().flat_count()) * sizeof(float));
  scalars_ = memory_.allocate(sizeof(StepScalars));
  unread_ = memory_.allocate(2 * sizeof(double));
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
  number((dropout ? 1 : 0) + (weighted_ ? 2 : 0) + (masked_ ? 4 : 0) + 8 * plan_.mask_kinds());
  number(state_moves_);
  key_.append(carried_);
}

Pass Session::make_pass(bool dropout) const {
  Pass pass = plan_.pass(dropout);
  pass.scalars = views_->scalars;
  pass.parameters = parameters_.as<float>();
  pass.gradients = gradients_.as<float>();
  pass.weights_version = weights_version_;
  return pass;
}

void Session::enqueue_statistics(const Pass& pass, float* gradient) {
  const Shape output = plan_.output_shape();
  double* statistics = statistics_.as<double>();
  Loss loss = training_->loss;
  loss.from_logits = loss.from_logits || fused_loss_;
  loss.rows = rows_, loss.cols = output.features;
  loss.prediction = fused_loss_ ? plan_.last_input(pass) : plan_.output(pass);
  loss.target = views_->y, loss.labels = views_->labels, loss.mask = views_->mask;
  loss.weights = views_->weights;
  loss.d_prediction = gradient;
  backend_->loss(loss, pass.scalars, statistics);
  statistics += 2;
  for (Metric metric : training_->metrics) {
    metric.rows = rows_, metric.cols = output.features;
    metric.prediction = plan_.output(pass);
    metric.target = views_->y, metric.labels = views_->labels, metric.mask = views_->mask;
    metric.stats = statistics;
    backend_->metric(metric);
    statistics += metric_stats(metric.kind, metric.bins);
  }
}

void Session::enqueue_penalty(float* gradients, double* statistics) {
  if (!table().regularized()) return;
  const std::vector<Segment>& segments = table().segments();
  backend_->regularize(segments.data(), static_cast<int>(segments.size()), parameters_.as<float>(), gradients, views_->scalars, statistics);
}

void Session::enqueue_update(const StepScalars* scalars) {
  const std::vector<Segment>& segments = table().segments();
  backend_->optimize(training_->optimizer, segments.data(), static_cast<int>(segments.size()), scalars, parameters_.as<float>(),
                     gradients_.as<float>(), slots_.as<float>(), table().flat_count());
}

void Session::finish_states() {
  for (const auto& layer : plan_.layers()) {
    if (LayerState* state = layer->state()) state->done(plan_.input_info().batch());
  }
}

}  // namespace grus
