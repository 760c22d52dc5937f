#pragma once
#include "../backend.h"
#include "team.h"

// The operations of native/backend.h of the same names.
namespace grus::cpu {

void layer_norm(const LayerNorm&, const float* bias, float* y, Team&);
void layer_norm_grad(const LayerNorm&, const float* dy, float* dx, float* dweight, Team&);

}  // namespace grus::cpu
