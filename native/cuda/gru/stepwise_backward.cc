#include "stepwise_backward.h"

#include <algorithm>

#include "../gemm.h"

namespace grus::cuda {

StepwiseBackwardSpace::StepwiseBackwardSpace(const StepwiseLayout& layout, const GruBackward& args) {
  StepwiseCarver carver(args.workspace);
  const int64_t batch = args.batch;
  carry = carver.floats(batch * layout.hidden());
  products = carver.floats(batch * 3 * layout.hidden());
  sequence = carver.floats(batch * args.steps * std::max(layout.input_size(0), layout.input_size(layout.layers() - 1)));
  bytes = carver.used();
}

StepwiseBackwardPass::StepwiseBackwardPass(Context& context, const StepwiseLayout& layout, const GruBackward& args)
    : context_(context), layout_(layout), args_(args), space_(layout, args), reserve_(layout, args.reserve, args.batch, args.steps) {}

void StepwiseBackwardPass::run() {
  if (args_.batch == 0) return;
  const float* dy = args_.dy;
  for (int layer = layout_.layers() - 1; layer >= 0; --layer) {
    for (int direction = 0; direction < layout_.directions(); ++direction) recurrence(layer, direction, dy);
    if (args_.steps == 0) continue;
    if (args_.dweights) {
      const float* x = layer > 0 ? reserve_.y(layer - 1) : clean_input();
      for (int direction = 0; direction < layout_.directions(); ++direction) weight_gradients(layer, direction, x);
    }
    float* dx = layer > 0 ? space_.sequence : args_.dx;
    if (dx) input_gradient(layer, dx);
    dy = dx;
  }
}

void StepwiseBackwardPass::recurrence(int layer, int direction, const float* dy) {
  const GruDescription& description = layout_.description();
  const int64_t hidden = layout_.hidden(), size = args_.batch * hidden, state_at = (layer * layout_.directions() + direction) * size;
  const size_t bytes = static_cast<size_t>(size) * sizeof(float);
  const float* dhy = args_.dhy ? args_.dhy + state_at : nullptr;
  float* carry = args_.dhx ? args_.dhx + state_at : space_.carry;
  if (!dhy) {
    context_.check(cudaMemsetAsync(carry, 0, bytes, context_.stream()), "cudaMemsetAsync");
  } else if (dhy != carry) {
    context_.check(cudaMemcpyAsync(carry, dhy, bytes, cudaMemcpyDeviceToDevice, context_.stream()), "cudaMemcpyAsync");
  }
  GateStepBack g;
  g.batch = args_.batch;
  g.hidden = hidden;
  g.lengths = args_.device_lengths;
  g.dy_stride = layout_.width();
  g.carry = carry;
  g.products = space_.products;
  g.functions = {description.recurrent_activation[static_cast<size_t>(direction)], description.activation[static_cast<size_t>(direction)],
                 description.clip};
  const int before = layout_.reverse(direction) ? 1 : 0;
  for (int index = args_.steps - 1; index >= 0; --index) {
    g.time = layout_.time_of(direction, index, args_.steps);
    g.gates = reserve_.gates(layer, direction) + g.time * size * 4;
    g.h = reserve_.states(layer, direction) + (g.time + before) * size;
    g.dy = dy ? dy + g.time * args_.batch * g.dy_stride + direction * hidden : nullptr;
    step(g, args_.weights + layout_.offsets(layer, direction).weight_hh, index == 0);
  }
}

void StepwiseBackwardPass::step(const GateStepBack& g, const float* weight_hh, bool last) {
  const int64_t hidden = layout_.hidden();
  const bool carries = !last || args_.dhx;   // whether anyone reads what the product gives
  if (layout_.description().reset_after) {
    gru_step_back(context_.stream(), g);
    if (carries) multiply(g.products, 3 * hidden, 3 * hidden, weight_hh, g.carry, 1);
    return;
  }
  gru_candidate_back(context_.stream(), g);
  multiply(g.gates + 2 * hidden, 4 * hidden, hidden, weight_hh + 2 * hidden * hidden, g.products, 0);
  gru_reset_back(context_.stream(), g);
  if (carries) multiply(g.gates, 4 * hidden, 2 * hidden, weight_hh, g.carry, 1);
}

void StepwiseBackwardPass::multiply(const float* a, int64_t a_stride, int64_t k, const float* b, float* c, float beta) {
  Gemm g;
  g.m = args_.batch;
  g.n = g.ldb = g.ldc = layout_.hidden();
  g.k = k;
  g.a = a;
  g.lda = a_stride;
  g.b = b;
  g.c = c;
  g.beta = beta;
  gemm(context_, g);
}

}  // namespace grus::cuda
