#include "gru_layout.h"

#include <limits>
#include <string>

#include "../core/error.h"
#include "kernels.h"

namespace grus {
namespace {

void expect_size(const char* name, int value) {
  if (value < 1) {
    throw Error(ErrorCode::invalid_argument, std::string("[gru] expected ") + name + " of at least 1, got " + std::to_string(value));
  }
}

constexpr double kMostFloats = 1e14;   // far beyond any machine, far below where int64 offsets overflow

void expect_floats(const char* what, double floats) {
  if (floats > kMostFloats) {
    throw Error(ErrorCode::out_of_memory,
                std::string("[gru] expected ") + what + " that fit into memory, got " + std::to_string(floats * 4e-12) + " TB");
  }
}

}  // namespace

GruLayout::GruLayout(const GruDescription& description) : description_(description), lanes_(kernels().lanes) {
  expect_size("inputSize", description.input_size);
  expect_size("hiddenSize", description.hidden_size);
  expect_size("numLayers", description.num_layers);
  if (!(description.clip >= 0)) {
    throw Error(ErrorCode::invalid_argument, "[gru] expected clip of at least 0, got " + std::to_string(description.clip));
  }
  const double per_layer = 3.0 * static_cast<double>(hidden()) * (2.0 * static_cast<double>(hidden()) + description.input_size + 2.0 * 2.0);
  expect_floats("weights", per_layer * 2 * description.num_layers);
  panels_ = (hidden() + lanes_ - 1) / lanes_;
  const int64_t rows = 3 * hidden();
  int64_t next = 0;
  const auto add = [&](const char* kind, GruTensor tensor, int layer, int direction, int64_t cols) {
    GruParameter parameter;
    parameter.name = std::string(kind) + "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
    parameter.layer = layer;
    parameter.direction = direction;
    parameter.tensor = tensor;
    parameter.rows = rows;
    parameter.cols = cols;
    for (int64_t gate = 0; gate < 3; ++gate) parameter.gate_offset[static_cast<size_t>(gate)] = next + gate * hidden() * cols;
    const int64_t offset = next;
    next += rows * cols;
    parameters_.push_back(std::move(parameter));
    return offset;
  };
  for (int layer = 0; layer < layers(); ++layer) {
    for (int direction = 0; direction < directions(); ++direction) {
      GruOffsets at{};
      at.weight_ih = add("weight_ih", GruTensor::weight_ih, layer, direction, input_size(layer));
      at.weight_hh = add("weight_hh", GruTensor::weight_hh, layer, direction, hidden());
      if (description.bias) {
        at.bias_ih = add("bias_ih", GruTensor::bias_ih, layer, direction, 1);
        at.bias_hh = add("bias_hh", GruTensor::bias_hh, layer, direction, 1);
      }
      offsets_.push_back(at);
    }
  }
  weight_count_ = static_cast<size_t>(next);
}

void GruLayout::expect_sequence(int batch, int steps) const {
  if (batch < 0 || steps < 0) {
    throw Error(ErrorCode::shape_mismatch,
                "[gru] expected batch and steps of at least 0, got " + std::to_string(batch) + " and " + std::to_string(steps));
  }
  const double row =
      static_cast<double>(panels() * reserve_width() + y_stride() + gates_x_stride()) * layers() * directions() + static_cast<double>(input_size(0));
  expect_floats("sequences", 2 * row * batch * steps);
}

GruReserve::GruReserve(const GruLayout& layout, void* memory, int batch, int steps) : layout_(layout) {
  Carver carver(memory);
  const int64_t rows = int64_t{batch} * steps;
  // Not a multiple of 4 KiB: rows of different panels would all fall into the same few sets of the L1 cache.
  panel_floats_ = (rows * layout.reserve_width() + 1023) / 1024 * 1024 + 8 * layout.reserve_width();
  gates_floats_ = panel_floats_ * layout.panels();
  y_floats_ = (rows * layout.y_stride() + 15) / 16 * 16;
  gates_ = carver.floats(gates_floats_ * layout.layers() * layout.directions());
  y_ = carver.floats(y_floats_ * (layout.layers() - 1));
  bytes_ = carver.used();
}

}  // namespace grus
