#include <algorithm>

#include "session.h"

namespace grus {

void Session::train_step(const HostBatch& batch, float learning_rate) {
  const char* where = "trainStep";
  require_training(where);
  check_sizes(batch, where);
  begin(batch, PlanMode::train, check_targets(batch, where), where, learning_rate);
  make_key("train", true);
  has_gradients_ = false;
  backend_->run(key_, [this] {
    const Pass pass = make_pass(true);
    backend_->zero(gradients_.as<void>(), gradients_.bytes());
    plan_.forward(pass);
    enqueue_statistics(pass, plan_.top_gradient());
    plan_.backward(pass, fused_loss_);
    enqueue_penalty(pass.gradients, statistics_.as<double>());
    enqueue_update(pass.scalars);
  });
  ++weights_version_;
  ++updates_;
  ++train_steps_;
  finish_states();
}

void Session::evaluate_step(const HostBatch& batch) {
  const char* where = "evaluateStep";
  require_training(where);
  check_sizes(batch, where);
  begin(batch, PlanMode::inference, check_targets(batch, where), where);
  make_key("evaluate", false);
  backend_->run(key_, [this] {
    const Pass pass = make_pass(false);
    plan_.forward(pass);
    enqueue_statistics(pass, nullptr);
    enqueue_penalty(nullptr, statistics_.as<double>());
  });
  finish_states();
}

void Session::predict(const HostBatch& batch, std::vector<float>& y) {
  run_prediction(batch);
  y.resize(output_count(batch));   // only now: the device may have no room for the batch
  read_output(make_pass(false), y.data());
}

void Session::predict(const HostBatch& batch, float* y) {
  run_prediction(batch);
  read_output(make_pass(false), y);
}

void Session::run_prediction(const HostBatch& batch) {
  begin(batch, PlanMode::inference, Targets::none, "predict");
  make_key("predict", false);
  backend_->run(key_, [this] { plan_.forward(make_pass(false)); });
  finish_states();
}

void Session::forward(const HostBatch& batch, bool training, std::vector<float>& y) {
  if (!gradients_) gradients_ = memory_.allocate(static_cast<size_t>(table().flat_count()) * sizeof(float));
  begin(batch, PlanMode::door, Targets::none, "forward");
  make_key("forward", training);
  backend_->run(key_, [this, training] { plan_.forward(make_pass(training)); });
  if (training) ++train_steps_;   // the next forward draws other masks
  finish_states();
  y.resize(output_count(batch));
  read_output(make_pass(training), y.data());
  pending_dropout_ = training;
  pending_ = true;
}

bool Session::backward(const float* dy, size_t count, std::vector<float>& dx) {
  if (!pending_) {
    throw Error(ErrorCode::invalid_argument, "[backward] a forward must come first, and no other pass between the two");
  }
  const Shape input = plan_.input_shape(), output = plan_.output_shape();
  const int batch = plan_.input_info().batch(), steps = plan_.input_info().steps();
  if (count != static_cast<size_t>(output.count(batch, steps))) {
    throw Error(ErrorCode::shape_mismatch, "[backward] dy must have the size of the last forward's output, " +
                                               std::to_string(output.count(batch, steps)) + " values, got " + std::to_string(count));
  }
  Upload upload(*backend_, plan_.top_gradient(), count * sizeof(float));
  swap_axes(dy, upload.host(plan_.top_gradient()), batch, output.sequence ? steps : 1, output.features);
  upload.send();
  make_key("backward", pending_dropout_);   // the scalars are still the forward's
  pending_ = false;
  backend_->run(key_, [this] {
    const Pass pass = make_pass(pending_dropout_);
    backend_->zero(gradients_.as<void>(), gradients_.bytes());
    plan_.backward(pass, false);
    enqueue_penalty(pass.gradients, unread_.as<double>());
  });
  has_gradients_ = true;
  if (description_.ids) return false;
  const int64_t values_in = input.count(batch, steps);
  float* staged = room(values_, values_in);
  dx.resize(static_cast<size_t>(values_in));
  backend_->download(staged, plan_.input_gradient(), static_cast<size_t>(values_in) * sizeof(float));
  swap_axes(staged, dx.data(), input.sequence ? steps : 1, batch, input.features);
  return true;
}

void Session::update(float learning_rate) {
  require_training("update");
  if (!has_gradients_) throw Error(ErrorCode::invalid_argument, "[update] there are no new gradients: call backward first");
  const StepScalars scalars = step_scalars(learning_rate);
  backend_->upload(scalars_.as<void>(), &scalars, sizeof scalars);
  backend_->run("update/" + std::to_string(configuration_), [this] { enqueue_update(scalars_.as<StepScalars>()); });
  has_gradients_ = false;
  pending_ = false;
  ++weights_version_;
  ++updates_;
}

void Session::read_output(const Pass& pass, float* y) {
  const Shape output = plan_.output_shape();
  const int64_t count = output.count(pass.batch, pass.steps);
  if (!output.sequence || pass.batch == 1 || pass.steps == 1) {
    backend_->download(y, plan_.output(pass), static_cast<size_t>(count) * sizeof(float));
    return;
  }
  float* staged = room(values_, count);
  backend_->download(staged, plan_.output(pass), static_cast<size_t>(count) * sizeof(float));
  swap_axes(staged, y, pass.steps, pass.batch, output.features);
}

}  // namespace grus
