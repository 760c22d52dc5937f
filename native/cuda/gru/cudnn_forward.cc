#include "../kernels/cast.h"
#include "../kernels/sequence.h"
#include "cudnn_pass.h"

namespace grus::cuda {

CudnnForwardPass::CudnnForwardPass(CudnnGru& gru, CudnnShape& shape, const GruForward& args, const Around& around)
    : CudnnPass(gru, shape, around, nullptr), args_(args), rooms_(gru, shape, args.workspace), reserve_(gru, shape, args.reserve) {}

bool CudnnForwardPass::run(CudnnShapes& shapes) {
  shapes_ = &shapes;
  fast_ = shape_.set(0).fast && !shape_.set(0).refused;
  weights_ = narrowed(args_.weights, rooms_.weights, gru_.layout().values(), nullptr);
  const void* x = input(args_.x, rooms_.floats, rooms_.x);
  void* y = writes_output() ? args_.y : args_.training ? reserve_.y : rooms_.y;
  for (int index = 0; index < shape_.chunks(); ++index) {
    chunk(index, steps_from(x, index, gru_.input()), steps_from(y, index, gru_.width()));
  }
  if (y != args_.y) finish_output(y);
  return fast_;
}

void CudnnForwardPass::chunk(int index, const void* x, void* y) {
  const auto state_after = [&](int chunk) { return args_.training ? reserve_.state(chunk) : rooms_.states[chunk % 2]; };
  const bool last = index + 1 == shape_.chunks();
  const float* before = index == 0 ? args_.hx : state_after(index - 1);
  // Rows that ended before the last step went on with zeros in cuDNN: their states are taken from y, see finish_output.
  float* after = !last ? state_after(index) : around_.masked ? nullptr : args_.hy;

  CudnnValues v;
  v.x = x, v.y = y;
  v.hx = narrowed(before, rooms_.hx, state_count_, nullptr);
  v.hy = after && gru_.narrow() ? rooms_.hy : after;
  v.weights = weights_;
  v.workspace = rooms_.cudnn;
  v.reserve = args_.training ? reserve_.cudnn(index) : nullptr;
  CallSet& set = shape_.set(index);
  CudnnCalls* calls = fast_ ? set.fast.get() : set.standard.get();
  cudnn::Status status = calls->forward(v);
  if (fast_ && cudnn::category(status) == cudnn::Category::not_supported) {
    fast_ = false;
    shapes_->refuse(shape_);
    calls = set.standard.get();
    status = calls->forward(v);
  }
  context_.check(status, "cudnnRNNForward", calls->describe());
  if (after && gru_.narrow()) widen(stream_, gru_.precision(), static_cast<const uint16_t*>(v.hy), after, state_count_, nullptr, false);
}

// The caller's y, and hy where rows may differ in length.
void CudnnForwardPass::finish_output(const void* y) {
  const float* values = static_cast<const float*>(y);
  const bool moved = around_.masked || around_.reverse;
  if (gru_.narrow()) {
    float* wide = moved ? rooms_.floats : args_.y;
    widen(stream_, gru_.precision(), static_cast<const uint16_t*>(y), wide, y_count_, nullptr, false);
    values = wide;
  }
  if (around_.masked && args_.hy) {
    last_steps(stream_, around_.lengths, steps_, batch_, gru_.width(), values, args_.hx, args_.hy);
  }
  if (moved) {
    mask_steps(stream_, around_.lengths, around_.reverse, steps_, batch_, gru_.width(), values, args_.y, {gru_.width(), around_.y_stride});
  }
}

}  // namespace grus::cuda
