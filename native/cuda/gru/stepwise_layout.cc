#include "stepwise_layout.h"

#include <string>
#include <utility>

#include "../../core/error.h"

namespace grus::cuda {
namespace {

int64_t whole_stretches(int64_t floats) { return (floats + 63) / 64 * 64; }

void expect_size(const char* name, int value) {
  if (value < 1) {
    throw Error(ErrorCode::invalid_argument, std::string("[gru] expected ") + name + " of at least 1, got " + std::to_string(value));
  }
}

constexpr double kMostFloats = 1e14;   // far beyond any GPU, far below where int64 offsets overflow

void expect_floats(const char* what, double floats) {
  if (floats > kMostFloats) {
    throw Error(ErrorCode::out_of_memory,
                std::string("[gru] expected ") + what + " that fit into memory, got " + std::to_string(floats * 4e-12) + " TB");
  }
}

}  // namespace

StepwiseLayout::StepwiseLayout(const GruDescription& description) : description_(description) {
  expect_size("inputSize", description.input_size);
  expect_size("hiddenSize", description.hidden_size);
  expect_size("numLayers", description.num_layers);
  if (!(description.clip >= 0)) {
    throw Error(ErrorCode::invalid_argument, "[gru] expected clip of at least 0, got " + std::to_string(description.clip));
  }
  const double h = static_cast<double>(hidden());
  expect_floats("weights", (3 * h * (2 * h + description.input_size + 4) + 256) * 2 * description.num_layers);
  for (int layer = 0; layer < layers(); ++layer) {
    for (int direction = 0; direction < directions(); ++direction) {
      StepwiseOffsets at;
      at.weight_ih = add("weight_ih", GruTensor::weight_ih, layer, direction, input_size(layer));
      at.weight_hh = add("weight_hh", GruTensor::weight_hh, layer, direction, hidden());
      if (description.bias) {
        at.bias_ih = add("bias_ih", GruTensor::bias_ih, layer, direction, 1);
        at.bias_hh = add("bias_hh", GruTensor::bias_hh, layer, direction, 1);
      }
      offsets_.push_back(at);
    }
  }
}

int64_t StepwiseLayout::add(const char* kind, GruTensor tensor, int layer, int direction, int64_t cols) {
  const int64_t offset = static_cast<int64_t>(weight_count_);
  GruParameter parameter;
  parameter.name = std::string(kind) + "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
  parameter.layer = layer;
  parameter.direction = direction;
  parameter.tensor = tensor;
  parameter.rows = 3 * hidden();
  parameter.cols = cols;
  for (int64_t gate = 0; gate < 3; ++gate) parameter.gate_offset[static_cast<size_t>(gate)] = offset + gate * hidden() * cols;
  weight_count_ += static_cast<size_t>(whole_stretches(parameter.rows * cols));
  parameters_.push_back(std::move(parameter));
  return offset;
}

void StepwiseLayout::expect_sequence(int batch, int steps) const {
  if (batch < 0 || steps < 0) {
    throw Error(ErrorCode::shape_mismatch,
                "[gru] expected batch and steps of at least 0, got " + std::to_string(batch) + " and " + std::to_string(steps));
  }
  const double row = (5 * static_cast<double>(hidden()) * directions() + static_cast<double>(width())) * layers() + description_.input_size;
  expect_floats("sequences", 2 * row * batch * (steps + 1.0));
}

StepwiseReserve::StepwiseReserve(const StepwiseLayout& layout, void* memory, int batch, int steps) : directions_(layout.directions()) {
  StepwiseCarver carver(memory);
  const int64_t step = batch * layout.hidden(), all = int64_t{layout.layers()} * directions_;
  gates_floats_ = whole_stretches(steps * step * 4);
  states_floats_ = whole_stretches((steps + int64_t{1}) * step);
  y_floats_ = whole_stretches(steps * step * directions_);
  gates_ = carver.floats(gates_floats_ * all);
  states_ = carver.floats(states_floats_ * all);
  y_ = carver.floats(y_floats_ * (layout.layers() - 1));
  bytes_ = carver.used();
}

}  // namespace grus::cuda
