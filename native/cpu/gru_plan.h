#pragma once
#include <memory>

#include "../gru_plan.h"
#include "team.h"

namespace grus {

// The GRU on the CPU. Packed copies of the weights come with the first call that needs them; later ones
// allocate nothing.
// The team must outlive the plan. Error invalid_argument for sizes below 1, out_of_memory for weights that do not fit.
// half_weights: inference reads weights rounded to bfloat16, half the bytes; all sums stay float32, and so does training.
std::unique_ptr<GruPlan> make_cpu_gru(const GruDescription&, Team&, bool half_weights = false);

}  // namespace grus
