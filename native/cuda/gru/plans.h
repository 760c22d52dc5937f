#pragma once
#include <memory>

#include "../../gru_plan.h"
#include "../context.h"

namespace grus::cuda {

// Whether cuDNN computes it: reset after the product, sigmoid and tanh, no clip.
bool cudnn_computes(const GruDescription& description);

// loss_scale: one float on the device, read when gradients go into and come out of float16.
std::unique_ptr<GruPlan> make_cudnn_gru(const GruDescription& description, Context& context, const float* loss_scale);
// Step by step from matrix products and fused gate kernels; float32 or tf32 products, whatever the options' precision.
std::unique_ptr<GruPlan> make_stepwise_gru(const GruDescription& description, Context& context);

}  // namespace grus::cuda
