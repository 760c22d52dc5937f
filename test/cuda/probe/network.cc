#include "network.h"

#include <algorithm>
#include <cstring>

#include "core/half.h"

namespace probe {
namespace {

constexpr size_t kSlack = 256;   // room to shift an array in, and for what reads a little too far

float widen(const Kind& kind, const uint8_t* value) {
  uint32_t word = 0;
  std::memcpy(&word, value, kind.bytes);
  if (kind.bytes == 4) return float_from_bits(word);
  return kind.type == cudnn::DataType::float16 ? from_float16(static_cast<uint16_t>(word)) : from_bfloat16(static_cast<uint16_t>(word));
}

void narrow(const Kind& kind, float value, uint8_t* to) {
  uint32_t word = float_bits(value);
  if (kind.bytes == 2) word = kind.type == cudnn::DataType::float16 ? to_float16(value) : to_bfloat16(value);
  std::memcpy(to, &word, kind.bytes);
}

const std::vector<Array>& results(bool training) {
  static const std::vector<Array> inference{Y, HY}, all{Y, HY, DX, DHX, DWEIGHTS};
  return training ? all : inference;
}

}  // namespace

std::string status_text(Context& context, Status status) {
  return status == Status::success ? "success" : std::to_string(static_cast<int>(status)) + " " + cuda::explain(context, status);
}

Network::Network(Context& context, const Shape& shape)
    : context_(context), shape_(shape), dropout_(cuda::make_no_dropout(context)), rnn_(cuda::make_rnn(context)),
      x_(cuda::make_rnn_data(context)), y_(cuda::make_rnn_data(context)),
      state_(cuda::make_state(context, shape.kind.type, shape.layers * shape.directions, shape.batch, shape.hidden)) {
  refused_ = describe();
  if (refused_.good) allocate();
}

Network::~Network() { cudaDeviceSynchronize(); }

Status Network::describe_data(cudnn::RnnDataDescriptor data, const Shape& shape, int width) {
  std::vector<int32_t> lengths = shape.lengths;
  if (lengths.empty()) lengths.assign(static_cast<size_t>(shape.batch), shape.steps);
  uint64_t fill = 0;
  if (shape.fill == Fill::one_and_a_half) narrow(shape.kind, 1.5f, reinterpret_cast<uint8_t*>(&fill));
  return context_.cudnn().SetRNNDataDescriptor(data, shape.kind.type, shape.layout, shape.steps, shape.batch, width, lengths.data(),
                                               shape.fill == Fill::none ? nullptr : &fill);
}

Outcome Network::describe() {
  const cudnn::Api& api = context_.cudnn();
  const cudnn::Handle handle = context_.cudnn_handle();
  const Shape& s = shape_;
  const auto direction = s.directions == 2 ? cudnn::DirectionMode::bidirectional : cudnn::DirectionMode::unidirectional;
  Outcome last;
  const auto good = [&](const char* call, Status status) {
    last = outcome(call, status);
    return last.good;
  };
  size_t none = 0;
  (void)(good("cudnnSetRNNDescriptor_v8",
              api.SetRNNDescriptor_v8(rnn_.get(), s.algo, cudnn::RnnMode::gru, s.bias, direction, cudnn::RnnInputMode::linear, s.kind.type,
                                      cudnn::DataType::float32, s.kind.math, s.inputs, s.hidden, s.hidden, s.layers, dropout_.get(),
                                      s.flags)) &&
         good("cudnnSetRNNDataDescriptor of x", describe_data(x_.get(), s, s.inputs)) &&
         good("cudnnSetRNNDataDescriptor of y", describe_data(y_.get(), s, s.hidden * s.directions)) &&
         (s.algo != cudnn::RnnAlgo::persist_dynamic ||
          good("cudnnBuildRNNDynamic", api.BuildRNNDynamic(handle, rnn_.get(), s.batch))) &&
         good("cudnnGetRNNWeightSpaceSize", api.GetRNNWeightSpaceSize(handle, rnn_.get(), &weight_bytes)) &&
         good("cudnnGetRNNTempSpaceSizes, inference", api.GetRNNTempSpaceSizes(handle, rnn_.get(), cudnn::ForwardMode::inference, x_.get(),
                                                                              &inference_workspace_, &none)) &&
         (!s.training ||
          good("cudnnGetRNNTempSpaceSizes, training", api.GetRNNTempSpaceSizes(handle, rnn_.get(), cudnn::ForwardMode::training, x_.get(),
                                                                              &workspace_bytes, &reserve_bytes))));
  return last;
}

size_t Network::count(Array array) const {
  const auto size = [](int value) { return static_cast<size_t>(value); };
  const size_t rows = size(shape_.batch) * size(shape_.steps), outputs = size(shape_.hidden) * size(shape_.directions);
  switch (array) {
    case X: case DX: return rows * size(shape_.inputs);
    case Y: case DY: return rows * outputs;
    case HX: case HY: case DHY: case DHX: return size(shape_.layers) * size(shape_.batch) * outputs;
    default: return array_bytes(array) / shape_.kind.bytes;
  }
}

size_t Network::array_bytes(Array array) const {
  if (array == WORKSPACE) return std::max(inference_workspace_, workspace_bytes);
  if (array == RESERVE) return reserve_bytes;
  if (array == WEIGHTS || array == DWEIGHTS) return weight_bytes;
  return count(array) * shape_.kind.bytes;
}

void Network::allocate() {
  for (int array = 0; array < ARRAYS; ++array) {
    rooms_[static_cast<size_t>(array)] = context_.allocate(array_bytes(static_cast<Array>(array)) + kSlack);
  }
  randomize();
}

void Network::randomize() {
  for (const Array array : {X, HX, DY, DHY, WEIGHTS}) {
    uint32_t random = 1 + static_cast<uint32_t>(array);
    const float range = array == WEIGHTS ? 1 / std::sqrt(static_cast<float>(shape_.hidden)) : array == DY || array == DHY ? 0.1f : 1.0f;
    Floats values(count(array));
    for (float& value : values) {
      random = random * 1664525u + 1013904223u;
      value = range * (static_cast<float>(random >> 8) * 0x1p-23f - 1);
    }
    write(array, values);
  }
}

std::vector<uint8_t> Network::bytes(Array array) const {
  std::vector<uint8_t> host(count(array) * shape_.kind.bytes);
  const char* from = rooms_[array].as<char>() + shifts_[array];
  context_.check(cudaMemcpyAsync(host.data(), from, host.size(), cudaMemcpyDeviceToHost, context_.stream()), "cudaMemcpyAsync");
  context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
  return host;
}

Floats Network::read(Array array) const {
  const std::vector<uint8_t> host = bytes(array);
  Floats values(count(array));
  for (size_t i = 0; i < values.size(); ++i) values[i] = widen(shape_.kind, &host[i * shape_.kind.bytes]);
  return values;
}

void Network::write(Array array, const Floats& values) {
  std::vector<uint8_t> host(values.size() * shape_.kind.bytes);
  for (size_t i = 0; i < values.size(); ++i) narrow(shape_.kind, values[i], &host[i * shape_.kind.bytes]);
  char* to = rooms_[array].as<char>() + shifts_[array];
  context_.check(cudaMemcpyAsync(to, host.data(), host.size(), cudaMemcpyHostToDevice, context_.stream()), "cudaMemcpyAsync");
  context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
}

void Network::shift(Array array, size_t by) {
  const Floats values = read(array);
  shifts_[array] = by;
  write(array, values);
}

Status Network::forward(bool training) {
  const auto mode = training ? cudnn::ForwardMode::training : cudnn::ForwardMode::inference;
  return context_.cudnn().RNNForward(context_.cudnn_handle(), rnn_.get(), mode, nullptr, x_.get(), at(X), y_.get(), at(Y), state_.get(),
                                     at(HX), at(HY), state_.get(), nullptr, nullptr, weight_bytes, at(WEIGHTS),
                                     training ? workspace_bytes : inference_workspace_, at(WORKSPACE), training ? reserve_bytes : 0,
                                     training ? at(RESERVE) : nullptr);
}

Status Network::backward_data() {
  return context_.cudnn().RNNBackwardData_v8(context_.cudnn_handle(), rnn_.get(), nullptr, y_.get(), at(Y), at(DY), x_.get(), at(DX),
                                             state_.get(), at(HX), at(DHY), at(DHX), state_.get(), nullptr, nullptr, nullptr, weight_bytes,
                                             at(WEIGHTS), workspace_bytes, at(WORKSPACE), reserve_bytes, at(RESERVE));
}

Status Network::backward_weights(cudnn::WgradMode mode) {
  return context_.cudnn().RNNBackwardWeights_v8(context_.cudnn_handle(), rnn_.get(), mode, nullptr, x_.get(), at(X), state_.get(), at(HX),
                                                y_.get(), at(Y), weight_bytes, at(DWEIGHTS), workspace_bytes, at(WORKSPACE), reserve_bytes,
                                                at(RESERVE));
}

Outcome Network::outcome(const char* call, Status status) {
  if (status != Status::success) return {false, std::string(call) + ": " + status_text(context_, status)};
  const cudaError_t error = cudaStreamSynchronize(context_.stream());
  if (error != cudaSuccess) return {false, std::string(call) + ": success, then " + cudaGetErrorName(error)};
  return {};
}

Outcome Network::pass(bool training) {
  if (!refused_.good) return refused_;
  Outcome last = outcome("cudnnRNNForward", forward(training));
  if (!training || !last.good) return last;
  context_.check(cudaMemsetAsync(at(DWEIGHTS), 0, weight_bytes, context_.stream()), "cudaMemsetAsync");
  last = outcome("cudnnRNNBackwardData_v8", backward_data());
  return last.good ? outcome("cudnnRNNBackwardWeights_v8", backward_weights()) : last;
}

double apart(const Floats& a, const Floats& b) {
  double worst = a.size() == b.size() ? 0 : NAN, largest = 0;
  for (const float v : b) largest = std::max(largest, std::fabs(static_cast<double>(v)));
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (std::isnan(error)) return NAN;
    worst = std::max(worst, error);
  }
  return worst == 0 ? 0 : worst / largest;
}

Json differences(const Network& a, const Network& b, bool training) {
  double worst = 0;
  for (const Array array : results(training)) {
    Floats ours = a.read(array), theirs = b.read(array);
    const size_t common = std::min(ours.size(), theirs.size());   // weight spaces may end with more than the weights
    ours.resize(common), theirs.resize(common);
    const double now = apart(ours, theirs);
    if (std::isnan(now)) return now;
    worst = std::max(worst, now);
  }
  return worst;
}

bool same_bits(const Network& a, const Network& b, bool training) {
  const auto same = [&](Array array) { return a.bytes(array) == b.bytes(array); };
  return std::all_of(results(training).begin(), results(training).end(), same);
}

uint64_t fingerprint(const Network& network, bool training) {   // FNV-1a
  uint64_t hash = 14695981039346656037u;
  for (const Array array : results(training)) {
    for (const uint8_t byte : network.bytes(array)) hash = (hash ^ byte) * 1099511628211u;
  }
  return hash;
}

}  // namespace probe
