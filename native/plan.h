#pragma once
#include <memory>
#include <vector>

#include "layers/layer.h"

namespace grus {

enum class PlanMode { inference, train, door };   // train: loss here, no gradient of the input; door: loss elsewhere, gradient of the input

// Device views of one batch; time-major. Null where the mode has no use for them.
struct BatchViews {
  float* x = nullptr;            // [T, B, I] or [B, I]
  int32_t* ids = nullptr;        // [T, B]
  float* y = nullptr;            // targets [rows, K]; sparse labels [rows] lie in the same place
  float* weights = nullptr;      // [rows]
  uint8_t* mask = nullptr;       // [rows]
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
  int64_t generation() const { return generation_; }         // changes when addresses of earlier passes have become invalid

  // Makes room and fills in what the host knows. mask: [T, B] time-major or null.
  const BatchViews& bind(int batch, int steps, PlanMode mode, const uint8_t* mask);
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
  struct Bound {
    int batch = 0, steps = 0;
    PlanMode mode = PlanMode::inference;
    MaskKind mask = MaskKind::none;
  };
  void place();
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

  Arena kept_, values_;
  Bound bound_;
  int64_t generation_ = 0;
  BatchViews views_;
  std::vector<float*> outputs_;        // by layer
  float* gradients_[2] = {nullptr, nullptr};
  float* input_gradient_ = nullptr;
  char* workspace_ = nullptr;
};

}  // namespace grus
