#include "cudnn_pass.h"

#include "../kernels/cast.h"
#include "../kernels/sequence.h"

namespace grus::cuda {

CudnnPass::CudnnPass(CudnnGru& gru, CudnnShape& shape, const Around& around, const float* loss_scale)
    : gru_(gru), shape_(shape), context_(gru.context()), around_(around), stream_(context_.stream()), batch_(shape.batch()),
      steps_(shape.steps()), x_count_(int64_t{batch_} * steps_ * gru.input()), y_count_(int64_t{batch_} * steps_ * gru.width()),
      state_count_(gru.state_count(batch_)), loss_scale_(loss_scale) {}

const void* CudnnPass::input(const float* x, float* floats, void* values) {
  if (around_.masked || around_.reverse) {
    mask_steps(stream_, around_.lengths, around_.reverse, steps_, batch_, gru_.input(), x, floats);
    x = floats;
  }
  return narrowed(x, values, x_count_, nullptr);
}

const void* CudnnPass::narrowed(const float* values, void* room, int64_t count, const float* scale) {
  if (!gru_.narrow() || !values) return values;
  narrow(stream_, gru_.precision(), values, static_cast<uint16_t*>(room), count, scale);
  return room;
}

const void* CudnnPass::steps_from(const void* values, int chunk, int64_t width) const {
  return static_cast<const char*>(values) + static_cast<size_t>(int64_t{shape_.start(chunk)} * batch_ * width) * gru_.numbers().bytes;
}

void* CudnnPass::steps_from(void* values, int chunk, int64_t width) const {
  return const_cast<void*>(steps_from(static_cast<const void*>(values), chunk, width));
}

void CudnnPass::zero(void* values, size_t bytes) { context_.check(cudaMemsetAsync(values, 0, bytes, stream_), "cudaMemsetAsync"); }

}  // namespace grus::cuda
