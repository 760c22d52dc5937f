#include "stepwise_forward.h"

#include <algorithm>

#include "../gemm.h"

namespace grus::cuda {

StepwiseForwardSpace::StepwiseForwardSpace(const StepwiseLayout& layout, const GruForward& args) {
  StepwiseCarver carver(args.workspace);
  const int64_t batch = args.batch, rows = batch * args.steps;
  products = carver.floats(batch * 3 * layout.hidden());
  if (!args.training) {
    gates = carver.floats(rows * 3 * layout.hidden());
    state = carver.floats(batch * layout.hidden());
    for (int i = 0; i < std::min(2, layout.layers() - 1); ++i) between[i] = carver.floats(rows * layout.width());
  }
  bytes = carver.used();
}

StepwiseForwardPass::StepwiseForwardPass(Context& context, const StepwiseLayout& layout, const GruForward& args)
    : context_(context), layout_(layout), args_(args), space_(layout, args), reserve_(layout, args.reserve, args.batch, args.steps) {}

void StepwiseForwardPass::run() {
  if (args_.batch == 0) return;
  const float* x = args_.x;
  for (int layer = 0; layer < layout_.layers(); ++layer) {
    const bool last = layer == layout_.layers() - 1;
    float* y = last ? args_.y : args_.training ? reserve_.y(layer) : space_.between[layer % 2];
    for (int k = 0; k < layout_.directions(); ++k) direction(layer, k, x, y);
    x = y;
  }
}

void StepwiseForwardPass::direction(int layer, int direction, const float* x, float* y) {
  const GruDescription& description = layout_.description();
  const StepwiseOffsets& at = layout_.offsets(layer, direction);
  const int64_t hidden = layout_.hidden(), batch = args_.batch, state_at = (layer * layout_.directions() + direction) * batch * hidden;
  Stream s{};
  s.layer = layer;
  s.direction = direction;
  s.hx = args_.hx ? args_.hx + state_at : nullptr;
  s.hy = args_.hy ? args_.hy + state_at : nullptr;
  s.weight_hh = args_.weights + at.weight_hh;
  s.gates = args_.training ? reserve_.gates(layer, direction) : space_.gates;
  s.gates_stride = (args_.training ? 4 : 3) * hidden;

  GateStep g;
  g.batch = batch;
  g.hidden = hidden;
  g.lengths = args_.device_lengths;
  g.keep = args_.training;
  g.gates_stride = s.gates_stride;
  g.products = space_.products;
  g.bias_x = description.bias ? args_.weights + at.bias_ih : nullptr;
  g.bias_h = description.bias ? args_.weights + at.bias_hh : nullptr;
  g.y_stride = layout_.width();
  g.functions = {description.recurrent_activation[static_cast<size_t>(direction)], description.activation[static_cast<size_t>(direction)],
                 description.clip};
  begin(s);
  if (args_.steps > 0) input(s, x);
  const int before = layout_.reverse(direction) ? 1 : 0;
  for (int index = 0; index < args_.steps; ++index) {
    g.time = layout_.time_of(direction, index, args_.steps);
    g.gates = s.gates + g.time * batch * s.gates_stride;
    g.h = state(s, g.time + before);
    g.h_next = state(s, g.time + 1 - before);
    g.y = y ? y + g.time * batch * g.y_stride + direction * hidden : nullptr;
    step(g, s);
  }
  end(s);
}

// gates [T*B, 3H] = x W_ih'
void StepwiseForwardPass::input(const Stream& s, const float* x) {
  const int64_t inputs = layout_.input_size(s.layer);
  Gemm g;
  g.transpose_b = true;
  g.m = int64_t{args_.batch} * args_.steps;
  g.n = 3 * layout_.hidden();
  g.k = g.lda = g.ldb = inputs;
  g.a = x;
  g.b = args_.weights + layout_.offsets(s.layer, s.direction).weight_ih;
  g.c = s.gates;
  g.ldc = s.gates_stride;
  gemm(context_, g);
}

float* StepwiseForwardPass::state(const Stream& s, int side) const {
  if (args_.training) return reserve_.states(s.layer, s.direction) + side * args_.batch * layout_.hidden();
  return s.hy ? s.hy : space_.state;
}

void StepwiseForwardPass::begin(const Stream& s) {
  float* first = state(s, layout_.reverse(s.direction) ? args_.steps : 0);
  const size_t bytes = static_cast<size_t>(args_.batch * layout_.hidden()) * sizeof(float);
  if (!s.hx) {
    context_.check(cudaMemsetAsync(first, 0, bytes, context_.stream()), "cudaMemsetAsync");
  } else if (s.hx != first) {
    context_.check(cudaMemcpyAsync(first, s.hx, bytes, cudaMemcpyDeviceToDevice, context_.stream()), "cudaMemcpyAsync");
  }
}

void StepwiseForwardPass::end(const Stream& s) {
  if (!s.hy || !args_.training) return;
  const size_t bytes = static_cast<size_t>(args_.batch * layout_.hidden()) * sizeof(float);
  const float* last = state(s, layout_.reverse(s.direction) ? 0 : args_.steps);
  context_.check(cudaMemcpyAsync(s.hy, last, bytes, cudaMemcpyDeviceToDevice, context_.stream()), "cudaMemcpyAsync");
}

void StepwiseForwardPass::step(const GateStep& g, const Stream& s) {
  const int64_t hidden = layout_.hidden();
  if (layout_.description().reset_after) {
    multiply(s, g.h, hidden, 0, 3);
    return gru_step(context_.stream(), g);
  }
  multiply(s, g.h, hidden, 0, 2);
  gru_reset_gates(context_.stream(), g);
  multiply(s, space_.products, 3 * hidden, 2, 1);
  gru_candidate(context_.stream(), g);
}

void StepwiseForwardPass::multiply(const Stream& s, const float* h, int64_t h_stride, int64_t first, int64_t gates) {
  const int64_t hidden = layout_.hidden();
  Gemm g;
  g.transpose_b = true;
  g.m = args_.batch;
  g.n = gates * hidden;
  g.k = g.ldb = hidden;
  g.a = h;
  g.lda = h_stride;
  g.b = s.weight_hh + first * hidden * hidden;
  g.c = space_.products + first * hidden;
  g.ldc = 3 * hidden;
  gemm(context_, g);
}

}  // namespace grus::cuda
