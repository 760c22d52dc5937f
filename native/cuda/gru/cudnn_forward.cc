#include "../kernels/cast.h"
#include "../kernels/sequence.h"
#include "cudnn_pass.h"

namespace grus::cuda {

CudnnForwardPass::CudnnForwardPass(CudnnGru& gru, CudnnShape& shape, const GruForward& args)
    : CudnnPass(gru, shape, args.lengths, args.device_lengths, nullptr), args_(args), rooms_(gru, shape, args.workspace),
      reserve_(gru, shape, args.reserve) {}

bool CudnnForwardPass::run(CudnnShapes& shapes) {
  shapes_ = &shapes;
  fast_ = shape_.set(0).fast && !shape_.set(0).refused && !told_;
  weights_ = narrowed(args_.weights, rooms_.weights, gru_.layout().values(), nullptr);
  const void* x = input(args_.x, rooms_.floats, rooms_.x);
  void* y = writes_output(gru_, masked_) ? args_.y : args_.training ? reserve_.y : rooms_.y;
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
  float* after = !last ? state_after(index) : masked_ && !told_ ? nullptr : args_.hy;

  CudnnValues v;
  v.x = x, v.y = y;
  v.hx = narrowed(before, rooms_.hx, state_count_, nullptr);
  v.hy = after && gru_.narrow() ? rooms_.hy : after;
  v.weights = weights_;
  v.workspace = rooms_.cudnn;
  v.reserve = args_.training ? reserve_.cudnn(index) : nullptr;
  CallSet& set = shape_.set(index);
  if (told_) tell_lengths(*set.ragged, index);
  CudnnCalls* calls = told_ ? set.ragged.get() : fast_ ? set.fast.get() : set.standard.get();
  cudnn::Status status = calls->forward(v);
  if (fast_ && cudnn::category(status) == cudnn::Category::not_supported) {
    fast_ = false;
    shapes_->refuse(shape_);
    calls = set.standard.get();
    status = calls->forward(v);
  }
  check(status, "cudnnRNNForward", *calls);
  if (!after) return;
  if (gru_.narrow()) widen(stream_, gru_.precision(), static_cast<const uint16_t*>(v.hy), after, state_count_, nullptr, false);
  if (told_) empty_rows(stream_, lengths_of(index, rooms_.lengths), gru_.blocks(), batch_, gru_.hidden(), before, after);
}

// The caller's y, and hy where cuDNN knew no lengths.
void CudnnForwardPass::finish_output(const void* y) {
  const float* values = static_cast<const float*>(y);
  if (gru_.narrow()) {
    float* wide = gru_.reverse() ? rooms_.floats : args_.y;
    widen(stream_, gru_.precision(), static_cast<const uint16_t*>(y), wide, y_count_, nullptr, false);
    values = wide;
  }
  if (masked_ && !told_ && args_.hy) {
    last_steps(stream_, device_lengths_, steps_, batch_, gru_.width(), values, args_.hx, args_.hy);
  }
  if (masked_ || gru_.reverse()) mask_steps(stream_, device_lengths_, gru_.reverse(), steps_, batch_, gru_.width(), values, args_.y);
}

}  // namespace grus::cuda
