#pragma once
#include <map>
#include <memory>
#include <tuple>

#include "algorithms.h"

namespace grus::cuda {

// What may be called for one number of steps. Their rooms are as large as the most demanding needs, so that one may give way to another.
struct CallSet {
  int steps = 0;
  std::unique_ptr<CudnnCalls> standard;
  std::unique_ptr<CudnnCalls> fast;     // another algorithm; null: standard
  bool refused = false;                 // fast was: new passes take standard
};

// One batch size and number of steps. A GRU of one direction takes long sequences in chunks of about the same length, each beginning with
// the state that the one before it ended with: exactly the same function.
class CudnnShape {
 public:
  // Error unsupported
  CudnnShape(CudnnGru&, Algorithms&, int batch, int steps, bool training);

  int batch() const { return batch_; }
  int steps() const { return steps_; }
  bool training() const { return training_; }
  int chunks() const { return chunks_; }
  int start(int chunk) const { return chunk * sets_[0].steps; }
  CallSet& set(int chunk) { return sets_[chunk + 1 == chunks_ && chunks_ > 1 ? 1 : 0]; }   // the last may be shorter
  size_t workspace_bytes() const { return workspace_bytes_; }
  size_t reserve_bytes() const { return reserve_bytes_; }   // of one chunk

 private:
  void fill(CallSet& set, CudnnGru&, cudnn::RnnAlgo, int steps);

  const int batch_, steps_;
  const bool training_;
  int chunks_ = 1;
  CallSet sets_[2];
  size_t workspace_bytes_ = 0, reserve_bytes_ = 0;
};

// What a forward used; its backward must use the same.
struct UsedCalls {
  std::shared_ptr<CudnnShape> shape;
  bool fast = false;
};

// The shapes in use. One that comes again after it was forgotten is the same again: its algorithm is remembered, once decided.
class CudnnShapes {
 public:
  explicit CudnnShapes(CudnnGru& gru) : gru_(gru), algorithms_(gru) {}

  std::shared_ptr<CudnnShape> get(int batch, int steps, bool training);
  // cuDNN refused the shape's fast calls.
  void refuse(CudnnShape& shape);

 private:
  struct Entry {
    std::shared_ptr<CudnnShape> shape;
    uint64_t used = 0;
  };
  static constexpr size_t kMost = 128;
  CudnnGru& gru_;
  Algorithms algorithms_;
  std::map<std::tuple<int, int, bool>, Entry> entries_;
  uint64_t clock_ = 0;
};

}  // namespace grus::cuda
