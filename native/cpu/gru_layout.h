#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../gru_plan.h"

namespace grus {

// Hands out stretches of one block of memory, each aligned to 64 bytes; without a block it only counts.
class Carver {
 public:
  explicit Carver(void* memory) : memory_(static_cast<char*>(memory)) {}
  float* floats(int64_t count) { return static_cast<float*>(bytes(count * static_cast<int64_t>(sizeof(float)))); }
  void* bytes(int64_t count) {
    void* result = memory_ ? memory_ + used_ : nullptr;
    used_ += (static_cast<size_t>(count) + 63) / 64 * 64;
    return result;
  }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

// Offsets of one layer and direction in the weight space, in floats.
struct GruOffsets {
  int64_t weight_ih, weight_hh, bias_ih, bias_hh;
};

// Where everything lies. The weight space is PyTorch's tensors one after the other.
class GruLayout {
 public:
  explicit GruLayout(const GruDescription&);
  // Error shape_mismatch for negative sizes, out_of_memory for what no machine could hold.
  void expect_sequence(int batch, int steps) const;

  const GruDescription& description() const { return description_; }
  const std::vector<GruParameter>& parameters() const { return parameters_; }
  size_t weight_count() const { return weight_count_; }
  const GruOffsets& offsets(int layer, int direction) const { return offsets_[static_cast<size_t>(layer * directions() + direction)]; }

  int64_t hidden() const { return description_.hidden_size; }
  int layers() const { return description_.num_layers; }
  int directions() const { return description_.directions(); }
  int64_t input_size(int layer) const { return description_.layer_input_size(layer); }
  bool reverse(int direction) const { return direction == 1 || description_.direction == Direction::backward; }

  int64_t panels() const { return panels_; }                            // of `lanes` units each
  int64_t padded() const { return panels_ * lanes_; }                   // H up to a whole panel
  int64_t column_panels() const { return (hidden() + 3 * lanes_ - 1) / (3 * lanes_); }   // of 3 * lanes columns of the state
  int64_t y_stride() const { return directions() * hidden(); }
  // 16 floats more than needed: a power of two between rows would put them all into the same few sets of the L1 cache.
  int64_t h_stride() const { return padded() + 16; }
  int64_t gates_x_stride() const { return 3 * padded() + 16; }
  int64_t factors_stride() const { return 3 * padded() + 16; }
  int64_t reserve_width() const { return 4 * lanes_; }                 // floats of one row and panel of units

 private:
  GruDescription description_;
  std::vector<GruParameter> parameters_;
  std::vector<GruOffsets> offsets_;
  size_t weight_count_ = 0;
  int64_t lanes_, panels_;
};

// What a training forward leaves for backward. Plain arithmetic: making one allocates nothing.
class GruReserve {
 public:
  GruReserve(const GruLayout&, void* memory, int batch, int steps);
  // By panel of units, panel_floats() apart: [T, B, reserve_width], a row being q, r, z, n of the panel's units; q = R_n h + bR_n, or r * h
  // with reset before.
  int64_t panel_floats() const { return panel_floats_; }
  float* gates(int layer, int direction) const { return gates_ + (layer * layout_.directions() + direction) * gates_floats_; }
  float* y(int layer) const { return y_ + layer * y_floats_; }   // of all layers but the last: [T, B, D*H]
  size_t bytes() const { return bytes_; }

 private:
  const GruLayout& layout_;
  int64_t panel_floats_, gates_floats_, y_floats_;
  float *gates_, *y_;
  size_t bytes_;
};

}  // namespace grus
