#pragma once
#include <vector>

#include "numbers.h"

namespace grus::sim::dnn {

// How one descriptor's numbers lose accuracy. All sums are in double; what differs by type and kind of math is what goes into them and
// what is kept.
struct Precision {
  enum class Operand { exact, tf32, half };

  Precision(const RnnConfig& config, int compute_capability)
      : stored(config.data), half_math(config.math_prec == DataType::float16), toward_zero(config.algo != cudnn::RnnAlgo::standard) {
    if (config.data != DataType::float32) return;
    if (config.math == cudnn::MathType::tensor_op_allow_conversion) operands = Operand::half;
    const bool tensor_cores = config.math == cudnn::MathType::default_math || config.math == cudnn::MathType::tensor_op;
    if (tensor_cores && compute_capability >= 80) operands = Operand::tf32;
  }

  // an input of a matrix product
  double operand(double value) const {
    return operands == Operand::exact ? value : operands == Operand::tf32 ? rounded_tf32(value) : rounded(DataType::float16, value);
  }
  // the result of one
  double product(double value) const { return half_math ? rounded(DataType::float16, value) : value; }
  // the state between two steps. Persistent kernels sum in another order than the standard one: a difference in the last bit.
  double state(double value) const {
    const double nearest = rounded(stored, value);
    if (!toward_zero || stored != DataType::float32 || std::fabs(nearest) <= std::fabs(value)) return nearest;
    return std::nextafter(static_cast<float>(nearest), 0.0f);
  }
  // a gradient that becomes the input of a matrix product
  double gradient(double value) const { return operand(stored == DataType::float32 ? value : rounded(stored, value)); }

  void operands_of(std::vector<double>& values) const {
    if (operands == Operand::exact) return;
    for (double& value : values) value = operand(value);
  }

  DataType stored;
  bool half_math, toward_zero;
  Operand operands = Operand::exact;
};

// c[m][n] += a[m][k] b[k][n]
void multiply_add(int64_t rows, int64_t depth, int64_t columns, const double* a, const double* b, double* c);

}   // namespace grus::sim::dnn
