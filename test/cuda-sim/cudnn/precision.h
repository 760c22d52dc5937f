#pragma once
#include <vector>

#include "../sim.h"
#include "numbers.h"

namespace grus::sim::dnn {

// How one descriptor's numbers lose accuracy. All sums are in double; what differs by type and kind of math is what goes into them and
// what is kept.
struct Precision {
  enum class Operand { exact, tf32, half };

  Precision(const RnnConfig& config, int batch, int compute_capability);

  // an input of a matrix product
  double operand(double value) const {
    return operands == Operand::exact ? value : operands == Operand::tf32 ? rounded_tf32(value) : rounded(DataType::float16, value);
  }
  // the result of one
  double product(double value) const { return half_math ? rounded(DataType::float16, value) : value; }
  // the state between two steps. Persistent kernels sum in another order than the standard one, and each shape in an order of its own: a
  // difference in the last bit of float32, before it is stored.
  double state(double value) const {
    if (stored == DataType::float64) return value;
    auto sum = static_cast<float>(value);
    if (toward_zero && std::fabs(static_cast<double>(sum)) > std::fabs(value)) sum = std::nextafter(sum, 0.0f);
    return rounded(stored, reordered(value, sum, order));
  }
  // a gradient that becomes the input of a matrix product
  double gradient(double value) const { return operand(stored == DataType::float32 ? value : rounded(stored, value)); }

  void operands_of(std::vector<double>& values) const {
    if (operands == Operand::exact) return;
    for (double& value : values) value = operand(value);
  }

  DataType stored;
  bool half_math, toward_zero;
  unsigned order = 0;   // of the additions, by batch and H % 8
  Operand operands = Operand::exact;
};

// c[m][n] += a[m][k] b[k][n]
void multiply_add(int64_t rows, int64_t depth, int64_t columns, const double* a, const double* b, double* c);

}   // namespace grus::sim::dnn
