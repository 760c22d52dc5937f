#include "gru.h"

#include <algorithm>

namespace grus {

GruLayer::GruLayer(const LayerDescription& description, int index, Backend& backend)
    : Layer(description), index_(index), directions_(description.gru.directions()), hidden_(description.gru.hidden_size),
      width_(directions_ * hidden_), plan_(backend.make_gru(description.gru)) {
  if (description.gru.num_layers != 1) throw Error(ErrorCode::unsupported, "[" + description.name + "] a layer of a model has one layer");
  if (description.go_backwards && description.gru.direction != Direction::backward) {
    throw Error(ErrorCode::invalid_argument, "[" + description.name + "] go_backwards needs direction backward");
  }
  if (description.stateful || description.return_state) {
    state_ = std::make_unique<LayerState>(directions_, description.gru.hidden_size, description.stateful);
  }
}

Shape GruLayer::output(Shape input) {
  if (!input.sequence) {
    throw Error(ErrorCode::shape_mismatch, "[" + description_.name + "] expected a sequence [batch, steps, features], got vectors");
  }
  const int64_t expected = merges() ? hidden_ : width_;
  if (description_.output_size != expected || description_.gru.input_size != description_.input_size) {
    throw Error(ErrorCode::shape_mismatch,
                "[" + description_.name + "] expected output size " + std::to_string(expected) + " and input size " +
                    std::to_string(description_.gru.input_size) + ", got " + std::to_string(description_.output_size) + " and " +
                    std::to_string(description_.input_size));
  }
  return {description_.return_sequences, description_.output_size};
}

std::vector<Parameter> GruLayer::parameters() const { return gru_parameters(*plan_, description_.name + ".", description_); }

void GruLayer::place(const Placement& room) {
  const bool sequences = description_.return_sequences;
  const bool mapped = sequences && (description_.go_backwards || room.mask == MaskKind::any ||
                                    (room.mask == MaskKind::prefix && !description_.zero_output_for_mask));
  const bool align = room.mask == MaskKind::any, lengths = room.mask != MaskKind::none;
  const int64_t rows = static_cast<int64_t>(room.batch) * room.steps;
  const int64_t in = description_.input_size;
  const auto optional = [](Arena& arena, float*& view, bool wanted, int64_t count) {
    if (wanted) arena.place(view, count);
    else view = nullptr;
  };
  Arena& kept = room.kept;
  Arena& values = room.values;
  optional(kept, dropped_, room.keep && description_.rate > 0, rows * in);
  optional(kept, aligned_, align, rows * in);
  optional(kept, plan_y_, !sequences || mapped || merges(), rows * width_);
  optional(kept, joined_, merges() && (!sequences || mapped), (sequences ? rows : room.batch) * width_);
  optional(kept, final_, !sequences && !state_ && directions_ == 2, room.batch * width_);
  optional(values, d_plan_y_, room.keep && mapped, rows * width_);
  optional(values, d_joined_, room.keep && merges(), (sequences ? rows : room.batch) * width_);
  optional(values, d_final_, room.keep && !sequences && directions_ == 2, room.batch * width_);
  optional(values, d_aligned_, room.keep && align, rows * in);
  align_map_ = output_map_ = device_lengths_ = nullptr;
  if (lengths) room.staged.place(device_lengths_, room.batch);
  if (align) room.staged.place(align_map_, rows);
  if (mapped) room.staged.place(output_map_, rows * directions_);
  reserve_ = nullptr;
  if (room.keep) kept.place(reserve_, static_cast<int64_t>(plan_->reserve_bytes(room.batch, room.steps, lengths)));
  room.workspace_bytes =
      std::max(room.workspace_bytes, static_cast<int64_t>(plan_->workspace_bytes(room.batch, room.steps, room.keep, lengths)));
}

void GruLayer::prepare(const SequenceInfo& info, const int32_t*, const Upload& upload) {
  const size_t rows = static_cast<size_t>(info.batch()) * info.steps();
  lengths_ = info.lengths();
  if (lengths_) std::copy_n(lengths_, info.batch(), upload.host(device_lengths_));
  hx_ = state_ && state_->holds() ? state_->before() : nullptr;
  if (align_map_) info.fill_align(upload.host(align_map_));
  if (!output_map_) return;
  for (int direction = 0; direction < directions_; ++direction) {
    const bool reverse = direction == 1 || description_.gru.direction == Direction::backward;
    info.fill_outputs(upload.host(output_map_) + rows * direction, reverse, description_.zero_output_for_mask, description_.go_backwards);
  }
}

Dropout GruLayer::dropout_call(const Pass& pass) const {
  const int64_t rows = static_cast<int64_t>(pass.batch) * pass.steps;
  return {description_.rate, static_cast<uint32_t>(index_), rows, description_.input_size, pass.batch};
}

GatherSteps GruLayer::align_call(const Pass& pass) const {
  const int64_t in = description_.input_size;
  return {pass.steps, pass.batch, description_.input_size, align_map_, in, in, 0};
}

GatherSteps GruLayer::output_call(const Pass& pass, int direction) const {
  const int32_t* map = output_map_ + static_cast<int64_t>(direction) * pass.batch * pass.steps;
  return {pass.steps, pass.batch, static_cast<int>(hidden_), map, width_, width_, hidden_};
}

void GruLayer::forward(Backend& backend, const Pass& pass, Input input, float* y) {
  if (drops(pass)) backend.dropout(dropout_call(pass), pass.scalars, input.values, dropped_);
  if (aligned_) backend.gather_steps(align_call(pass), drops(pass) ? dropped_ : input.values, nullptr, aligned_);
  if (hx_) state_->carry(backend, pass.batch);
  float* hy = state_ ? state_->after() : description_.return_sequences ? nullptr : directions_ == 2 ? final_ : y;

  GruForward call;
  call.training = pass.keep;
  call.batch = pass.batch, call.steps = pass.steps;
  call.lengths = lengths_;
  call.device_lengths = lengths_ ? device_lengths_ : nullptr;
  call.x = plan_x(pass, input);
  call.hx = hx_;
  call.weights = pass.parameters + offset_;
  call.weights_version = pass.weights_version;
  call.y = plan_y_ ? plan_y_ : y;
  call.hy = hy;
  call.reserve = reserve_;
  call.workspace = pass.workspace;
  plan_->forward(call);
  if (description_.return_sequences) forward_output(backend, pass, y);
  else forward_final(backend, pass, hy, y);
}

void GruLayer::forward_output(Backend& backend, const Pass& pass, float* y) {
  const float* joined = plan_y(y);
  if (output_map_) {
    float* target = joined_ ? joined_ : y;
    for (int direction = 0; direction < directions_; ++direction) {
      const float* before = hx_ && !description_.zero_output_for_mask ? hx_ + direction * pass.batch * hidden_ : nullptr;
      backend.gather_steps(output_call(pass, direction), plan_y_ + direction * hidden_, before, target + direction * hidden_);
    }
    joined = target;
  }
  if (merges()) backend.merge(description_.merge, joined, y, static_cast<int64_t>(pass.batch) * pass.steps, hidden_);
}

void GruLayer::forward_final(Backend& backend, const Pass& pass, const float* hy, float* y) {
  if (directions_ == 1) {
    if (hy != y) backend.copy(y, hy, static_cast<size_t>(pass.batch * hidden_) * sizeof(float));
    return;
  }
  float* joined = joined_ ? joined_ : y;   // [B, 2H]
  for (int direction = 0; direction < 2; ++direction) {
    backend.copy_rows(hy + direction * pass.batch * hidden_, hidden_, joined + direction * hidden_, width_, pass.batch, hidden_);
  }
  if (merges()) backend.merge(description_.merge, joined, y, pass.batch, hidden_);
}

const float* GruLayer::backward_output(Backend& backend, const Pass& pass, const float* y, const float* dy) {
  if (merges()) {
    const int64_t rows = static_cast<int64_t>(pass.batch) * pass.steps;
    backend.merge_grad(description_.merge, joined_ ? joined_ : plan_y(y), dy, d_joined_, rows, hidden_);
    dy = d_joined_;
  }
  if (!output_map_) return dy;
  backend.zero(d_plan_y_, static_cast<size_t>(pass.steps) * pass.batch * width_ * sizeof(float));
  for (int direction = 0; direction < directions_; ++direction) {
    backend.gather_steps_grad(output_call(pass, direction), dy + direction * hidden_, d_plan_y_ + direction * hidden_, nullptr);
  }
  return d_plan_y_;
}

const float* GruLayer::backward_final(Backend& backend, const Pass& pass, const float* dy) {
  if (directions_ == 1) return dy;
  if (merges()) {
    backend.merge_grad(description_.merge, joined_, dy, d_joined_, pass.batch, hidden_);
    dy = d_joined_;
  }
  for (int direction = 0; direction < 2; ++direction) {
    backend.copy_rows(dy + direction * hidden_, width_, d_final_ + direction * pass.batch * hidden_, hidden_, pass.batch, hidden_);
  }
  return d_final_;
}

void GruLayer::backward(Backend& backend, const Pass& pass, Input input, const float* y, const float* dy, float* dx) {
  GruBackward call;
  if (description_.return_sequences) call.dy = backward_output(backend, pass, y, dy);
  else call.dhy = backward_final(backend, pass, dy);
  call.batch = pass.batch, call.steps = pass.steps;
  call.lengths = lengths_;
  call.device_lengths = lengths_ ? device_lengths_ : nullptr;
  call.x = plan_x(pass, input);
  call.hx = hx_;
  call.weights = pass.parameters + offset_;
  call.weights_version = pass.weights_version;
  call.y = plan_y(y);
  call.dx = dx && aligned_ ? d_aligned_ : dx;
  call.dweights = pass.gradients + offset_;
  call.reserve = reserve_;
  call.workspace = pass.workspace;
  plan_->backward(call);
  if (!dx) return;
  if (aligned_) {
    backend.zero(dx, static_cast<size_t>(pass.steps) * pass.batch * description_.input_size * sizeof(float));
    backend.gather_steps_grad(align_call(pass), d_aligned_, dx, nullptr);
  }
  if (drops(pass)) backend.dropout(dropout_call(pass), pass.scalars, dx, dx);
}

std::unique_ptr<Layer> make_gru_layer(const LayerDescription& description, int index, Backend& backend) {
  return std::make_unique<GruLayer>(description, index, backend);
}

}  // namespace grus
