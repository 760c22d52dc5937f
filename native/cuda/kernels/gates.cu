#include "gates.h"

#include "activation.h"
#include "cells.h"

namespace grus::cuda {
namespace {

template <class S>
GRUS_DEVICE bool takes_part(const S& s, int64_t row) { return !s.lengths || s.time < s.lengths[row]; }

GRUS_DEVICE float gate(const Activation& f, float clip, float x) {
  if (clip > 0) x = x > clip ? clip : x < -clip ? -clip : x;
  return activate(f, x);
}

// From the output. Under a clip it is 0 where the clamp held the input: there the output is exactly f(+-clip).
GRUS_DEVICE float slope(const Activation& f, float clip, float y) {
  if (clip > 0 && (y == activate(f, clip) || y == activate(f, -clip))) return 0;
  return activation_slope(f, y);
}

// One unit of one row.
struct Cell {
  int64_t row, unit, state;   // state: where it lies in [B, H]
  float* gates;               // r at 0, z at H, n at 2H, q at 3H
  float* products;            // likewise
  GRUS_DEVICE Cell(const GateStep& s, int64_t row, int64_t unit)
      : row(row), unit(unit), state(row * s.hidden + unit), gates(s.gates + row * s.gates_stride + unit),
        products(s.products + row * 3 * s.hidden + unit) {}
};

GRUS_DEVICE float bias(const float* biases, int64_t i) { return biases ? biases[i] : 0; }

GRUS_DEVICE void put_state(const GateStep& s, const Cell& c, float h_next) {
  s.h_next[c.state] = h_next;
  if (s.y) s.y[c.row * s.y_stride + c.unit] = h_next;
}

GRUS_DEVICE void rest(const GateStep& s, const Cell& c) {
  s.h_next[c.state] = s.h[c.state];
  if (s.y) s.y[c.row * s.y_stride + c.unit] = 0;
}

// r or z, whose two biases are one; which: 0 or 1
GRUS_DEVICE float recurrent_gate(const GateStep& s, const Cell& c, int64_t which) {
  const int64_t at = which * s.hidden, column = at + c.unit;
  return gate(s.functions.recurrent, s.functions.clip, c.gates[at] + (bias(s.bias_x, column) + bias(s.bias_h, column)) + c.products[at]);
}

struct Step {
  GateStep s;
  GRUS_DEVICE void operator()(int64_t row, int64_t unit) const {
    const Cell c(s, row, unit);
    if (!takes_part(s, c.row)) return rest(s, c);
    const int64_t n_at = 2 * s.hidden;
    const float q = c.products[n_at] + bias(s.bias_h, n_at + c.unit);
    const float r = recurrent_gate(s, c, 0), z = recurrent_gate(s, c, 1);
    const float n = gate(s.functions.activation, s.functions.clip, c.gates[n_at] + bias(s.bias_x, n_at + c.unit) + r * q);
    put_state(s, c, (s.h[c.state] - n) * z + n);
    if (!s.keep) return;
    c.gates[0] = r;
    c.gates[s.hidden] = z;
    c.gates[n_at] = n;
    c.gates[3 * s.hidden] = q;
  }
};

struct ResetGates {
  GateStep s;
  GRUS_DEVICE void operator()(int64_t row, int64_t unit) const {
    const Cell c(s, row, unit);
    if (!takes_part(s, c.row)) {
      c.products[0] = 0;   // goes into the candidate's product
      return;
    }
    const float r = recurrent_gate(s, c, 0), z = recurrent_gate(s, c, 1), reset_h = r * s.h[c.state];
    c.products[0] = reset_h;
    c.products[s.hidden] = z;
    if (!s.keep) return;
    c.gates[0] = r;
    c.gates[s.hidden] = z;
    c.gates[3 * s.hidden] = reset_h;
  }
};

struct Candidate {
  GateStep s;
  GRUS_DEVICE void operator()(int64_t row, int64_t unit) const {
    const Cell c(s, row, unit);
    if (!takes_part(s, c.row)) return rest(s, c);
    const int64_t at = 2 * s.hidden, column = at + c.unit;
    const float n = gate(s.functions.activation, s.functions.clip,
                         c.gates[at] + (bias(s.bias_x, column) + bias(s.bias_h, column)) + c.products[at]);
    put_state(s, c, (s.h[c.state] - n) * c.products[s.hidden] + n);
    if (s.keep) c.gates[at] = n;
  }
};

// One unit of one row, backwards.
struct CellBack {
  int64_t row, unit, state;
  float* gates;
  GRUS_DEVICE CellBack(const GateStepBack& s, int64_t row, int64_t unit)
      : row(row), unit(unit), state(row * s.hidden + unit), gates(s.gates + row * 4 * s.hidden + unit) {}
};

GRUS_DEVICE float state_gradient(const GateStepBack& s, const CellBack& c) {
  return s.dy ? s.carry[c.state] + s.dy[c.row * s.dy_stride + c.unit] : s.carry[c.state];
}

struct StepBack {
  GateStepBack s;
  GRUS_DEVICE void operator()(int64_t row, int64_t unit) const {
    const CellBack c(s, row, unit);
    const int64_t hidden = s.hidden;
    float dr = 0, dz = 0, dn = 0, dq = 0;
    if (takes_part(s, c.row)) {
      const float r = c.gates[0], z = c.gates[hidden], n = c.gates[2 * hidden], q = c.gates[3 * hidden];
      const float dh = state_gradient(s, c);
      dn = dh * (1 - z) * slope(s.functions.activation, s.functions.clip, n);
      dz = dh * (s.h[c.state] - n) * slope(s.functions.recurrent, s.functions.clip, z);
      dr = dn * q * slope(s.functions.recurrent, s.functions.clip, r);
      dq = dn * r;
      s.carry[c.state] = dh * z;
    }
    c.gates[0] = dr;
    c.gates[hidden] = dz;
    c.gates[2 * hidden] = dn;
    c.gates[3 * hidden] = dq;
    float* products = s.products + c.row * 3 * hidden + c.unit;
    products[0] = dr;
    products[hidden] = dz;
    products[2 * hidden] = dq;
  }
};

struct CandidateBack {
  GateStepBack s;
  GRUS_DEVICE void operator()(int64_t row, int64_t unit) const {
    const CellBack c(s, row, unit);
    const int64_t hidden = s.hidden;
    if (!takes_part(s, c.row)) {   // r * h too: products over the whole sequence meet what lies here
      for (int64_t slot = 0; slot < 4; ++slot) c.gates[slot * hidden] = 0;
      return;
    }
    const float z = c.gates[hidden], n = c.gates[2 * hidden], dh = state_gradient(s, c);
    c.gates[hidden] = dh * (s.h[c.state] - n) * slope(s.functions.recurrent, s.functions.clip, z);
    c.gates[2 * hidden] = dh * (1 - z) * slope(s.functions.activation, s.functions.clip, n);
    s.carry[c.state] = dh * z;
  }
};

struct ResetBack {
  GateStepBack s;
  GRUS_DEVICE void operator()(int64_t row, int64_t unit) const {
    const CellBack c(s, row, unit);
    if (!takes_part(s, c.row)) return;
    const float r = c.gates[0], d = s.products[c.state];
    c.gates[0] = d * s.h[c.state] * slope(s.functions.recurrent, s.functions.clip, r);
    s.carry[c.state] += d * r;
  }
};

struct BiasGrad {
  using Value = float;
  bool reset_after;
  int64_t hidden;
  const float* gates;
  float *dbias_x, *dbias_h;
  GRUS_DEVICE float identity() const { return 0; }
  GRUS_DEVICE float map(int64_t row, int64_t col) const { return gates[row * 4 * hidden + col]; }
  GRUS_DEVICE float combine(float a, float b) const { return a + b; }
  GRUS_DEVICE void done(int64_t col, float sum) const {
    if (col < 3 * hidden) dbias_x[col] += sum;
    if (col < (reset_after ? 2 : 3) * hidden) dbias_h[col] += sum;
    if (col >= 3 * hidden && reset_after) dbias_h[col - hidden] += sum;
  }
};

// One block for each column instead of each 32, as in bias_grad.
struct SpreadBiasGrad : BiasGrad {
  GRUS_DEVICE float map(int64_t col, int64_t row) const { return BiasGrad::map(row, col); }
};

}  // namespace

void gru_step(cudaStream_t stream, const GateStep& s) { for_each_cell(stream, s.batch, s.hidden, Step{s}); }
void gru_reset_gates(cudaStream_t stream, const GateStep& s) { for_each_cell(stream, s.batch, s.hidden, ResetGates{s}); }
void gru_candidate(cudaStream_t stream, const GateStep& s) { for_each_cell(stream, s.batch, s.hidden, Candidate{s}); }
void gru_step_back(cudaStream_t stream, const GateStepBack& s) { for_each_cell(stream, s.batch, s.hidden, StepBack{s}); }
void gru_candidate_back(cudaStream_t stream, const GateStepBack& s) { for_each_cell(stream, s.batch, s.hidden, CandidateBack{s}); }
void gru_reset_back(cudaStream_t stream, const GateStepBack& s) { for_each_cell(stream, s.batch, s.hidden, ResetBack{s}); }

void gru_bias_grad(cudaStream_t stream, bool reset_after, int64_t rows, int64_t hidden, const float* gates, float* dbias_x,
                   float* dbias_h) {
  const int64_t cols = (reset_after ? 4 : 3) * hidden;
  const BiasGrad sums{reset_after, hidden, gates, dbias_x, dbias_h};
  if (cols <= 1024) {
    reduce_rows(stream, cols, rows, SpreadBiasGrad{sums});
  } else {
    reduce_columns(stream, rows, cols, sums);
  }
}

}  // namespace grus::cuda
