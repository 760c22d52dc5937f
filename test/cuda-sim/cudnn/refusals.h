#pragma once
#include "objects.h"

namespace grus::sim::dnn {

// Where a shape that an algorithm does not compute is refused: knob CUDNN_REFUSE, "sizes" (as early as can be, the default), "forward" or
// "backward". NVIDIA does not say; what is refused late must be survived late.
enum class Stage { sizes, forward, backward };

// What no algorithm of this cuDNN and GPU computes, and what the descriptor's does not.
void refuse_unsupported(const RnnConfig& config, const Sequences& x, bool training, Stage stage);
// The algorithms that the knob CUDNN_ALGOS names ("1,2").
void refuse_algorithm(const RnnConfig& config);
// Those that the knob CUDNN_STATES names ("3") and that want every state given and taken.
void refuse_missing_states(const RnnConfig& config, bool all);
int compute_capability();   // of the current device: 90 is 9.0

}  // namespace grus::sim::dnn
