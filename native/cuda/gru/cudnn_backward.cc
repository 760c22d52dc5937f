#include "../kernels/cast.h"
#include "../kernels/sequence.h"
#include "cudnn_pass.h"

namespace grus::cuda {

CudnnBackwardPass::CudnnBackwardPass(CudnnGru& gru, CudnnShape& shape, const GruBackward& args, const Around& around,
                                     const float* loss_scale, bool fast)
    : CudnnPass(gru, shape, around, loss_scale), args_(args), rooms_(gru, shape, args.workspace), reserve_(gru, shape, args.reserve),
      fast_(fast) {}

void CudnnBackwardPass::run() {
  weights_ = narrowed(args_.weights, rooms_.weights, gru_.layout().values(), nullptr);
  y_ = writes_output() ? static_cast<const void*>(args_.y) : reserve_.y;
  const void* dy = output_gradient();
  const bool direct = args_.dx && !around_.reverse && !gru_.narrow();
  void* dx = direct ? args_.dx : rooms_.x;   // cuDNN always computes it
  for (int chunk = shape_.chunks() - 1; chunk >= 0; --chunk) data(chunk, dy, dx);
  if (args_.dhx && around_.masked) {
    empty_rows(stream_, around_.lengths, gru_.blocks(), batch_, gru_.hidden(), args_.dhy, args_.dhx);
  }
  if (args_.dx) input_gradient(dx);
  if (args_.dweights) weight_gradients();
}

CudnnCalls& CudnnBackwardPass::calls(int chunk) {
  CallSet& set = shape_.set(chunk);
  return fast_ ? *set.fast : *set.standard;
}

CudnnValues CudnnBackwardPass::values(int chunk) {
  CudnnValues v;
  v.y = const_cast<void*>(steps_from(y_, chunk, gru_.width()));
  v.hx = narrowed(state_before(chunk), rooms_.hx, state_count_, nullptr);
  v.weights = weights_;
  v.workspace = rooms_.cudnn;
  v.reserve = reserve_.cudnn(chunk);
  return v;
}

// dy for cuDNN, all chunks. Where rows may differ in length, dhy joins it at each row's own last step.
const void* CudnnBackwardPass::output_gradient() {
  const float* dy = args_.dy;
  const bool moved = around_.masked || around_.reverse;
  if (!dy) {
    zero(rooms_.floats, static_cast<size_t>(y_count_) * sizeof(float));
  } else if (moved) {
    mask_steps(stream_, around_.lengths, around_.reverse, steps_, batch_, gru_.width(), dy, rooms_.floats,
               {around_.y_stride, gru_.width()});
  }
  if (!dy || moved) dy = rooms_.floats;
  if (args_.dhy && around_.masked) {
    last_steps_grad(stream_, around_.lengths, steps_, batch_, gru_.width(), args_.dhy, rooms_.floats);
  }
  return narrowed(dy, rooms_.dy, y_count_, loss_scale_);
}

void CudnnBackwardPass::data(int chunk, const void* dy, void* dx) {
  const bool last = chunk + 1 == shape_.chunks();
  const float* after = !last ? rooms_.states[(chunk + 1) % 2] : around_.masked ? nullptr : args_.dhy;
  float* before = chunk == 0 ? args_.dhx : rooms_.states[chunk % 2];
  CudnnValues v = values(chunk);
  v.dy = steps_from(dy, chunk, gru_.width());
  v.dx = steps_from(dx, chunk, gru_.input());
  v.dhy = narrowed(after, rooms_.dhy, state_count_, loss_scale_);
  v.dhx = before && gru_.narrow() ? rooms_.dhx : before;
  context_.check(calls(chunk).backward_data(v), "cudnnRNNBackwardData_v8", calls(chunk).describe());
  if (before && gru_.narrow()) {
    widen(stream_, gru_.precision(), static_cast<const uint16_t*>(v.dhx), before, state_count_, loss_scale_, false);
  }
}

void CudnnBackwardPass::input_gradient(const void* dx) {
  const float* values = static_cast<const float*>(dx);
  if (gru_.narrow()) {
    float* wide = around_.reverse ? rooms_.floats : args_.dx;
    widen(stream_, gru_.precision(), static_cast<const uint16_t*>(dx), wide, x_count_, loss_scale_, false);
    values = wide;
  }
  // What cuDNN puts beyond a row's length is the gradient of a zero that stood there.
  if (around_.masked || around_.reverse) {
    mask_steps(stream_, around_.lengths, around_.reverse, steps_, batch_, gru_.input(), values, args_.dx, {}, around_.adds_dx);
  }
}

void CudnnBackwardPass::weights(int chunk, const void* x, void* dweights) {
  CudnnValues v = values(chunk);
  v.x = steps_from(x, chunk, gru_.input());
  v.dweights = dweights;
  context_.check(calls(chunk).backward_weights(v), "cudnnRNNBackwardWeights_v8", calls(chunk).describe());
}

void CudnnBackwardPass::weight_gradients() {
  const void* x = input(args_.x, rooms_.floats, rooms_.x);   // in place of dy and dx, which have been used
  void* dweights = gru_.narrow() ? rooms_.dweights : args_.dweights;
  if (gru_.narrow()) zero(dweights, gru_.layout().bytes());
  for (int chunk = shape_.chunks() - 1; chunk >= 0; --chunk) weights(chunk, x, dweights);
  if (!gru_.narrow()) return;
  widen(stream_, gru_.precision(), static_cast<const uint16_t*>(dweights), args_.dweights, gru_.layout().values(), loss_scale_, true);
}

}  // namespace grus::cuda
