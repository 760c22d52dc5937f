#include <atomic>
#include <cstdlib>

#include "../sim.h"
#include "exports.h"
#include "objects.h"
#include "refusals.h"

using namespace grus::cudnn;
using namespace grus::sim;
using namespace grus::sim::dnn;

// For tests, by dlsym: what cudnnBuildRNNDynamic has cost so far.
extern "C" __attribute__((visibility("default"))) double grus_sim_cudnn_built_microseconds();

namespace {

std::atomic<double> built_microseconds{0};

bool between(int value, int first, int last) { return value >= first && value <= last; }
template <class Enum>
bool between(Enum value, int first, int last) {
  return between(static_cast<int>(value), first, last);
}

// What the real 9.24 accepts, read off it over all combinations: the data type decides the precision of the math, not the kind of math.
bool types_go_together(RnnAlgo algo, DataType data, DataType math) {
  switch (data) {
    case DataType::float32: return math == DataType::float32;
    case DataType::float64: return math == DataType::float64 && (algo == RnnAlgo::standard || algo == RnnAlgo::persist_dynamic);
    case DataType::float16: return math == DataType::float32 || (math == DataType::float16 && algo == RnnAlgo::standard);
    case DataType::bfloat16: return math == DataType::float32 && cudnnGetVersion() >= 91300;
  }
  return false;
}

}  // namespace

Status cudnnCreateRNNDescriptor(RnnDescriptor* descriptor) {
  return call("cudnnCreateRNNDescriptor", Library::adv, [&] {
    require(descriptor, kNullPointer, "rnnDesc == NULL");
    *descriptor = make<cudnnRNNTag>();
  });
}

Status cudnnDestroyRNNDescriptor(RnnDescriptor descriptor) {
  return call("cudnnDestroyRNNDescriptor", Library::adv, [&] { destroy("cudnnDestroyRNNDescriptor", descriptor, Kind::rnn); });
}

Status cudnnSetRNNDescriptor_v8(RnnDescriptor descriptor, RnnAlgo algo, RnnMode mode, RnnBiasMode bias, DirectionMode direction,
                                RnnInputMode input, DataType data, DataType math_prec, MathType math, int32_t input_size,
                                int32_t hidden_size, int32_t proj_size, int32_t layers, DropoutDescriptor dropout, uint32_t flags) {
  return call("cudnnSetRNNDescriptor_v8", Library::adv, [&] {
    auto& target = find_as("cudnnSetRNNDescriptor_v8", descriptor, Kind::rnn, "rnnDesc", false);
    require(between(algo, 0, 3), kBadParameter, "algo is unknown");
    require(between(mode, kRelu, static_cast<int>(RnnMode::gru)), kBadParameter, "cellMode is unknown");
    require(between(bias, 0, kSingleRecurrentBias), kBadParameter, "biasMode is unknown");
    require(between(direction, 0, 1), kBadParameter, "dirMode is unknown");
    require(between(input, 0, kSkipInput), kBadParameter, "inputMode is unknown");
    require(between(math, 0, 3), kBadParameter, "mathType is unknown");
    require(input_size >= 1 && hidden_size >= 1 && layers >= 1, kBadParameter, "inputSize < 1 || hiddenSize < 1 || numLayers < 1");
    const bool persistent = algo != RnnAlgo::standard;
    require(!persistent || bias == RnnBiasMode::double_bias, kNotSupported, "persistent algorithms take CUDNN_RNN_DOUBLE_BIAS only");
    require(proj_size > 0, kBadParameter, "projSize <= 0");
    require((flags & ~kPaddedIoEnabled) == 0, kBadParameter, "auxFlags has unknown bits");
    require(types_go_together(algo, data, math_prec), kUnsupportedType, "dataType and mathPrec do not go together with this algo");
    require(proj_size == hidden_size || static_cast<int>(mode) == kLstm, kNotSupported, "projSize != hiddenSize, and the cell is no LSTM");
    if (dropout) find("cudnnSetRNNDescriptor_v8", dropout, Kind::dropout, "dropoutDesc");   // may be set later
    target.config = {algo, mode, bias, direction, input, data, math_prec, math, input_size, hidden_size, proj_size, layers, flags};
    target.dropout = dropout;
    target.built_batch = 0;
    target.set = true;
  });
}

Status cudnnBuildRNNDynamic(Handle handle, RnnDescriptor descriptor, int batch) {
  return call("cudnnBuildRNNDynamic", Library::adv, [&] {
    const HandleUse use("cudnnBuildRNNDynamic", handle);
    auto& target = rnn("cudnnBuildRNNDynamic", descriptor);
    require(batch > 0, kBadParameter, "miniBatch <= 0");
    require(target.config.algo == RnnAlgo::persist_dynamic, kBadParameter, "algo != CUDNN_RNN_ALGO_PERSIST_DYNAMIC");
    // it compiles a kernel and loads it
    require(allowed_during_capture("cudnnBuildRNNDynamic"), kCudart, "a stream is being captured");
    refuse_algorithm(target.config);
    require(knob("CUDNN_NVRTC") != "missing", knob_number("CUDNN_SEED", 1) % 2 ? kNotSupported : kInternal,
            "libnvrtc.so.13 could not be loaded");
    const double microseconds = 1e6 * std::atof(knob("CUDNN_BUILD", "3").c_str());
    grus_sim_advance(handle->stream, microseconds);   // the host compiles meanwhile, and nothing comes
    built_microseconds.store(built_microseconds.load() + microseconds);
    target.built_batch = batch;
  });
}

double grus_sim_cudnn_built_microseconds() { return built_microseconds; }

Status cudnnCreateRNNDataDescriptor(RnnDataDescriptor* descriptor) {
  return call("cudnnCreateRNNDataDescriptor", Library::adv, [&] {
    require(descriptor, kNullPointer, "rnnDataDesc == NULL");
    *descriptor = make<cudnnRNNDataTag>();
  });
}

Status cudnnDestroyRNNDataDescriptor(RnnDataDescriptor descriptor) {
  return call("cudnnDestroyRNNDataDescriptor", Library::adv, [&] {
    destroy("cudnnDestroyRNNDataDescriptor", descriptor, Kind::rnn_data);
    if (descriptor && descriptor->pinned_lengths) std::fill_n(descriptor->pinned_lengths, descriptor->sequences.lengths.size(), 1);
  });
}
