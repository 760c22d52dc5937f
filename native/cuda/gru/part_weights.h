#pragma once
#include <cuda_runtime_api.h>

#include <vector>

#include "../../gru_plan.h"

namespace grus::cuda {

// Where the gates of one layer and direction lie in the weight space of the whole GRU, and where in that of a GRU of its own: cuDNN puts
// the biases of all layers behind all matrices, so the one is no stretch of the other.
class PartWeights {
 public:
  PartWeights(const std::vector<GruParameter>& whole, int layer, int direction, const std::vector<GruParameter>& part);

  // part [count] = the gates of whole, and 0 between them
  void take(cudaStream_t, const float* whole, float* part, int64_t count) const;
  // whole += the gates of part
  void add(cudaStream_t, const float* part, int64_t count, float* whole) const;

  struct Stretch {
    int64_t part = 0, whole = 0, count = 0;   // in floats
  };
  struct Stretches {   // in the order of the part, neighbours in both joined
    Stretch all[12];
    int count = 0;
  };

 private:
  Stretches stretches_;
};

}  // namespace grus::cuda
