#include "session.h"

namespace grus {
namespace {

std::string sizes(size_t expected, size_t came) { return std::to_string(expected) + " values, got " + std::to_string(came); }

}  // namespace

std::vector<float> Session::gather(const float* flat) const {
  std::vector<float> stretch(static_cast<size_t>(table().flat_count()));
  std::vector<float> values(static_cast<size_t>(table().logical_count()));
  if (!stretch.empty()) backend_->download(stretch.data(), flat, stretch.size() * sizeof(float));
  table().gather(stretch.data(), values.data());
  return values;
}

std::vector<float> Session::read_parameters() { return gather(parameters_.as<float>()); }

void Session::write_parameters(const float* values, size_t count) {
  const size_t expected = static_cast<size_t>(table().logical_count());
  if (count != expected) throw Error(ErrorCode::shape_mismatch, "[writeParameters] expected " + sizes(expected, count));
  std::vector<float> stretch(static_cast<size_t>(table().flat_count()));
  table().scatter(values, stretch.data());
  if (!stretch.empty()) backend_->upload(parameters_.as<void>(), stretch.data(), stretch.size() * sizeof(float));
  ++weights_version_;
  pending_ = false;
}

std::vector<float> Session::read_gradients() {
  if (!gradients_) throw Error(ErrorCode::invalid_argument, "[readGradients] there are no gradients yet");
  return gather(gradients_.as<float>());
}

std::vector<double> Session::statistics(bool reset) {
  require_training("statistics");
  std::vector<double> values(static_cast<size_t>(statistics_count_));
  backend_->download(values.data(), statistics_.as<double>(), values.size() * sizeof(double));
  if (reset) backend_->zero(statistics_.as<void>(), values.size() * sizeof(double));
  return values;
}

Session::OptimizerState Session::read_optimizer() {
  require_training("readOptimizer");
  OptimizerState state;
  state.loss_scale = backend_->loss_scale();
  state.step = updates_ - state.loss_scale.skipped;
  state.train_steps = train_steps_;
  for (int slot = 0; slot < slot_count_; ++slot) {
    const std::vector<float> values = gather(slots_.as<float>() + slot * table().flat_count());
    state.values.insert(state.values.end(), values.begin(), values.end());
  }
  return state;
}

void Session::write_optimizer(const OptimizerState& state) {
  require_training("writeOptimizer");
  const size_t flat = static_cast<size_t>(table().flat_count()), logical = static_cast<size_t>(table().logical_count());
  const size_t slots = static_cast<size_t>(slot_count_);
  if (state.values.size() != slots * logical) {
    throw Error(ErrorCode::shape_mismatch, "[writeOptimizer] this optimizer keeps " + sizes(slots * logical, state.values.size()));
  }
  std::vector<float> stretch(slots * flat);
  for (size_t slot = 0; slot < slots; ++slot) table().scatter(state.values.data() + slot * logical, stretch.data() + slot * flat);
  if (!stretch.empty()) backend_->upload(slots_.as<void>(), stretch.data(), stretch.size() * sizeof(float));
  backend_->set_loss_scale({state.loss_scale.scale, 0, state.loss_scale.streak});
  updates_ = state.step;
  train_steps_ = state.train_steps;
}

uint64_t Session::skipped_updates() {
  require_training("skippedUpdates");
  return backend_->loss_scale().skipped;
}

std::vector<std::vector<float>> Session::read_states() {
  std::vector<std::vector<float>> result;
  for (const auto& layer : plan_.layers()) {
    const LayerState* state = layer->state();
    if (!state) continue;
    result.emplace_back(static_cast<size_t>(state->readable() ? state->count(state->batch()) : 0));
    std::vector<float>& values = result.back();
    if (!values.empty()) backend_->download(values.data(), state->after(), values.size() * sizeof(float));
  }
  return result;
}

void Session::write_states(const std::vector<std::vector<float>>& states, int batch) {
  std::vector<LayerState*> targets;
  for (const auto& layer : plan_.layers()) {
    if (LayerState* state = layer->state()) targets.push_back(state);
  }
  if (states.empty()) {
    for (LayerState* state : targets) state->reset();
    return;
  }
  if (batch < 1) throw Error(ErrorCode::invalid_argument, "[writeStates] batch must be a positive integer, got " + std::to_string(batch));
  if (states.size() != targets.size()) {
    throw Error(ErrorCode::shape_mismatch, "[writeStates] this model has " + std::to_string(targets.size()) + " layers with states, got " +
                                               std::to_string(states.size()));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    const size_t expected = static_cast<size_t>(targets[i]->count(batch));
    if (states[i].size() != expected) {
      throw Error(ErrorCode::shape_mismatch,
                  "[writeStates] state " + std::to_string(i) + " must have " + sizes(expected, states[i].size()));
    }
  }
  if (batch != plan_.input_info().batch()) pending_ = false;         // the pass that waits for its backward reads the states it began with
  for (LayerState* state : targets) {
    if (state->holds() && state->batch() != batch) state->reset();   // replaced as a whole, so the room may move
  }
  reserve_states(batch);
  for (size_t i = 0; i < targets.size(); ++i) {
    backend_->upload(targets[i]->after(), states[i].data(), states[i].size() * sizeof(float));
    targets[i]->written(batch);
  }
}

}  // namespace grus
