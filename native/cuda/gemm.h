#pragma once
#include "../backend.h"
#include "context.h"

namespace grus::cuda {

// The Backend's product through cuBLAS (which is column-major: it computes C' = B' A'). Error unsupported for a dimension beyond 2^31 - 1.
void gemm(Context& context, const Gemm& product);

}  // namespace grus::cuda
