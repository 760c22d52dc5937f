#pragma once
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "cudnn_shape.h"

namespace grus::cuda {

// What each training forward left, by its reserve, so that a backward that does not belong to it is told so: cuDNN would not notice, and
// compute nonsense.
class Tape {
 public:
  struct Record {
    std::vector<UsedCalls> used;          // in their order
    const float *x = nullptr, *y = nullptr, *hx = nullptr, *weights = nullptr;
    uint64_t weights_version = 0;
    bool has_lengths = false;
    std::vector<int32_t> lengths;
    bool spent = false;                   // its backward has been
    uint64_t order = 0;
  };

  void record(const GruForward&, std::vector<UsedCalls> used);
  // The forward that this backward belongs to; spent from now on. replaying: within Backend::run, where forwards may have been replayed
  // without coming here, after others that did: then any forward of this kind answers for them. Error invalid_argument.
  const Record& take(const GruBackward&, bool replaying);

 private:
  using Kind = std::tuple<const void*, int, int, bool>;   // reserve, batch, steps, whether there are lengths
  Record& last(const void* reserve);

  static constexpr size_t kMost = 1024;
  std::map<Kind, Record> records_;
  uint64_t clock_ = 0;
};

}  // namespace grus::cuda
