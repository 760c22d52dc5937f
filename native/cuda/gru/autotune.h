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

// cuDNN 9.24 has its persistent GRU kernels for float, half and double, and none for bfloat16, although setting such a descriptor succeeds:
// the refusal would come with the sizes or, worse, with a pass.
inline bool has_persistent_kernels(Precision precision) { return precision != Precision::bfloat16; }

// Times standard, persist_static_small_h and persist_static where cuDNN accepts them for this shape. One whose outputs or gradients do not
// agree with those of standard, or are not the same bits each time, is out; so is one that is not at least 2 % faster. persist_dynamic is
// never tried: cuDNN compiles it at run time for each input size, hidden size and batch, for seconds each time.
// Error out_of_memory; device when the GPU fails.
Tuning autotune(CudnnGru&, int batch, int steps, bool training);

}  // namespace grus::cuda
