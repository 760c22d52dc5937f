#include "cudnn_pass.h"

#include <algorithm>

#include "../../core/error.h"
#include "../kernels/cast.h"
#include "../kernels/sequence.h"
#include "chunk_lengths.h"

namespace grus::cuda {

CudnnPass::CudnnPass(CudnnGru& gru, CudnnShape& shape, const int32_t* lengths, const int32_t* device_lengths, const float* loss_scale)
    : gru_(gru), shape_(shape), context_(gru.context()), stream_(context_.stream()), batch_(shape.batch()), steps_(shape.steps()),
      x_count_(int64_t{batch_} * steps_ * gru.input()), y_count_(int64_t{batch_} * steps_ * gru.width()),
      state_count_(gru.state_count(batch_)), lengths_(lengths), device_lengths_(device_lengths), loss_scale_(loss_scale) {
  if ((lengths == nullptr) != (device_lengths == nullptr)) {
    throw Error(ErrorCode::invalid_argument, "[gru] expected lengths on the host and on the device, got them on one only");
  }
  if (!lengths) return;
  bool full = true;
  for (int row = 0; row < batch_; ++row) {
    if (lengths[row] < 0 || lengths[row] > steps_) {
      throw Error(ErrorCode::shape_mismatch,
                  "[gru] expected lengths of 0 to " + std::to_string(steps_) + ", got " + std::to_string(lengths[row]));
    }
    full = full && lengths[row] == steps_;
  }
  masked_ = gru.pads() || !full;   // what is enqueued for a GRU that pads must not depend on what the lengths are
  told_ = masked_ && !gru.pads();
  if (!told_) device_lengths_ = masked_ ? device_lengths : nullptr;
}

const void* CudnnPass::input(const float* x, float* floats, void* values) {
  if (masked_ || gru_.reverse()) {
    mask_steps(stream_, device_lengths_, gru_.reverse(), steps_, batch_, gru_.input(), x, floats);
    x = floats;
  }
  return narrowed(x, values, x_count_, nullptr);
}

const void* CudnnPass::narrowed(const float* values, void* room, int64_t count, const float* scale) {
  if (!gru_.narrow() || !values) return values;
  narrow(stream_, gru_.precision(), values, static_cast<uint16_t*>(room), count, scale);
  return room;
}

void CudnnPass::tell_lengths(CudnnCalls& calls, int chunk) {
  const int start = shape_.start(chunk), steps = shape_.set(chunk).steps;
  told_lengths_.resize(static_cast<size_t>(batch_));
  for (int row = 0; row < batch_; ++row) told_lengths_[static_cast<size_t>(row)] = std::clamp(lengths_[row] - start, 1, steps);
  calls.set_lengths(told_lengths_);
}

const int32_t* CudnnPass::lengths_of(int chunk, int32_t* room) {
  if (shape_.chunks() == 1) return device_lengths_;
  chunk_lengths(stream_, device_lengths_, shape_.start(chunk), shape_.set(chunk).steps, batch_, room);
  return room;
}

const void* CudnnPass::steps_from(const void* values, int chunk, int64_t width) const {
  return static_cast<const char*>(values) + static_cast<size_t>(int64_t{shape_.start(chunk)} * batch_ * width) * gru_.numbers().bytes;
}

void* CudnnPass::steps_from(void* values, int chunk, int64_t width) const {
  return const_cast<void*>(steps_from(static_cast<const void*>(values), chunk, width));
}

void CudnnPass::zero(void* values, size_t bytes) { context_.check(cudaMemsetAsync(values, 0, bytes, stream_), "cudaMemsetAsync"); }

void CudnnPass::check(cudnn::Status status, const char* call, const CudnnCalls& calls) {
  if (status == cudnn::Status::success) return;
  if (cudnn::category(status) == cudnn::Category::not_supported && shape_.chunks() == 1 && steps_ > kMostSteps) {
    throw Error(ErrorCode::unsupported, "[gru] expected sequences of at most 65535 steps for a GRU of both directions, got " +
                                            std::to_string(steps_) + ", which cuDNN refuses: " + explain(context_, status) +
                                            "; use shorter sequences, or device 'cpu'");
  }
  context_.check(status, call, calls.describe());
}

}  // namespace grus::cuda
