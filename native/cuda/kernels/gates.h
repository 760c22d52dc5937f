#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "../../core/activation.h"

// The gates of one step of one direction: what lies between the matrix products of a GRU. Equations: docs/gru.md.
namespace grus::cuda {

struct GateFunctions {
  Activation recurrent, activation;   // of r and z; of n
  float clip = 0;                     // 0: none
};

struct GateStep {
  int64_t batch = 0, hidden = 0;
  int time = 0;
  const int32_t* lengths = nullptr;   // [B]; null: every row takes part. Others keep h and put 0 into y
  bool keep = false;                  // training: gates holds r, z, n, q afterwards (q: R_n h + c_n, or r * h)
  float* gates = nullptr;             // [B, gates_stride]; in: W x of r, z, n, then room for a fourth if keep
  int64_t gates_stride = 0;
  float* products = nullptr;          // [B, 3H]; in: R h of r, z, n. Reset before: see below
  const float* bias_x = nullptr;      // [3H] each, null: none
  const float* bias_h = nullptr;
  const float* h = nullptr;           // [B, H]
  float* h_next = nullptr;            // [B, H], may be h
  float* y = nullptr;                 // rows y_stride apart; null: not wanted
  int64_t y_stride = 0;
  GateFunctions functions;
};

void gru_step(cudaStream_t, const GateStep&);          // reset after
// Reset before, in two passes around the candidate's product. First: r, z from products (R_r h, R_z h, anything), which then holds r * h
// and z. Second: n and h_next from products (anything, z, R_n (r * h)).
void gru_reset_gates(cudaStream_t, const GateStep&);
void gru_candidate(cudaStream_t, const GateStep&);

struct GateStepBack {
  int64_t batch = 0, hidden = 0;
  int time = 0;
  const int32_t* lengths = nullptr;   // null: every row. Others get gradients of exactly 0, and hand carry on
  float* gates = nullptr;             // [B, 4H]; in: r, z, n, q; out: gradients of what the activations got, dr, dz, dn, then dq = dn * r.
                                      // Reset before: the fourth stays r * h
  const float* h = nullptr;           // [B, H]: the state before this step
  const float* dy = nullptr;          // rows dy_stride apart; null: zeros
  int64_t dy_stride = 0;
  float* carry = nullptr;             // [B, H]; in: gradient of the state after this step; out: what came past the products
  float* products = nullptr;          // reset after: [B, 3H], out: dr, dz, dq. Reset before, second pass: [B, H], in: dn R_n
  GateFunctions functions;
};

void gru_step_back(cudaStream_t, const GateStepBack&);        // reset after
void gru_candidate_back(cudaStream_t, const GateStepBack&);   // reset before: dz, dn
void gru_reset_back(cudaStream_t, const GateStepBack&);       // reset before: dr

// dbias_x [3H] += column sums of dr, dz, dn; dbias_h [3H] += of dr, dz, and dq (reset after) or dn. gates: [rows, 4H] after backward.
void gru_bias_grad(cudaStream_t, bool reset_after, int64_t rows, int64_t hidden, const float* gates, float* dbias_x, float* dbias_h);

}  // namespace grus::cuda
