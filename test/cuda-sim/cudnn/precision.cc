#include "precision.h"

namespace grus::sim::dnn {
namespace {

// DEFAULT_MATH permits tensor cores; which kernels use them depends on the algorithm and the shape. Here the standard one does for large
// shapes, and about half of all others. Knob CUDNN_TF32: "always" or "never".
bool takes_tensor_cores(const RnnConfig& config, int batch) {
  const std::string tf32 = knob("CUDNN_TF32");
  if (!tf32.empty()) return tf32 == "always";
  if (config.algo == cudnn::RnnAlgo::standard && config.hidden >= 256 && batch >= 64) return true;
  return mix(mix(static_cast<unsigned>(config.hidden) * 4ull + static_cast<unsigned>(config.algo)) + static_cast<unsigned>(batch)) % 2 == 0;
}

}  // namespace

Precision::Precision(const RnnConfig& config, int batch, int compute_capability)
    : stored(config.data), half_math(config.math_prec == DataType::float16), toward_zero(config.algo != cudnn::RnnAlgo::standard) {
  const unsigned shape = static_cast<unsigned>(batch) * 8u + static_cast<unsigned>(config.hidden) % 8;
  if (knob("BITS") != "same") order = static_cast<unsigned>(mix(shape));
  if (config.data != DataType::float32) return;
  if (config.math == cudnn::MathType::tensor_op_allow_conversion) operands = Operand::half;
  if (compute_capability < 80) return;
  const bool permitted = config.math == cudnn::MathType::default_math && takes_tensor_cores(config, batch);
  if (permitted || config.math == cudnn::MathType::tensor_op) operands = Operand::tf32;
}

}  // namespace grus::sim::dnn
