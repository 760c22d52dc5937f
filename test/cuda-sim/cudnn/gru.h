#pragma once
#include <vector>

#include "layout.h"
#include "precision.h"
#include "reserve.h"

namespace grus::sim::dnn {

using Values = std::vector<double>;   // [T, B, C] or [L*D, B, H]; entries of padding are never read

// The weights of one pseudo-layer: rows are gates r, z, n of H units each.
struct LayerWeights {
  Values w, r;                          // [3H, in], [3H, H]
  Values w_transposed, r_transposed;
  Values bias_w, bias_r;                // [3H], zeros where there are none
};

// h' = (1 - z) n + z h, reset after the product. Steps at or beyond a row's length leave its state alone.
class Gru {
 public:
  // weights: null for the weight pass, which needs none
  Gru(const RnnConfig& config, const Sequences& x, const Precision& precision, const WeightLayout& layout, const void* weights);

  // hx, dhy: empty for zeros. y: [T, B, D*H]. reserve: null for inference.
  void forward(const Values& x, const Values& hx, Values& y, Values& hy, Reserve* reserve) const;
  void backward_data(const Values& dy, const Values& dhy, const Values& hx, Reserve& reserve, Values& dx, Values& dhx) const;
  // dweights: one value per element of the weight space
  void backward_weights(const Values& x, const Values& hx, const Reserve& reserve, Values& dweights) const;

 private:
  struct Walk;   // one direction of one layer
  void forward_walk(const Walk& walk, const Values& input, Values& state, Values& output, Reserve* reserve) const;
  void backward_walk(const Walk& walk, const Values& hx, const Values& doutput, Values& dstate, Values& dinput, Reserve& reserve) const;
  void weights_walk(const Walk& walk, const Values& input, const Values& hx, const Reserve& reserve, Values& dweights) const;
  void previous_state(const Walk& walk, int t, int b, const Values& hx, const Reserve& reserve, Values& h) const;
  Walk walk(int layer, int direction) const;
  size_t rows() const { return static_cast<size_t>(x_.steps) * x_.batch; }
  size_t units() const { return static_cast<size_t>(config_.hidden); }

  const RnnConfig& config_;
  const Sequences& x_;
  const Precision& precision_;
  const WeightLayout& layout_;
  std::vector<LayerWeights> weights_;
};

struct Gru::Walk {
  int layer, direction, pseudo, inputs;
  size_t units, batch;
  // the n-th step in the order in which the state moves
  int step(int n, int steps) const { return direction == 0 ? n : steps - 1 - n; }
};

}  // namespace grus::sim::dnn
