#pragma once
#include "gru_mask.h"
#include "gru_split.h"
#include "gru_weights.h"
#include "kernels.h"

namespace grus {

// Buffers of one direction while a layer runs forward.
struct GruForwardBuffers {
  float* states[2];      // [B, h_stride]; step i of the processing order reads states[i % 2] and writes the other
  float* gates_x;        // the input GEMM of a few steps: [chunk, B, gates_x_stride]
  float* gates_h;        // reset before, all three: [B, 2 * padded], [B, h_stride], [B, h_stride]
  float* candidate;
  float* reset_h;
};

struct GruForwardSpace {
  GruForwardSpace(const GruLayout&, const GruForward&);
  int64_t chunk;                 // steps whose input GEMM is done at once, so that it is still in cache when the recurrence reads it
  GruMask mask;
  GruForwardBuffers buffers[2] = {};
  float* between[2] = {};        // outputs of inner layers in inference: [T, B, D*H]
  size_t bytes;
};

// One forward pass over all layers.
class GruForwardPass {
 public:
  GruForwardPass(const GruLayout&, const GruWeights&, Team&, const GruForward&, bool halves);   // halves: weights in bfloat16
  void run();

 private:
  // One direction's part of the layer being computed.
  struct Stream {
    bool reverse;
    const GruPanels* panels;
    GruActivations gates;
    const float* hx;       // [B, H] or null
    float *y, *hy, *reserve;
  };
  struct Part { int64_t row, rows, panel_begin, panel_end; };   // a thread's share of a step

  void layer(int index, const float* x, float* y);
  void by_rows(const GruSplit&);
  void by_units(const GruSplit&);
  void begin(int direction, int64_t row, int64_t rows);
  void rest(int direction, int64_t index, const Part&, int64_t active);   // rows that a step has not reached yet, or has left behind
  void end(int direction, int64_t row, int64_t rows);
  void input(int direction, int64_t index, int64_t count, const Part&);   // steps [index, index + count) of the processing order
  void step(int direction, int64_t index, const Part&);
  void use(PanelMultiply&, const float* panels, const uint32_t* halves, int64_t first_panel) const;   // as its panels
  int64_t time_of(int direction, int64_t index) const { return streams_[direction].reverse ? args_.steps - 1 - index : index; }

  const GruLayout& layout_;
  const GruWeights& weights_;
  Team& team_;
  const GruForward& args_;
  const bool halves_;
  const GruForwardSpace space_;
  const GruReserve reserve_;
  Stream streams_[2] = {};
  const float* x_ = nullptr;     // of the layer being computed: [T, B, inputs_]
  int64_t inputs_ = 0;
};

}  // namespace grus
