#pragma once
#include "gemm.h"
#include "gru_mask.h"
#include "gru_split.h"
#include "gru_weights.h"
#include "kernels.h"

namespace grus {

struct GruBackwardSpace {
  GruBackwardSpace(const GruLayout&, const GruBackward&);
  GruMask mask;
  float* carry[2] = {};       // by direction: gradient of the state between two steps, [B, h_stride]
  float* factors[2] = {};     // gradients of one step's gates: [B, factors_stride]
  float* d_reset_h[2] = {};   // reset before: [B, h_stride]
  float* dy[2] = {};          // of inner layers: [T, B, D*H]
  float* tiles = nullptr;     // x or h, packed for the weight gradients: [T*B, inputs or H up to whole tiles]
  int64_t* valid = nullptr;   // with lengths: t * B + b of the valid steps, N = the sum of lengths. Room for [T*B] of them
  size_t bytes;
};

inline int64_t tiled(int64_t columns) { return (columns + 15) / 16 * 16; }   // up to whole tiles of any instruction set

// One backward pass over all layers: the recurrence step by step, then everything else as products over the whole sequence.
class GruBackwardPass {
 public:
  GruBackwardPass(const GruLayout&, const GruWeights&, Team&, GemmScratch&, const GruBackward&);
  void run();
  static void reserve_scratch(const GruLayout&, const Team&, GemmScratch&);

 private:
  struct Stream {             // one direction's part of the layer being computed
    bool reverse;
    const GruPanels* panels;
    GruActivations gates;
    const float* hx;          // [B, H] or null
    const float* y;           // [T, B, ...], rows y_stride apart
    const float* dy;          // likewise, or null
    const float* dhy;
    float *dhx, *reserve;
  };
  // A thread's share of a step: panels of units for the gates, panels of columns for the state.
  struct Part { int64_t row, rows, unit_begin, unit_end, column_begin, column_end; };

  void layer(int index, const float* y, const float* dy);
  void recurrence();
  void by_rows(const GruSplit&);
  void by_units(const GruSplit&);
  void begin(int direction, int64_t row, int64_t rows);
  void end(int direction, int64_t row, int64_t rows);
  GruBackwardStep gate_step(int direction, int64_t index, const Part&) const;
  void gates(int direction, int64_t index, const Part&);
  void state(int direction, int64_t index, const Part&);
  void multiply(int direction, int64_t index, const Part&, int64_t first, int64_t k, const float* panels, float* c, float beta);
  // gru_gradients.cc: everything that follows the recurrence.
  void input_gradient(int index, float* dx);
  void input_gradient(int index, int64_t first, int64_t rows, float* scratch, float* dx);
  void weight_gradients(int index, const float* x);
  template <class Source>
  void pack(int64_t columns, const Source& source);
  void pack_reset_states(int direction);
  struct WeightProduct { int64_t inputs; int slot, slots, first_gate; float* dweight; };   // see GruWeightSums
  void multiply(int direction, const WeightProduct&);
  void bias_gradients(int index, int direction);
  template <class Body>
  void each(int64_t tasks, double floats, const Body& body);
  int64_t step_of(int64_t row) const { return space_.mask.ragged() ? space_.valid[row] : row; }
  const float* state_before(int direction, int64_t at) const;
  // gru_compact.cc: the products over a sequence leave out what lies beyond the lengths.
  void list_valid();
  void compact_gates(int direction);                         // in place, in every panel: [N, reserve_width]
  void spread(int64_t inputs, float* dx) const;              // in place: [N, inputs] -> [T, B, inputs]
  // Last step first.
  int64_t time_of(int direction, int64_t index) const { return streams_[direction].reverse ? index : args_.steps - 1 - index; }

  const GruLayout& layout_;
  const GruWeights& weights_;
  Team& team_;
  GemmScratch& scratch_;
  const GruBackward& args_;
  const GruBackwardSpace space_;
  const GruReserve reserve_;
  Stream streams_[2] = {};
};

}  // namespace grus
