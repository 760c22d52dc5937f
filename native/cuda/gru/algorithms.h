#pragma once
#include <map>
#include <memory>
#include <tuple>

#include "tuning_table.h"

namespace grus::cuda {

constexpr int kMostSteps = 65535;   // cuDNN refuses longer sequences

// By shape alone: the persistent kernel for small states where it is known to be faster.
cudnn::RnnAlgo algorithm_by_shape(const GruDescription&, Precision, int batch, int steps, bool training);

// Which of cuDNN's algorithms a shape uses, for forward and backward alike. Decided once, when the shape is first asked about; where there
// was no memory to try things in, it is standard for as long as the shape is set up, and decided when it is asked about again.
class Algorithms {
 public:
  explicit Algorithms(CudnnGru& gru) : gru_(gru) {}

  cudnn::RnnAlgo choose(int batch, int steps, bool training);
  bool decided(int batch, int steps, bool training) const { return chosen_.count({batch, steps, training}) != 0; }
  // cuDNN refused it after all: standard from now on.
  void refuse(int batch, int steps, bool training) { chosen_[{batch, steps, training}] = cudnn::RnnAlgo::standard; }

 private:
  cudnn::RnnAlgo decide(int batch, int steps, bool training);
  cudnn::RnnAlgo tune(int batch, int steps, bool training);
  bool works(cudnn::RnnAlgo, int batch, int steps, bool training);

  CudnnGru& gru_;
  std::map<std::tuple<int, int, bool>, cudnn::RnnAlgo> chosen_;              // batch, steps, training
  std::map<std::tuple<cudnn::RnnAlgo, int, bool>, bool> tried_;              // algorithm, batch, training
  std::unique_ptr<TuningTable> table_;
};

}  // namespace grus::cuda
