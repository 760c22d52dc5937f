#pragma once
#include "../context.h"
#include "../kernels/gates.h"
#include "stepwise_layout.h"

namespace grus::cuda {

struct StepwiseBackwardSpace {
  StepwiseBackwardSpace(const StepwiseLayout&, const GruBackward&);
  float* carry;      // gradient of the state between two steps, where no dhx is wanted: [B, H]
  float* products;   // of one step: [B, 3H]
  // [T*B, max(I, D*H)]: the gradient of an inner layer's output. When the first layer's recurrence has read it: x without its padding.
  float* sequence;
  size_t bytes;
};

// One backward pass over all layers: the recurrence step by step, then everything else as products over the whole sequence.
class StepwiseBackwardPass {
 public:
  StepwiseBackwardPass(Context&, const StepwiseLayout&, const GruBackward&);
  void run();

 private:
  void recurrence(int layer, int direction, const float* dy);
  void step(const GateStepBack&, const float* weight_hh, bool last);
  // c [B, H] = a [B, k] * b [k, H] + beta * c
  void multiply(const float* a, int64_t a_stride, int64_t k, const float* b, float* c, float beta);
  // stepwise_gradients.cc
  const float* clean_input();
  void weight_gradients(int layer, int direction, const float* x);
  // dweight [count, cols] += gates [T*B, count] ^T * values [T*B, cols]; rows of gates are 4H apart
  void add_product(const float* gates, int64_t count, const float* values, int64_t stride, int64_t cols, float* dweight);
  void input_gradient(int layer, float* dx);

  Context& context_;
  const StepwiseLayout& layout_;
  const GruBackward& args_;
  const StepwiseBackwardSpace space_;
  const StepwiseReserve reserve_;
};

}  // namespace grus::cuda
