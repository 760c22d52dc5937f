#pragma once
#include <memory>
#include <vector>

#include "layers/layer.h"

namespace grus {

enum class PlanMode { inference, train, door };   // train: loss here, no gradient of the input; door: loss elsewhere, gradient of the input

enum class Targets { none, values, labels };   // what comes with a batch, to be scored by

// What one batch has. Passes of one shape and one kind of mask find everything in the same places.
struct BatchShape {
  int batch = 0, steps = 0;
  PlanMode mode = PlanMode::inference;
  Targets targets = Targets::none;
  bool weighted = false;         // has weights of samples; with targets only
};

// Device views of one batch, side by side; time-major. Null: the batch has none.
struct BatchViews {
  StepScalars* scalars = nullptr;
  float* x = nullptr;            // [T, B, I] or [B, I]
  int32_t* ids = nullptr;        // [T, B]
  float* y = nullptr;            // [rows, K]
  int32_t* labels = nullptr;     // [rows]
  float* weights = nullptr;      // [rows]
  uint8_t* mask = nullptr;       // [rows], of the output
};

// A model compiled for one backend: layers, where their tensors lie, and the order of a pass. Arenas grow with the batches.
class Plan {
 public:
  Plan(Memory& memory, const ModelDescription& description);

  const ParameterTable& table() const { return table_; }
  Shape input_shape() const { return shapes_.front(); }
  Shape output_shape() const { return shapes_.back(); }
  const std::vector<std::unique_ptr<Layer>>& layers() const { return layers_; }
  bool mask_zero() const;
  bool output_masked() const { return output_info().kind() != MaskKind::none && output_shape().sequence; }
  const SequenceInfo& output_info() const { return flips_ ? flipped_ : input_info_; }
  const SequenceInfo& input_info() const { return input_info_; }
  // The kinds of mask that layers see: one mask may be of another kind in reversed time. What layers place and enqueue depends on it.
  int mask_kinds() const { return 3 * static_cast<int>(flipped_.kind()) + static_cast<int>(input_info_.kind()); }
  int64_t generation() const { return generation_; }         // changes when addresses of earlier passes have become invalid

  // Makes room. mask: [T, B] time-major or null.
  const BatchViews& bind(const BatchShape& shape, const uint8_t* mask);
  // All that the host writes for the batch last bound: the views, and what prepare() adds for the layers. ids: [T, B] on the host or null.
  Upload upload();
  void prepare(const Upload& upload, const int32_t* ids);
  // The pass's sizes, workspace and addresses, for the batch last bound.
  Pass pass(bool dropout) const;

  // Enqueued work.
  void forward(const Pass& pass);
  // skip_last: the gradient enters below the last layer (losses on logits). Reads top_gradient(); the gradient of the input is in
  // input_gradient() afterwards (door only).
  void backward(const Pass& pass, bool skip_last);

  const float* output(const Pass& pass) const { return value(layers_.size(), pass); }
  const float* last_input(const Pass& pass) const { return value(layers_.size() - 1, pass); }
  float* top_gradient() const { return gradients_[0]; }
  const float* input_gradient() const { return input_gradient_; }
  bool wants_softmax_loss(const Loss& loss) const;           // the last layer is part of the loss

 private:
  void place();
  void place_views();
  void outdate();
  const float* value(size_t index, const Pass& pass) const;   // input of layer `index`, past the layers that only copy
  Memory& memory_;
  const bool ids_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Shape> shapes_;          // of the input, then of every layer's output
  ParameterTable table_;
  SequenceInfo input_info_, flipped_;
  std::vector<bool> flipped_before_;   // by layer: its mask runs backwards
  bool flips_ = false;                 // the output's mask does
  bool any_flip_ = false;              // some layer's mask does

  Arena kept_, values_, staged_;
  BatchShape bound_;
  int bound_masks_ = 0;
  int64_t generation_ = 0;
  BatchViews views_;
  std::vector<float*> outputs_;        // by layer
  float* gradients_[2] = {nullptr, nullptr};
  float* input_gradient_ = nullptr;
  char* workspace_ = nullptr;
};

}  // namespace grus
