#include "refusals.h"

#include <sstream>
#include <string>

#include "../sim.h"
#include "exports.h"

namespace grus::sim::dnn {
namespace {

using cudnn::RnnAlgo;

Stage refusing_stage() {
  const std::string stage = knob("CUDNN_REFUSE", "sizes");
  return stage == "backward" ? Stage::backward : stage == "forward" ? Stage::forward : Stage::sizes;
}

bool names(const char* of_knob, RnnAlgo algo) {
  std::istringstream named(knob(of_knob));
  for (std::string each; std::getline(named, each, ',');) {
    if (each == std::to_string(static_cast<int>(algo))) return true;
  }
  return false;
}

void refuse_model(const RnnConfig& config, const Sequences& x) {
  require(config.mode == cudnn::RnnMode::gru, kNotSupported, "the simulated cuDNN computes GRUs only");
  require(static_cast<int>(config.input) != kSkipInput, kNotSupported, "the simulated cuDNN has no skipped input");
  require(static_cast<int>(config.bias) != kSingleRecurrentBias, kNotSupported,
          "NVIDIA's texts disagree on the GRU with one recurrent bias");
  require(config.data != DataType::bfloat16 || compute_capability() >= 80, kArchitecture, "BFLOAT16 needs compute capability 8.0");
  const bool padded = (config.flags & cudnn::kPaddedIoEnabled) != 0;
  require(padded || x.packed() || x.full(), kUnsupportedLayout, "an unpacked layout with padding needs CUDNN_RNN_PADDED_IO_ENABLED");
  require(x.steps <= knob_number("CUDNN_MAX_STEPS", 1 << 30), kUnsupportedShape, "the sequences are too long");
}

// The kernels of algorithms 1 and 2 hold the recurrent weights on the chip, so that the most units depend on the type and on the GPU.
long long persistent_limit(DataType type) {
  const long long usual = type == DataType::float16 ? 896 : type == DataType::float32 ? 512 : 256;
  return knob_number("CUDNN_PERSIST_LIMIT", usual);
}

// performance cliffs aside, these are the limits that users of cuDNN report
void refuse_persistent(const RnnConfig& config, const Sequences& x, bool training) {
  // 9.24 has such kernels for the other types alone, although Set takes this one
  require(config.data != DataType::bfloat16 || knob("CUDNN_BFLOAT16") == "all", kNotSupported, "only the standard algorithm has BFLOAT16");
  require(x.full(), kNotSupported, "only the standard algorithm computes sequences of different lengths");
  if (config.algo == RnnAlgo::persist_static_small_h) {
    require(config.hidden <= (training ? 128 : 192), kUnsupportedShape, "hiddenSize is above the limit of PERSIST_STATIC_SMALL_H");
    require(x.steps <= 65535, kUnsupportedShape, "PERSIST_STATIC_SMALL_H takes 65535 steps at most");
  } else {
    require(config.hidden <= persistent_limit(config.data), kUnsupportedShape, "hiddenSize does not fit the persistent kernels");
  }
}

}   // namespace

int compute_capability() {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, current_device());
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, current_device());
  return major * 10 + minor;
}

void refuse_algorithm(const RnnConfig& config) {
  if (names("CUDNN_ALGOS", config.algo)) refuse(kNotSupported, "this algo is not available on this GPU");
}

void refuse_missing_states(const RnnConfig& config, bool all) {
  if (!all && names("CUDNN_STATES", config.algo)) refuse(kNotSupported, "this algo needs hx, hy, dhy and dhx");
}

void refuse_unsupported(const RnnConfig& config, const Sequences& x, bool training, Stage stage) {
  refuse_model(config, x);
  if (stage < refusing_stage()) return;
  refuse_algorithm(config);
  if (config.algo != RnnAlgo::standard) refuse_persistent(config, x, training);
}

}   // namespace grus::sim::dnn
