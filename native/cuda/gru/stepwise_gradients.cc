// The products over a whole sequence that follow the backward recurrence: gradients of the weights, of the biases and of x.
#include "../gemm.h"
#include "../kernels/sequence.h"
#include "stepwise_backward.h"

namespace grus::cuda {

// Gates' gradients are 0 beyond a row's length, but 0 times what x holds there may be NaN.
const float* StepwiseBackwardPass::clean_input() {
  if (!args_.device_lengths) return args_.x;
  mask_steps(context_.stream(), args_.device_lengths, false, args_.steps, args_.batch, layout_.input_size(0), args_.x, space_.sequence);
  return space_.sequence;
}

void StepwiseBackwardPass::weight_gradients(int layer, int direction, const float* x) {
  const StepwiseOffsets& at = layout_.offsets(layer, direction);
  const int64_t hidden = layout_.hidden(), inputs = layout_.input_size(layer), rows = int64_t{args_.batch} * args_.steps;
  const bool after = layout_.description().reset_after;
  const float* gates = reserve_.gates(layer, direction);
  const float* before = reserve_.states(layer, direction) + (layout_.reverse(direction) ? args_.batch * hidden : 0);
  float* dweight_hh = args_.dweights + at.weight_hh;
  add_product(gates, 3 * hidden, x, inputs, inputs, args_.dweights + at.weight_ih);
  add_product(gates, 2 * hidden, before, hidden, hidden, dweight_hh);
  if (after) {
    add_product(gates + 3 * hidden, hidden, before, hidden, hidden, dweight_hh + 2 * hidden * hidden);
  } else {   // the candidate was computed from r * h
    add_product(gates + 2 * hidden, hidden, gates + 3 * hidden, 4 * hidden, hidden, dweight_hh + 2 * hidden * hidden);
  }
  if (layout_.description().bias) {
    gru_bias_grad(context_.stream(), after, rows, hidden, gates, args_.dweights + at.bias_ih, args_.dweights + at.bias_hh);
  }
}

void StepwiseBackwardPass::add_product(const float* gates, int64_t count, const float* values, int64_t stride, int64_t cols,
                                       float* dweight) {
  Gemm g;
  g.transpose_a = true;
  g.m = count;
  g.n = g.ldc = cols;
  g.k = int64_t{args_.batch} * args_.steps;
  g.a = gates;
  g.lda = 4 * layout_.hidden();
  g.b = values;
  g.ldb = stride;
  g.c = dweight;
  g.beta = 1;
  gemm(context_, g);
}

// dx [T*B, I] = sum over directions of (dr, dz, dn) * W_ih
void StepwiseBackwardPass::input_gradient(int layer, float* dx) {
  const int64_t hidden = layout_.hidden(), inputs = layout_.input_size(layer);
  for (int direction = 0; direction < layout_.directions(); ++direction) {
    Gemm g;
    g.m = int64_t{args_.batch} * args_.steps;
    g.n = g.ldb = g.ldc = inputs;
    g.k = 3 * hidden;
    g.a = reserve_.gates(layer, direction);
    g.lda = 4 * hidden;
    g.b = args_.weights + layout_.offsets(layer, direction).weight_ih;
    g.c = dx;
    g.beta = direction == 0 ? 0.0f : 1.0f;
    gemm(context_, g);
  }
}

}  // namespace grus::cuda
