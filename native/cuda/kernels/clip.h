#pragma once
#include <cuda_runtime_api.h>

#include <vector>

#include "../../backend.h"

// Norms of gradients. The gradients themselves stay as they are: the update multiplies what it reads by the factor.
namespace grus::cuda {

// Where the parts of one optimize() lie in its scratch, in bytes: partial sums from 0 on, then what outlives them.
constexpr size_t kSquaresAt = size_t{48} << 10;        // double per stretch
constexpr size_t kFactorsAt = size_t{56} << 10;        // float per stretch
constexpr size_t kCoefficientsAt = size_t{60} << 10;   // UpdateCoefficients
constexpr size_t kClippedStretches = 1024;             // at most, of one call of variable_factors

// *squares = sum of the squares of all of them, in double: finite exactly when each of them is.
void sum_squares(cudaStream_t, const std::vector<Segment>& stretches, const float* gradients, double* squares, void* scratch);

// Factors that bring the norm of each variable down to limit, one for each stretch, at kFactorsAt. Stretches of one variable are
// neighbours.
void variable_factors(cudaStream_t, const Segment* stretch, size_t count, float limit, const float* gradients, void* scratch);

}  // namespace grus::cuda
