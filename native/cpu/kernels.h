#pragma once
#include <cstdint>

#include "../core/activation.h"

// What the kernels of one instruction set offer. They are compiled once for each (kernels/*.inc) and reached through this table only, so
// that code built for a newer CPU never runs on an older one. Plain structs without constructors: an inline function shared by the files
// could be merged into the wrong one.
namespace grus {

// A panel holds 3 * lanes columns of a matrix [k, columns], k-major and zero-padded: element (k, j) at k * 3 * lanes + j.
struct PanelMultiply {          // C [rows, cols] = alpha * A * panels + beta * C + bias
  int64_t rows, cols, k;
  const float* a;
  int64_t a_tile;               // floats between tiles of tile_rows rows
  int64_t a_step;               // floats between rows, or between steps of k if k_major
  bool k_major;                 // element (row, k) of a tile at k * a_step + row, else at row * a_step + k
  const void* panels;           // floats, or if halves pairs of bfloat16: a lane has those of an even k and of the next
  bool halves;
  int64_t panel_stride;         // between panels, in units of 4 bytes
  const float* bias;            // [cols] or null
  float* c;
  int64_t ldc;
  float alpha, beta;            // beta 0: C is not read
};

struct GruActivations {
  Activation recurrent, activation;   // of r and z; of n
  float clip;                         // 0: none
};

// One step of rows [0, rows) and units [panel_begin * lanes, panel_end * lanes). Pointers are those of row 0.
// Rows of h hold a whole number of panels; what lies beyond H there means nothing and is never multiplied.
struct GruForwardStep {
  int64_t rows, hidden, panel_begin, panel_end;
  const void* panels;           // recurrent weights, unit-panel order: r, z, n of the same `lanes` units
  bool halves;                  // as in PanelMultiply
  int64_t panel_stride;
  const float* gates_x;         // [rows, 3 * lanes * panels] unit-panel order: W x + bW (+ bR of r and z)
  int64_t gates_x_stride;
  const float* bias_n;          // bR of n, padded to lanes * panels
  const float* h;
  float* h_next;
  int64_t h_stride;
  float* y;                     // null: not wanted
  int64_t y_stride;
  float* reserve;               // by panel of units: [rows, 4 * lanes], q, r, z, n of `lanes` units each; null: inference
  int64_t reserve_panel;        // floats between panels
  const uint8_t* valid;         // [rows]; null: all. Others keep h and put 0 into y
  // reset_after = false: products of the plain GEMMs around the two gate passes; else unused
  float* gates_h;               // [rows, 2 * lanes * panels]: r block, z block; the first pass leaves z in the z block
  int64_t gates_h_stride;
  float* candidate;             // first pass: r * h out; second pass: R_n (r * h) in. [rows, lanes * panels]
  float* reset_h;
  GruActivations gates;
};

// The gates of one step, backwards, for rows [0, rows) and panels of units [panel_begin, panel_end). Overwrites the reserve with gradients
// of the pre-activations: reset after: (q, r, z, n) -> (dn * r, dr, dz, dn); reset before: first pass leaves q (= r * h) and r, second
// pass r -> dr.
struct GruBackwardStep {
  int64_t rows, hidden, panel_begin, panel_end;
  float* reserve;
  int64_t reserve_panel;
  float* factors;               // the gradients once more, for the product that follows: [rows, 3 * lanes * panels]; reset after: dn * r,
  int64_t factors_stride;       // dr, dz of one panel after the other; before: dn of all panels, then dr, dz of one after the other
  const float* h_previous;      // null: zeros
  int64_t h_previous_stride;
  const float* h_initial;       // [rows, H], used where `first` says so; null: zeros
  const uint8_t* first;         // [rows]; null: none
  const float* dy;              // null: zeros
  int64_t dy_stride;
  const uint8_t* valid;         // [rows]; null: all
  float* carry;                 // in: gradient of the state after this step; out: its direct part, dh * z
  int64_t carry_stride;
  float* d_reset_h;             // second pass of reset before: dn * R_n, [rows, H]
  int64_t d_reset_h_stride;
  GruActivations gates;
};

// Weight gradients [3H, inputs] of panels of units [panel_begin, panel_end), summed up over k rows of a sequence.
struct GruWeightSums {
  int64_t k, hidden, inputs, panel_begin, panel_end;
  bool first;                   // the sums begin here, at 0
  const float* gates;           // the first wanted slot in the reserve of panel 0
  int64_t gates_panel;          // floats between panels
  int slots, first_gate;        // so many slots side by side; the first belongs to this gate of dW (r, z, n), and so on in a circle
  const float* x;               // [inputs / tile_rows, k, tile_rows]
  float* sums;                  // [panels, inputs, 3 * lanes]
  float* dweight;
};

struct Kernels {
  const char* name;             // "avx512", "avx2", "generic"
  int lanes, tile_rows;
  void (*multiply)(const PanelMultiply&);
  // dst[k * width + j] = src[k * ld + j], 0 for cols <= j < width
  void (*pack)(float* dst, int64_t width, const float* src, int64_t ld, int64_t cols, int64_t k);
  // dst[k * width + j] = src[j * ld + k] for j < cols; other columns are left alone
  void (*pack_transposed)(float* dst, int64_t width, const float* src, int64_t ld, int64_t cols, int64_t k);
  // The same in pairs of bfloat16: dst[k / 2 * width + j] has src[j * ld + k], rounded to nearest, in its lower half for an even k, else in
  // its upper half; the half beyond an odd k is 0.
  void (*pack_halves)(uint32_t* dst, int64_t width, const float* src, int64_t ld, int64_t cols, int64_t k);
  // dst[j / tile_rows][k][j % tile_rows] = rows[k][j] for j < cols; a null row: zeros
  void (*pack_tiles)(float* dst, const float* const* rows, int64_t cols, int64_t k);
  void (*gru_step)(const GruForwardStep&);                  // reset after: GEMM and gates in one
  void (*gru_reset_gates)(const GruForwardStep&);           // reset before: r, z and r * h
  void (*gru_candidate)(const GruForwardStep&);             // reset before: n and h'
  void (*gru_step_back)(const GruBackwardStep&);            // reset after
  void (*gru_candidate_back)(const GruBackwardStep&);       // reset before: dz, dn
  void (*gru_reset_back)(const GruBackwardStep&);           // reset before: dr
  // dst [rows, panels, 3 * lanes] = the last three slots of the reserve; rows of dst dst_stride apart
  void (*gather_gates)(float* dst, int64_t dst_stride, const float* reserve, int64_t reserve_panel, int64_t panels, int64_t rows);
  void (*gru_weight_sums)(const GruWeightSums&);
  void (*gru_add_weight_sums)(const GruWeightSums&, int64_t panel);
  void (*add_column_sums)(float* sums, const float* x, int64_t ld, int64_t rows, int64_t cols);   // +=
  void (*exp)(const float*, float*, int64_t);
  void (*log)(const float*, float*, int64_t);
  void (*log1p)(const float*, float*, int64_t);
  void (*tanh)(const float*, float*, int64_t);
  void (*sigmoid)(const float*, float*, int64_t);
  void (*activate)(const Activation&, const float*, float*, int64_t);
  void (*activate_grad)(const Activation&, const float*, const float*, float*, int64_t);
};

// The best the running CPU has, or what GRUS_ISA names (generic, avx2, avx512). Error invalid_argument for another name, unsupported for
// one the CPU lacks.
const Kernels& kernels();

namespace isa_generic { extern const Kernels table; }
namespace isa_avx2 { extern const Kernels table; }
namespace isa_avx512 { extern const Kernels table; }

}  // namespace grus
