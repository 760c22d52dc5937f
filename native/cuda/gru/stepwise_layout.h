#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../../gru_plan.h"

namespace grus::cuda {

// Hands out stretches of one block of device memory, each aligned to 256 bytes; without a block it only counts.
class StepwiseCarver {
 public:
  explicit StepwiseCarver(void* memory) : memory_(static_cast<char*>(memory)) {}
  float* floats(int64_t count) {
    char* result = memory_ ? memory_ + used_ : nullptr;
    used_ += (static_cast<size_t>(count) * sizeof(float) + 255) / 256 * 256;
    return reinterpret_cast<float*>(result);
  }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

// Offsets of one layer and direction in the weight space, in floats.
struct StepwiseOffsets {
  int64_t weight_ih = 0, weight_hh = 0, bias_ih = 0, bias_hh = 0;
};

// Where everything lies. The weight space is PyTorch's tensors one after the other, each beginning at a multiple of 64 floats.
class StepwiseLayout {
 public:
  // Error invalid_argument for sizes below 1, out_of_memory for weights that no GPU could hold.
  explicit StepwiseLayout(const GruDescription&);
  // Error shape_mismatch for negative sizes, out_of_memory for what no GPU could hold.
  void expect_sequence(int batch, int steps) const;

  const GruDescription& description() const { return description_; }
  const std::vector<GruParameter>& parameters() const { return parameters_; }
  size_t weight_count() const { return weight_count_; }
  const StepwiseOffsets& offsets(int layer, int direction) const {
    return offsets_[static_cast<size_t>(layer * directions() + direction)];
  }

  int64_t hidden() const { return description_.hidden_size; }
  int layers() const { return description_.num_layers; }
  int directions() const { return description_.directions(); }
  int64_t input_size(int layer) const { return description_.layer_input_size(layer); }
  int64_t width() const { return directions() * hidden(); }             // of y
  bool reverse(int direction) const { return direction == 1 || description_.direction == Direction::backward; }
  // Step `index` of the processing order is this time step.
  int time_of(int direction, int index, int steps) const { return reverse(direction) ? steps - 1 - index : index; }

 private:
  int64_t add(const char* kind, GruTensor tensor, int layer, int direction, int64_t cols);

  const GruDescription description_;
  std::vector<GruParameter> parameters_;
  std::vector<StepwiseOffsets> offsets_;
  size_t weight_count_ = 0;
};

// What a training forward leaves for backward. Plain arithmetic: making one allocates nothing.
class StepwiseReserve {
 public:
  StepwiseReserve(const StepwiseLayout&, void* memory, int batch, int steps);
  // [T, B, 4H]; a row is r, z, n, q of H floats each; q = R_n h + c_n, or r * h with reset before. Backward turns it into the gradients of
  // r, z and n before their activations, and of q (reset after).
  float* gates(int layer, int direction) const { return gates_ + at(layer, direction) * gates_floats_; }
  // [T + 1, B, H]: the state on both sides of each step. Going forward step t leads from states[t] to states[t + 1], in reverse from
  // states[t + 1] to states[t].
  float* states(int layer, int direction) const { return states_ + at(layer, direction) * states_floats_; }
  float* y(int layer) const { return y_ + layer * y_floats_; }   // of all layers but the last: [T, B, D*H]
  size_t bytes() const { return bytes_; }

 private:
  int at(int layer, int direction) const { return layer * directions_ + direction; }

  int directions_;
  int64_t gates_floats_, states_floats_, y_floats_;
  float *gates_, *states_, *y_;
  size_t bytes_;
};

}  // namespace grus::cuda
