#pragma once
#include <vector>

#include "descriptors.h"

namespace grus::cuda {

// Where cuDNN keeps each gate in its weight space. Our float32 parameters lie in the same places, whatever the type cuDNN is given: an
// offset is in values, not bytes.
class CudnnLayout {
 public:
  CudnnLayout() = default;
  // Error unsupported when cuDNN arranges the gates in a way that this cannot express.
  CudnnLayout(const GruDescription&, const Numbers&, Context&, cudnn::RnnDescriptor);

  const std::vector<GruParameter>& parameters() const { return parameters_; }
  size_t bytes() const { return bytes_; }                 // of cuDNN's weight space
  int64_t values() const { return values_; }              // in it
  size_t weight_count() const { return weight_count_; }   // floats of ours: as many, up to a multiple of 256 bytes
  bool same(const CudnnLayout& other) const;

 private:
  std::vector<GruParameter> parameters_;
  size_t bytes_ = 0, weight_count_ = 0;
  int64_t values_ = 0;
};

}  // namespace grus::cuda
