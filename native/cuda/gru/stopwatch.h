#pragma once
#include <functional>

#include "../context.h"

namespace grus::cuda {

// How long the GPU takes for what `enqueue` enqueues: the median of at least 5 runs, and of up to 25 as long as they fit into 50 ms.
// Where passes run as CUDA graphs, so do these, unless what is enqueued cannot be captured. It has run before.
double median_microseconds(Context& context, const std::function<void()>& enqueue);

}  // namespace grus::cuda
