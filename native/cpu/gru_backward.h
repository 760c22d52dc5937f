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
  // A stretch of steps is finished before the one before it begins, so that its gradients are still in cache for the products.
  int64_t stretch;            // steps
  int64_t stretches;
  float* tiles;               // x or h of a stretch, packed for the weight gradients: [stretch * B, inputs or H up to whole tiles]
  float* sums[2][2] = {};     // by direction, of weight_ih and weight_hh: see GruWeightSums
  // With lengths, of each stretch: t * B + b of its valid steps, from its own first row on, and how many they are.
  int64_t *valid, *valid_count;
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

  struct Stretch { int64_t index, begin, end; };   // steps [begin, end)

  void bind(int index, const float* y, const float* dy);
  void layer(int index, const float* x, float* dx);
  Stretch nth(int direction, int64_t i) const;               // of the processing order
  void by_rows(const GruSplit&, int64_t i);
  void by_units(const GruSplit&, int64_t i);
  void begin(int direction, int64_t row, int64_t rows);
  void end(int direction, int64_t row, int64_t rows);
  GruBackwardStep gate_step(int direction, int64_t time, const Part&) const;
  void gates(int direction, int64_t time, const Part&);
  void state(int direction, int64_t time, const Part&);
  void multiply(int direction, int64_t time, const Part&, int64_t first, int64_t k, const float* panels, float* c, float beta);
  // gru_gradients.cc: everything that follows the recurrence of a stretch.
  Stretch stretch(int64_t index) const;
  int64_t rows_of(const Stretch&) const;                                            // valid ones
  int64_t step_of(const Stretch&, int64_t row) const;                               // t * B + b
  void input_gradient(int index, const Stretch&, float* dx);
  void input_gradient(int index, int64_t first, int64_t rows, float* scratch, float* dx);
  void weight_gradients(int index, int direction, const Stretch&, const float* x);
  template <class Source>
  void pack(const Stretch&, int64_t columns, const Source& source);
  void pack_reset_states(int direction, const Stretch&);
  struct WeightProduct { int64_t inputs; int slot, slots; float* sums; };           // see GruWeightSums
  void multiply(int direction, const Stretch&, const WeightProduct&);
  void add_weight_gradients(int index, int direction);
  void bias_gradients(int index, int direction, const Stretch&);
  // body(0) .. body(tasks - 1), on the team where so many floats, moved or summed up, are worth waking it.
  template <class Body>
  void each(int64_t tasks, double floats, const Body& body) {
    if (floats >= 1e5) return team_.parallel(tasks, body);
    for (int64_t task = 0; task < tasks; ++task) body(task);
  }
  const float* state_before(int direction, int64_t at) const;
  // gru_compact.cc: the products leave out what lies beyond the lengths.
  void list_valid();
  void compact_gates(int direction, const Stretch&);         // in place, in every panel: [N, reserve_width]
  void spread(const Stretch&, int64_t inputs, float* dx) const;   // in place: [N, inputs] -> [steps, B, inputs]
  // Last step first.
  int64_t time_of(int direction, const Stretch& s, int64_t index) const {
    return streams_[direction].reverse ? s.begin + index : s.end - 1 - index;
  }

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
