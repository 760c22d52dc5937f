#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/activation.h"

namespace grus {

enum class Direction { forward, backward, both };

// One GRU, all layers. Equations: docs/gru.md; h' = (1 - z) * n + z * h always ("keep"; the other convention is converted in TypeScript).
struct GruDescription {
  int input_size = 0;    // I
  int hidden_size = 0;   // H
  int num_layers = 1;    // L
  Direction direction = Direction::forward;
  bool bias = true;
  bool reset_after = true;
  // per direction (index 0: the first or only one, index 1: the reverse one of `both`)
  std::array<Activation, 2> recurrent_activation{Activation{ActivationKind::sigmoid, 0, 0},
                                                 Activation{ActivationKind::sigmoid, 0, 0}};                             // r and z
  std::array<Activation, 2> activation{Activation{ActivationKind::tanh, 0, 0}, Activation{ActivationKind::tanh, 0, 0}};  // n
  float clip = 0;        // > 0: the inputs of both activations are clamped to [-clip, clip]

  int directions() const { return direction == Direction::both ? 2 : 1; }                                   // D
  int layer_input_size(int layer) const { return layer == 0 ? input_size : directions() * hidden_size; }
};

enum class GruTensor { weight_ih, weight_hh, bias_ih, bias_hh };

// Where one named tensor lies in the plan's weight space, which may scatter its gates (cuDNN) or not (CPU).
struct GruParameter {
  std::string name;                    // PyTorch's: weight_ih_l0, bias_hh_l1_reverse, ... (direction backward keeps the plain names)
  int layer = 0, direction = 0;        // direction: 0 or 1
  GruTensor tensor = GruTensor::weight_ih;
  int64_t rows = 0, cols = 0;          // of the whole tensor: [3H, I or H], or [3H] with cols 1; gates r, z, n
  std::array<int64_t, 3> gate_offset;  // in floats, from the start of the weight space; each gate is rows / 3 * cols floats, row-major
};

// Shapes: x [T, B, I], hx and hy [L*D, B, H] layer-major, y [T, B, D*H] aligned to input time. All float32, on the plan's device, dense.
// y beyond a row's length is 0; hy is the state after the row's own last valid step; a row of length 0 keeps hx (or 0) as hy.
struct GruForward {
  bool training = false;               // true: fills reserve, so that backward may follow
  int batch = 0, steps = 0;            // B, T
  const int32_t* lengths = nullptr;    // [B] on the host; null: every row has T steps
  const int32_t* device_lengths = nullptr;   // the same on the plan's device; null when lengths is
  const float* x = nullptr;            // entries beyond a row's length are ignored, whatever they are
  const float* hx = nullptr;           // null: zeros
  const float* weights = nullptr;
  uint64_t weights_version = 0;        // packed copies are renewed when it differs from the last call's; 0: renew always
  float* y = nullptr;
  float* hy = nullptr;                 // null: not wanted
  void* reserve = nullptr;             // reserve_bytes(); null unless training
  void* workspace = nullptr;           // workspace_bytes()
};

struct GruBackward {
  int batch = 0, steps = 0;
  const int32_t* lengths = nullptr;    // as in the forward call it belongs to, like x, hx, y, weights, reserve
  const int32_t* device_lengths = nullptr;
  const float* x = nullptr;
  const float* hx = nullptr;
  const float* weights = nullptr;
  uint64_t weights_version = 0;
  const float* y = nullptr;
  const float* dy = nullptr;           // [T, B, D*H]; null: zeros. Entries beyond a row's length are ignored
  const float* dhy = nullptr;          // [L*D, B, H]; null: zeros
  float* dx = nullptr;                 // written; null: not wanted. 0 beyond a row's length
  float* dhx = nullptr;                // written; null: not wanted
  float* dweights = nullptr;           // added to (weight_count() floats); null: not wanted
  void* reserve = nullptr;             // destroyed
  void* workspace = nullptr;
};

class GruPlan {
 public:
  virtual ~GruPlan() = default;
  virtual const std::vector<GruParameter>& parameters() const = 0;   // per layer, per direction: weight_ih, weight_hh[, bias_ih, bias_hh]
  virtual size_t weight_count() const = 0;                           // floats in the weight space
  // lengths: whether the calls will be given them.
  virtual size_t reserve_bytes(int batch, int steps, bool lengths) const = 0;
  virtual size_t workspace_bytes(int batch, int steps, bool training, bool lengths) const = 0;
  // On a GPU the work that is enqueued depends on whether there are lengths, and not on what they are on the host: a captured pass serves
  // all of them.
  virtual void forward(const GruForward&) = 0;
  virtual void backward(const GruBackward&) = 0;
};

}  // namespace grus
