#include "plan_parameters.h"

#include <algorithm>
#include <cstring>

namespace grus {

int64_t Parameter::count() const {
  int64_t total = 1;
  for (const int64_t size : shape) total *= size;
  return total;
}

std::vector<Parameter> gru_parameters(const GruPlan& plan, const std::string& prefix, const LayerDescription& options) {
  std::vector<Parameter> result;
  for (const GruParameter& tensor : plan.parameters()) {
    Parameter parameter;
    parameter.name = prefix + tensor.name;
    const bool matrix = tensor.tensor == GruTensor::weight_ih || tensor.tensor == GruTensor::weight_hh;
    parameter.shape = matrix ? std::vector<int64_t>{tensor.rows, tensor.cols} : std::vector<int64_t>{tensor.rows};
    parameter.trainable = tensor.tensor != GruTensor::bias_hh || options.train_bias_hh;
    const int group = tensor.tensor == GruTensor::weight_ih ? 0 : tensor.tensor == GruTensor::weight_hh ? 1 : 2;
    const int cell = tensor.layer * 2 + tensor.direction;
    parameter.variable = cell * 3 + group;
    parameter.regularizer = group == 0 ? options.kernel_regularizer : group == 1 ? options.recurrent_regularizer : options.bias_regularizer;
    const int64_t gate = tensor.rows / 3 * tensor.cols;
    for (const int64_t offset : tensor.gate_offset) {
      if (!parameter.pieces.empty() && parameter.pieces.back().offset + parameter.pieces.back().count == offset) {
        parameter.pieces.back().count += gate;
      } else {
        parameter.pieces.push_back({offset, gate});
      }
    }
    result.push_back(std::move(parameter));
  }
  return result;
}

int64_t ParameterTable::add(std::vector<Parameter> parameters, int64_t floats) {
  const int64_t base = flat_count_;
  flat_count_ += (floats + 63) / 64 * 64;
  int highest = -1;
  for (Parameter& parameter : parameters) {
    highest = std::max(highest, parameter.variable);
    parameter.variable += variables_;
    logical_count_ += parameter.count();
    regularized_ = regularized_ || parameter.regularizer.l1 != 0 || parameter.regularizer.l2 != 0;
    for (Piece& piece : parameter.pieces) {
      piece.offset += base;
      segments_.push_back({piece.offset, piece.count, parameter.variable, parameter.trainable, parameter.regularizer.l1,
                           parameter.regularizer.l2});
    }
    parameters_.push_back(std::move(parameter));
  }
  variables_ += highest + 1;
  return base;
}

bool ParameterTable::in_order() const {
  int64_t next = 0;
  for (const Parameter& parameter : parameters_) {
    for (const Piece& piece : parameter.pieces) {
      if (piece.offset != next) return false;
      next += piece.count;
    }
  }
  return true;
}

void ParameterTable::gather(const float* flat, float* logical) const {
  for (const Parameter& parameter : parameters_) {
    for (const Piece& piece : parameter.pieces) {
      std::memcpy(logical, flat + piece.offset, static_cast<size_t>(piece.count) * sizeof(float));
      logical += piece.count;
    }
  }
}

void ParameterTable::scatter(const float* logical, float* flat) const {
  for (const Parameter& parameter : parameters_) {
    for (const Piece& piece : parameter.pieces) {
      std::memcpy(flat + piece.offset, logical, static_cast<size_t>(piece.count) * sizeof(float));
      logical += piece.count;
    }
  }
}

}  // namespace grus
