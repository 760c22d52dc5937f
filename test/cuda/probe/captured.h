#pragma once
#include <functional>

#include "network.h"

namespace probe {

enum class Passes { forward, backward, both };   // backward: of a forward that has run; it sets the weights' gradients to zero first

struct Captured {
  Outcome outcome;
  cudaGraph_t graph = nullptr;   // the caller's; null when the capture broke
};

// The calls of a training step captured on the context's stream in thread-local mode. meanwhile: between forward and backward.
Captured record(Network&, Passes = Passes::both, const std::function<void()>& meanwhile = {});

}  // namespace probe
