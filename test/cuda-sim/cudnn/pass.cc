#include "pass.h"

#include <cstdlib>
#include <cstring>

#include "../sim.h"

namespace grus::sim::dnn {
namespace {

// What the user's descriptors say of x and y must go together, and go with the network.
void check_sequences(const RnnConfig& config, const Sequences& x, const Sequences& y) {
  require(x.data == config.data && y.data == config.data, kBadParameter, "dataType of xDesc, yDesc and rnnDesc differ");
  require(x.layout == y.layout, kBadParameter, "xDesc and yDesc have different layouts");
  require(x.steps == y.steps && x.batch == y.batch, kShapeMismatch, "xDesc and yDesc have different maxSeqLength or batchSize");
  require(x.lengths == y.lengths, kBadParameter, "xDesc and yDesc have different sequence lengths");
  require(x.width == config.input_size, kShapeMismatch, "xDesc's vectorSize != inputSize");
  require(y.width == config.hidden * config.directions(), kShapeMismatch, "yDesc's vectorSize != hiddenSize * directions");
}

void check_lengths(const Sequences& x, Stage stage) {
  int longest = 0, shortest = x.steps;
  for (const int length : x.lengths) {
    longest = std::max(longest, length);
    shortest = std::min(shortest, length);
  }
  require(longest > 0, kExecutionFailed, "all sequences have length 0");
  require(stage != Stage::backward || shortest > 0, kExecutionFailed, "a sequence has length 0, which backward does not compute");
}

// The first time a handle computes something it loads kernels and makes room. Knob CUDNN_WARMUP: 1 per descriptor's values, 2 per shape
// too.
void warm_up(const char* call, cudnn::cudnnHandleTag& handle, const RnnConfig& config, const Sequences& x) {
  const long long strictness = knob_number("CUDNN_WARMUP", 0);
  if (strictness == 0) return;
  unsigned long long key = mix(Reserve::config_hash(config, x) * (strictness > 1));
  key = mix(key + fingerprint(config) + static_cast<unsigned long long>(config.algo)) ^ hash_bytes(call, std::strlen(call));
  if (handle.warmed_up.count(key)) return;
  require(allowed_during_capture(call), kCudart, "the first call with this descriptor allocates, and a stream is being captured");
  handle.warmed_up.insert(key);
}

double microseconds_per_step(cudnn::RnnAlgo algo) {
  const std::string costs = "," + knob("CUDNN_COST");
  const auto at = costs.find("," + std::to_string(static_cast<int>(algo)) + ":");
  return at == std::string::npos ? 0 : std::atof(costs.c_str() + at + 3);
}

}   // namespace

Pass::Pass(const char* call, HandleUse& handle, cudnn::RnnDescriptor descriptor, const int32_t* device_lengths,
           cudnn::RnnDataDescriptor x_desc, cudnn::RnnDataDescriptor y_desc, bool training, Stage stage)
    : call(call),
      config(rnn(call, descriptor).config),
      x(rnn_data(call, x_desc, "xDesc").sequences),
      y(rnn_data(call, y_desc, "yDesc").sequences),
      layout(config),
      precision(config, x.batch, compute_capability()),
      faults(config.algo),
      training(training),
      arguments(call),
      pinned_lengths(x.full() ? nullptr : rnn_data(call, x_desc, "xDesc").pinned_lengths) {
  const auto& object = rnn(call, descriptor);
  if (object.dropout) find_as(call, object.dropout, Kind::dropout, "the dropoutDesc of rnnDesc");
  check_sequences(config, x, y);
  refuse_unsupported(config, x, training, stage);
  if (config.algo == cudnn::RnnAlgo::persist_dynamic) {
    require(object.built_batch == x.batch, kBadParameter, "cudnnBuildRNNDynamic was not called for this batch size");
  }
  // since 8.9.1 they should be NULL
  if (device_lengths) misuse(call, "devSeqLengths is not null: the lengths on the host are what counts since cuDNN 8.9.1");
  check_lengths(x, stage);
  warm_up(call, *handle, config, x);
}

void Pass::check_state_descriptor(cudnn::TensorDescriptor h, bool needed) const {
  if (!h && !needed) return;
  const auto& descriptor = tensor(call, h, "hDesc");
  const std::vector<int> dims = {config.pseudo_layers(), x.batch, config.hidden};
  const std::vector<int> strides = {x.batch * config.hidden, config.hidden, 1};
  require(descriptor.data == config.data, kBadParameter, "hDesc has another dataType than rnnDesc");
  require(descriptor.dims == dims, kShapeMismatch, "hDesc's dims are not {layers * directions, batch, hiddenSize}");
  require(descriptor.strides == strides, kShapeMismatch, "hDesc is not packed");
}

void Pass::check_cell(cudnn::TensorDescriptor c, bool has_pointers) const {
  if (c) tensor(call, c, "cDesc");
  if (has_pointers) misuse(call, "a GRU has no cell state, yet a pointer to one was given");
}

void Pass::take_spaces(size_t weight_bytes, const void* weights, bool writes_weights, size_t workspace_bytes, void* workspace_pointer,
                       size_t reserve_bytes, void* reserve) {
  require(weight_bytes >= layout.bytes(), kSizeInsufficient, "weightSpaceSize is too small");
  require(workspace_bytes >= dnn::workspace_bytes(config, x, training), kSizeInsufficient, "workSpaceSize is too small");
  require(!training || reserve_bytes >= dnn::reserve_bytes(config, x), kSizeInsufficient, "reserveSpaceSize is too small");
  const char* const name = writes_weights ? "dweightSpace" : "weightSpace";
  writes_weights ? arguments.write(name, weights, weight_bytes) : arguments.read(name, weights, weight_bytes);
  arguments.write("workSpace", workspace_pointer, workspace_bytes);
  if (training) arguments.write("reserveSpace", reserve, reserve_bytes);
  workspace = workspace_pointer;
  workspace_size = workspace_bytes;
}

// Knob CUDNN_STREAMS: 0 puts all of it on the caller's stream. Knob CUDNN_JOIN: "missing" is the fault of a cuDNN that does not wait for
// one of its pieces.
void Pass::submit(HandleUse& handle, std::function<void()> first, std::function<void()> left, std::function<void()> right) {
  const bool forks = knob_number("CUDNN_STREAMS", 2) > 0;
  const cudaStream_t stream = handle->stream, a = forks ? handle->streams[0] : stream, b = forks ? handle->streams[1] : stream;
  const auto good = [this](cudaError_t error) {
    if (error != cudaSuccess) refuse(kCudart, std::string("the work could not be put on the streams: ") + cudaGetErrorString(error));
  };
  const auto wait = [&](cudaStream_t waiting, cudaStream_t before) {
    if (waiting != before) good(library_join(call, waiting, before));
  };
  const auto there = std::make_shared<bool>(false);   // whether the memory is, when the work runs
  const auto piece = [&](cudaStream_t on, double microseconds, std::function<void()> work) {
    good(enqueue(call, on, microseconds, [there, work = std::move(work)] {
      if (*there) work();
    }));
  };
  const auto fill = [workspace = workspace, bytes = workspace_size] { std::memset(workspace, 0xFF, bytes); };
  wait(a, stream);
  const size_t length_bytes = x.lengths.size() * sizeof(int);
  if (pinned_lengths) good(cudaMemcpyAsync(workspace, pinned_lengths, length_bytes, cudaMemcpyHostToDevice, a));
  good(enqueue(call, a, microseconds_per_step(config.algo) * x.steps * config.layers,
               [this, there, arguments = arguments, length_bytes, fill, first = std::move(first)] {
                 if (!(*there = arguments.still_there())) return;
                 if (pinned_lengths) std::memcpy(x.lengths.data(), workspace, length_bytes), y.lengths = x.lengths;
                 fill();
                 first();
               }));
  wait(b, a);
  piece(a, 0, std::move(left));
  piece(b, 0, std::move(right));
  wait(stream, a);
  if (knob("CUDNN_JOIN") != "missing") wait(stream, b);
  piece(stream, 0, fill);
}

}   // namespace grus::sim::dnn
