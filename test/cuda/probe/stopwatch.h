#pragma once
#include <algorithm>

#include "network.h"

namespace probe {

// Microseconds of one step on the GPU: the median of 9 groups of 5, after a warm-up. Statuses are not looked at.
inline double microseconds(Network& n, bool training) {
  const cudaStream_t stream = n.context().stream();
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaEventCreate(&begin), cudaEventCreate(&end);
  std::vector<float> times;
  for (int group = 0; group < 10; ++group) {
    cudaEventRecord(begin, stream);
    for (int i = 0; i < 5; ++i) {
      n.forward(training);
      if (training) n.backward_data(), n.backward_weights();
    }
    cudaEventRecord(end, stream);
    cudaEventSynchronize(end);
    float milliseconds = 0;
    cudaEventElapsedTime(&milliseconds, begin, end);
    if (group > 0) times.push_back(milliseconds * 200);
  }
  cudaEventDestroy(begin), cudaEventDestroy(end);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace probe
