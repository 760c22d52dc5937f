#include "cudnn_shape.h"

#include <algorithm>
#include <utility>

#include "../../core/error.h"

namespace grus::cuda {

CudnnShape::CudnnShape(CudnnGru& gru, Algorithms& algorithms, int batch, int steps, bool training)
    : batch_(batch), steps_(steps), training_(training) {
  int each = steps;
  if (gru.description().directions() == 1 && steps > kMostSteps) {
    constexpr int kAligned = 128;   // so many steps later, the data is aligned to 256 bytes again
    const int chunks = (steps - 1) / (kMostSteps / kAligned * kAligned) + 1;
    each = ((steps - 1) / chunks / kAligned + 1) * kAligned;
    chunks_ = (steps - 1) / each + 1;
  }
  fill(sets_[0], gru, algorithms.choose(batch, steps, training), each);
  if (chunks_ > 1) fill(sets_[1], gru, cudnn::RnnAlgo::standard, steps - each * (chunks_ - 1));
}

void CudnnShape::fill(CallSet& set, CudnnGru& gru, cudnn::RnnAlgo algorithm, int steps) {
  set.steps = steps;
  std::string refusal;
  set.standard = CudnnCalls::make(gru, cudnn::RnnAlgo::standard, batch_, steps, training_, &refusal);
  if (!set.standard) {
    throw Error(ErrorCode::unsupported, "[gru] expected a shape that cuDNN computes, got batch " + std::to_string(batch_) + " and " +
                                            std::to_string(steps) + " steps (" + gru.describe() + "), which it refuses: " + refusal +
                                            "; use another shape, or device 'cpu'");
  }
  if (algorithm != cudnn::RnnAlgo::standard) set.fast = CudnnCalls::make(gru, algorithm, batch_, steps, training_, nullptr);
  for (const CudnnCalls* calls : {set.standard.get(), set.fast.get()}) {
    if (!calls) continue;
    workspace_bytes_ = std::max(workspace_bytes_, calls->workspace_bytes());
    reserve_bytes_ = std::max(reserve_bytes_, calls->reserve_bytes());
  }
}

std::shared_ptr<CudnnShape> CudnnShapes::get(int batch, int steps, bool training) {
  Entry& entry = entries_[{batch, steps, training}];
  entry.used = ++clock_;
  if (entry.shape) return entry.shape;
  try {
    entry.shape = std::make_shared<CudnnShape>(gru_, algorithms_, batch, steps, training);
  } catch (...) {
    entries_.erase({batch, steps, training});
    throw;
  }
  const std::shared_ptr<CudnnShape> shape = entry.shape;
  if (entries_.size() > kMost) {
    // Last, one that was refused or is undecided: made again it might ask for other room, and what is placed after that would move under
    // captured passes.
    const auto rank = [this](const auto& entry) {
      CudnnShape& kept = *entry.second.shape;
      const bool changes = kept.set(0).refused || !algorithms_.decided(kept.batch(), kept.steps(), kept.training());
      return std::make_pair(changes, entry.second.used);
    };
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
  }
  return shape;
}

void CudnnShapes::refuse(CudnnShape& shape) {
  algorithms_.refuse(shape.batch(), shape.steps(), shape.training());
  shape.set(0).refused = true;
}

}  // namespace grus::cuda
