#pragma once
#include "../context.h"
#include "../kernels/gates.h"
#include "stepwise_layout.h"

namespace grus::cuda {

struct StepwiseForwardSpace {
  StepwiseForwardSpace(const StepwiseLayout&, const GruForward&);
  float* products;          // of one step: [B, 3H]
  // Inference only; training has them in the reserve.
  float* gates = nullptr;   // of one direction: [T, B, 3H]
  float* state = nullptr;   // [B, H]
  float* between[2] = {};   // outputs of inner layers: [T, B, D*H]
  size_t bytes;
};

// One forward pass over all layers: one product over the whole sequence for each layer and direction, then the recurrence step by step.
class StepwiseForwardPass {
 public:
  StepwiseForwardPass(Context&, const StepwiseLayout&, const GruForward&);
  void run();

 private:
  struct Stream {            // the direction being computed
    int layer, direction;
    const float *hx, *weight_hh;
    float *hy, *gates;
    int64_t gates_stride;
  };

  void direction(int layer, int direction, const float* x, float* y);
  void input(const Stream&, const float* x);
  // States on both sides of a step; in inference they are the same memory.
  float* state(const Stream&, int side) const;
  void begin(const Stream&);
  void end(const Stream&);
  void step(const GateStep&, const Stream&);
  // c [B, gates H] = h [B, H] * rows [first H, (first + gates) H) of weight_hh, transposed
  void multiply(const Stream&, const float* h, int64_t h_stride, int64_t first, int64_t gates);

  Context& context_;
  const StepwiseLayout& layout_;
  const GruForward& args_;
  const StepwiseForwardSpace space_;
  const StepwiseReserve reserve_;
};

}  // namespace grus::cuda
