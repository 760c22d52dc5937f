#include "plan.h"

#include <algorithm>
#include <set>

namespace grus {
namespace {

bool same(const BatchShape& a, const BatchShape& b) {
  return a.batch == b.batch && a.steps == b.steps && a.mode == b.mode && a.targets == b.targets && a.weighted == b.weighted;
}

}  // namespace

Plan::Plan(Memory& memory, const ModelDescription& description) : memory_(memory), ids_(description.ids) {
  if (description.layers.empty()) throw Error(ErrorCode::invalid_argument, "[model] expected at least one layer, got none");
  if (description.ids != (description.layers.front().kind == LayerKind::embedding)) {
    throw Error(ErrorCode::invalid_argument, "[model] ids go into an embedding as the first layer, features into any other");
  }
  Shape shape{description.ids || description.sequence, description.ids ? 1 : description.input_size};
  shapes_.push_back(shape);
  std::set<std::string> names;
  bool flipped = false;
  for (size_t i = 0; i < description.layers.size(); ++i) {
    const LayerDescription& layer = description.layers[i];
    if (!names.insert(layer.name).second) throw Error(ErrorCode::invalid_argument, "[model] two layers are named '" + layer.name + "'");
    const bool embedding = layer.kind == LayerKind::embedding;
    if (embedding && i > 0) throw Error(ErrorCode::invalid_argument, "[" + layer.name + "] an embedding can only be the first layer");
    if (!embedding && layer.input_size != shape.features) {
      throw Error(ErrorCode::shape_mismatch, "[" + layer.name + "] expected " + std::to_string(layer.input_size) +
                                                 " input features, got " + std::to_string(shape.features));
    }
    layers_.push_back(make_layer(layer, static_cast<int>(i), memory.backend()));
    Layer& made = *layers_.back();
    shape = made.output(shape);
    if (shape.features != layer.output_size) {
      throw Error(ErrorCode::shape_mismatch, "[" + layer.name + "] expected " + std::to_string(layer.output_size) +
                                                 " output features, got " + std::to_string(shape.features));
    }
    shapes_.push_back(shape);
    flipped_before_.push_back(flipped);
    flipped = flipped != made.flips_time();
    any_flip_ = any_flip_ || made.flips_time();
    made.set_offset(table_.add(made.parameters(), made.parameter_floats()));
  }
  flips_ = flipped;
  outputs_.resize(layers_.size(), nullptr);
}

bool Plan::mask_zero() const { return layers_.front()->description().mask_zero; }

bool Plan::wants_softmax_loss(const Loss& loss) const {
  if (loss.from_logits) return false;
  const LayerDescription& last = layers_.back()->description();
  switch (loss.kind) {
    case LossKind::categorical_crossentropy:
    case LossKind::sparse_categorical_crossentropy: return last.kind == LayerKind::softmax;
    case LossKind::binary_crossentropy: return last.kind == LayerKind::activation && last.activation.kind == ActivationKind::sigmoid;
    default: return false;
  }
}

const BatchViews& Plan::bind(const BatchShape& shape, const uint8_t* mask) {
  input_info_.set(shape.batch, shape.steps, mask);
  if (any_flip_) flipped_.set_flipped(input_info_);
  if (!same(bound_, shape) || bound_masks_ != mask_kinds()) {
    bound_ = shape;
    bound_masks_ = mask_kinds();
    try {
      place();
    } catch (...) {
      bound_ = {};   // no room: the views are no longer anybody's, and a smaller batch needs what the arenas hold
      kept_.release();
      values_.release();
      staged_.release();
      outdate();
      throw;
    }
  }
  return views_;
}

Upload Plan::upload() { return Upload(memory_.backend(), staged_.data(), staged_.used()); }

void Plan::prepare(const Upload& upload, const int32_t* ids) {
  for (size_t i = 0; i < layers_.size(); ++i) layers_[i]->prepare(flipped_before_[i] ? flipped_ : input_info_, ids, upload);
}

void Plan::place() {
  const int batch = bound_.batch, steps = bound_.steps;
  const bool keep = bound_.mode != PlanMode::inference;
  kept_.begin();
  values_.begin();
  staged_.begin();
  place_views();
  int64_t workspace = 1, gradient = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int64_t count = shapes_[i + 1].count(batch, steps);
    gradient = std::max(gradient, count);
    values_.place(outputs_[i], count);
    const MaskKind mask = (flipped_before_[i] ? flipped_ : input_info_).kind();
    layers_[i]->place({batch, steps, keep, mask, kept_, values_, staged_, workspace});
  }
  values_.place(workspace_, workspace);
  gradients_[0] = gradients_[1] = input_gradient_ = nullptr;
  if (keep) {
    values_.place(gradients_[0], gradient);
    if (layers_.size() > 1) values_.place(gradients_[1], gradient);
  }
  if (bound_.mode == PlanMode::door && !ids_) values_.place(input_gradient_, shapes_.front().count(batch, steps));
  const bool kept_grew = kept_.commit(memory_);
  const bool values_grew = values_.commit(memory_);
  const bool staged_grew = staged_.commit(memory_);
  if (kept_grew || values_grew || staged_grew) outdate();
}

// Addresses of earlier passes have become invalid.
void Plan::outdate() {
  ++generation_;
  memory_.backend().forget_passes();
}

// Only what the batch has: all of it is uploaded.
void Plan::place_views() {
  const int batch = bound_.batch, steps = bound_.steps;
  const int64_t rows = output_shape().rows(batch, steps);
  views_ = {};
  staged_.place(views_.scalars, 1);
  if (ids_) staged_.place(views_.ids, shapes_.front().rows(batch, steps));
  else staged_.place(views_.x, shapes_.front().count(batch, steps));
  if (bound_.targets == Targets::none) return;
  if (bound_.targets == Targets::labels) staged_.place(views_.labels, rows);
  else staged_.place(views_.y, output_shape().count(batch, steps));
  if (bound_.weighted) staged_.place(views_.weights, rows);
  if (output_masked()) staged_.place(views_.mask, rows);
}

Pass Plan::pass(bool dropout) const {
  Pass pass;
  pass.batch = bound_.batch, pass.steps = bound_.steps;
  pass.dropout = dropout;
  pass.keep = bound_.mode != PlanMode::inference;
  pass.workspace = workspace_;
  return pass;
}

const float* Plan::value(size_t index, const Pass& pass) const {
  while (index > 0 && layers_[index - 1]->is_identity(pass.dropout)) --index;
  return index == 0 ? views_.x : outputs_[index - 1];
}

void Plan::forward(const Pass& pass) {
  Backend& backend = memory_.backend();
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i]->is_identity(pass.dropout)) continue;
    layers_[i]->forward(backend, pass, {value(i, pass), i == 0 ? views_.ids : nullptr}, outputs_[i]);
  }
}

void Plan::backward(const Pass& pass, bool skip_last) {
  Backend& backend = memory_.backend();
  int current = 0;
  for (size_t i = layers_.size() - (skip_last ? 1 : 0); i-- > 0;) {
    const bool identity = layers_[i]->is_identity(pass.dropout);
    if (i == 0 && identity && input_gradient_) {
      backend.copy(input_gradient_, gradients_[current], static_cast<size_t>(shapes_[0].count(pass.batch, pass.steps)) * sizeof(float));
    }
    if (identity) continue;
    float* dx = i == 0 ? input_gradient_ : gradients_[1 - current];
    layers_[i]->backward(backend, pass, {value(i, pass), i == 0 ? views_.ids : nullptr}, outputs_[i], gradients_[current], dx);
    current = 1 - current;
  }
}

}  // namespace grus
