#pragma once
#include "cudnn_pass.h"
#include "part_weights.h"

namespace grus::cuda {

// A GRU of several layers or of both directions as calls of one layer and direction each. Kernels around each call do what cuDNN would
// have to be told lengths for: on the host, for its standard algorithm alone, and with other work for other lengths. Here the same work
// serves all lengths, so that it can be captured, by any algorithm; and both directions of a long sequence can be cut, each from its start.
class CudnnLayers {
 public:
  explicit CudnnLayers(const CudnnGru& whole);

  size_t reserve_bytes(int batch, int steps);
  size_t workspace_bytes(int batch, int steps, bool training);
  std::vector<UsedCalls> forward(const GruForward&);   // of the parts: layer by layer, in each its directions
  void backward(const GruBackward&, const std::vector<UsedCalls>&, const float* loss_scale);

 private:
  // cuDNN's view of every part with the same number of inputs: a GRU of one layer that runs forwards.
  struct Single {
    Single(const GruDescription& description, Context& context) : gru(description, context), shapes(gru) {}
    CudnnGru gru;
    CudnnShapes shapes;
  };
  struct Reserve;
  struct Rooms;
  using ShapeByLayer = std::vector<std::shared_ptr<CudnnShape>>;

  Single& single(int layer) { return layer > 0 && inner_ ? *inner_ : first_; }
  const PartWeights& weights(int layer, int direction) const { return weights_[static_cast<size_t>(layer * directions_ + direction)]; }
  Around around(int direction, const int32_t* lengths) const;
  int64_t state_offset(int layer, int direction, int batch) const { return (int64_t{layer} * directions_ + direction) * batch * hidden_; }
  ShapeByLayer shapes(int batch, int steps, bool training);
  Rooms rooms(const ShapeByLayer&, void* memory);
  Reserve reserve(const ShapeByLayer&, void* memory);
  bool forward_part(int layer, int direction, const GruForward&, const Rooms&, CudnnShape&);
  void backward_part(int layer, int direction, const GruBackward&, const Rooms&, const UsedCalls&, const float* loss_scale);
  void copy(float* to, const float* from, int64_t count);

  Context& context_;
  const int layers_, directions_;
  const bool backward_only_;   // the one direction there is runs backwards
  const int64_t hidden_;
  Single first_;
  std::unique_ptr<Single> inner_;   // of the layers that read another one's output
  std::vector<PartWeights> weights_;
};

}  // namespace grus::cuda
