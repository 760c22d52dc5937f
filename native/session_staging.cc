// How a batch comes to the device: checked, put in time order, and uploaded as one block.
#include <algorithm>

#include "session.h"

namespace grus {

void Session::begin(const HostBatch& batch, PlanMode mode, Targets targets, const char* where, float learning_rate) {
  check_sizes(batch, where);
  check_states(batch, where);
  if (description_.ids) check_ids(batch, where);
  const int B = static_cast<int>(batch.batch), T = static_cast<int>(batch.steps);
  const uint8_t* mask = input_mask(batch);
  pending_ = false;   // before anything moves that its backward would read
  reserve_states(B);
  carried_.clear();
  for (const auto& layer : plan_.layers()) {
    if (const LayerState* state = layer->state()) carried_.push_back(state->holds() ? 'h' : '-');
  }
  weighted_ = targets != Targets::none && batch.weights != nullptr;
  views_ = &plan_.bind({B, T, mode, targets, weighted_}, mask);
  rows_ = plan_.output_shape().rows(B, T);
  masked_ = plan_.output_masked();

  Upload upload = plan_.upload();
  int32_t* ids = nullptr;
  if (description_.ids) {
    ids = upload.host(views_->ids);
    swap_axes(batch.ids, ids, B, T, 1);
  } else {
    swap_axes(batch.x, upload.host(views_->x), B, T, plan_.input_shape().features);
  }
  plan_.prepare(upload, ids);
  if (targets != Targets::none) stage_targets(batch, upload, where);
  StepScalars scalars = step_scalars(learning_rate);
  scalars.denominator = static_cast<float>(std::max<int64_t>(masked_ ? plan_.output_info().valid() : rows_, 1));
  scalars.samples = static_cast<float>(B);
  *upload.host(views_->scalars) = scalars;
  upload.send();
}

void Session::reserve_states(int batch) {
  const int64_t before = state_moves_;
  for (const auto& layer : plan_.layers()) {
    if (LayerState* state = layer->state()) state_moves_ += state->reserve(memory_, batch);
  }
  if (state_moves_ != before) backend_->forget_passes();
}

void Session::check_ids(const HostBatch& batch, const char* where) const {
  const auto vocabulary = static_cast<uint32_t>(description_.layers.front().input_size);
  const int64_t count = batch.batch * batch.steps;
  bool bad = false;   // all of them without a branch, then which one
  for (int64_t i = 0; i < count; ++i) bad |= static_cast<uint32_t>(batch.ids[i]) >= vocabulary;
  for (int64_t i = 0; bad; ++i) {
    if (static_cast<uint32_t>(batch.ids[i]) < vocabulary) continue;
    throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] token ids must be 0.." + std::to_string(vocabulary - 1) +
                                                 ", got " + std::to_string(batch.ids[i]) + " at row " +
                                                 std::to_string(i / batch.steps) + ", step " + std::to_string(i % batch.steps));
  }
}

// [T, B]; null: nothing is masked.
const uint8_t* Session::input_mask(const HostBatch& batch) {
  const bool zeros_masked = description_.ids && plan_.mask_zero();
  if (!batch.mask && !zeros_masked) return nullptr;
  const int64_t B = batch.batch, T = batch.steps;
  uint8_t* mask = room(mask_, B * T);
  for (int64_t t = 0; t < T; ++t) {
    for (int64_t b = 0; b < B; ++b) {
      mask[t * B + b] = (!batch.mask || batch.mask[b * T + t]) && (!zeros_masked || batch.ids[b * T + t] != 0);
    }
  }
  return mask;
}

void Session::stage_targets(const HostBatch& batch, const Upload& upload, const char* where) {
  const Shape output = plan_.output_shape();
  const int64_t B = batch.batch, T = output.sequence ? batch.steps : 1, K = output.features;
  const uint8_t* mask = masked_ ? plan_.output_info().mask() : nullptr;
  if (views_->labels) {
    int32_t* labels = upload.host(views_->labels);
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
  } else {
    swap_axes(batch.y, upload.host(views_->y), B, T, K);
  }
  if (weighted_) swap_axes(batch.weights, upload.host(views_->weights), B, T, 1);
  if (mask) std::copy_n(mask, rows_, upload.host(views_->mask));
}

// What is the same for every pass; the batch's own are added to it.
StepScalars Session::step_scalars(float learning_rate) const {
  StepScalars scalars;
  scalars.seed = description_.seed;
  scalars.step = train_steps_;
  scalars.update = updates_ + 1;
  scalars.learning_rate = learning_rate;
  return scalars;
}

}  // namespace grus
