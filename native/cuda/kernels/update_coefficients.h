#pragma once
#include "optimizer.h"
#include "update_rules.h"

namespace grus::cuda {

// One thread, before an update: whether it is skipped, the loss scale, the factor of a global norm, and the coefficients of its number.
// state->norm holds the sum of the gradients' squares where dynamic_scale or a global norm asks for it.
void prepare_update(cudaStream_t, const Optimizer&, const StepScalars* scalars, UpdateState* state, bool dynamic_scale,
                    UpdateCoefficients* coefficients);

}  // namespace grus::cuda
