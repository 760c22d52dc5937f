#pragma once
#include "layer.h"

namespace grus {

// x [T, B, I] -> y [T, B, C] or [B, C]. Around the plan's own pass: input dropout, left-alignment of masked rows, outputs at masked steps,
// reversed time, the merge of two directions. Each of them is skipped, and has no memory, when it would change nothing.
class GruLayer : public Layer {
 public:
  GruLayer(const LayerDescription& description, int index, Backend& backend);

  Shape output(Shape input) override;
  std::vector<Parameter> parameters() const override;
  int64_t parameter_floats() const override { return static_cast<int64_t>(plan_->weight_count()); }
  bool flips_time() const override { return description_.return_sequences && description_.go_backwards; }
  LayerState* state() override { return state_.get(); }

  void place(const Placement&) override;
  void prepare(const SequenceInfo&, const int32_t* ids, const Upload&) override;
  void forward(Backend&, const Pass&, Input x, float* y) override;
  void backward(Backend&, const Pass&, Input x, const float* y, const float* dy, float* dx) override;

 private:
  bool merges() const { return directions_ == 2 && description_.merge != Merge::concat; }
  bool drops(const Pass& pass) const { return pass.dropout && description_.rate > 0; }
  // Where the plan reads and writes; the same in forward and backward.
  const float* plan_x(const Pass& pass, Input x) const { return aligned_ ? aligned_ : drops(pass) ? dropped_ : x.values; }
  const float* plan_y(const float* y) const { return plan_y_ ? plan_y_ : y; }
  Dropout dropout_call(const Pass&) const;
  GatherSteps align_call(const Pass&) const;
  GatherSteps output_call(const Pass&, int direction) const;
  void forward_output(Backend&, const Pass&, float* y);
  void forward_final(Backend&, const Pass&, const float* hy, float* y);
  const float* backward_output(Backend&, const Pass&, const float* y, const float* dy);   // gradient of the plan's y
  const float* backward_final(Backend&, const Pass&, const float* dy);                    // gradient of the plan's hy

  const int index_, directions_;
  const int64_t hidden_, width_;        // H, D*H
  std::unique_ptr<GruPlan> plan_;
  std::unique_ptr<LayerState> state_;   // of layers that are stateful or return their state

  // Views for one size of batch; null: not needed.
  float *dropped_ = nullptr, *aligned_ = nullptr;      // [T, B, I]
  float* plan_y_ = nullptr;                            // [T, B, D*H]; null: the layer's own output
  float* joined_ = nullptr;                            // [T, B, 2H] or [B, 2H], what is merged
  float* final_ = nullptr;                             // [D, B, H]
  float *d_plan_y_ = nullptr, *d_joined_ = nullptr, *d_final_ = nullptr, *d_aligned_ = nullptr;
  int32_t *align_map_ = nullptr, *output_map_ = nullptr;   // [T, B]; [D, T, B]
  int32_t* device_lengths_ = nullptr;                      // [B], under a mask
  char* reserve_ = nullptr;

  // Of the batch at hand, set by prepare: a replayed forward does not come through here.
  const int32_t* lengths_ = nullptr;
  const float* hx_ = nullptr;
};

}  // namespace grus
