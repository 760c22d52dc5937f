#pragma once
#include <cstdint>
#include <vector>

#include "../core/buffer.h"
#include "gru_layout.h"
#include "team.h"

namespace grus {

// Packed copies of one layer's and direction's weights: panels as native/cpu/kernels.h describes them.
struct GruPanels {
  float* input;            // k = I: unit-panel order (r, z, n of `lanes` units, side by side)
  float* recurrent;        // reset after: k = H, unit-panel order; before: k = H, columns r then z, each padded
  float* candidate;        // reset before: k = H, columns n padded
  uint32_t *input_halves, *recurrent_halves, *candidate_halves;   // the same three in bfloat16, as in PanelMultiply
  float* bias_x;           // unit-panel order: bW, plus bR for r and z
  float* bias_n;           // bR of n, padded
  // For the gradients as the reserve has them: k runs through the panels of units, in each through `lanes` units of one gate after the
  // other; units beyond H are 0.
  float* back;             // H columns; gates n, r, z, or with reset before r, z
  float* back_candidate;   // reset before: H columns; n
  float* back_input;       // I columns; r, z, n
};

class GruWeights {
 public:
  explicit GruWeights(const GruLayout& layout) : layout_(layout), panels_(static_cast<size_t>(layout.layers() * layout.directions())) {}
  enum Use { forward, halves, backward, input_gradient };   // halves: forward with weights in bfloat16
  // Renews the copies for this use when the version is 0 or not the last one's. Error out_of_memory.
  void renew(const float* weights, uint64_t version, Use, Team&);
  const GruPanels& panels(int layer, int direction) const { return panels_[static_cast<size_t>(layer * layout_.directions() + direction)]; }

 private:
  size_t carve(Use, void* memory);
  void allocate(Use);
  void pack_forward(const float* weights, Use, int layer, int direction, int64_t panel);
  void pack_backward(const float* weights, int layer, int direction, int64_t panel);
  void pack_input_gradient(const float* weights, int layer, int direction, int64_t panel);

  const GruLayout& layout_;
  std::vector<GruPanels> panels_;
  struct Packed {
    const float* weights = nullptr;
    uint64_t version = 0;
    Buffer memory;         // comes with the first call
  };
  Packed packed_[4];       // by use
};

}  // namespace grus
