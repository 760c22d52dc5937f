#pragma once
#include <vector>

#include "cudnn_calls.h"

namespace grus::cuda {

struct Attempt {
  cudnn::RnnAlgo algorithm = cudnn::RnnAlgo::standard;
  double microseconds = 0;   // of forward, or forward and backward together
  std::string refusal;       // why it is out; empty: it may be used
};

struct Tuning {
  cudnn::RnnAlgo best = cudnn::RnnAlgo::standard;
  std::vector<Attempt> attempts;   // standard first
};

// Times every algorithm that cuDNN accepts for this shape. One whose outputs or gradients do not agree with those of standard, or are not
// the same bits each time, is out; so is one that is not at least 2 % faster. Error out_of_memory; device when the GPU fails.
Tuning autotune(CudnnGru&, int batch, int steps, bool training);

}  // namespace grus::cuda
