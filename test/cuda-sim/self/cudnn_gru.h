#pragma once
#include <memory>

#include "cudnn_network.h"

namespace network {

struct Options {
  int steps = 5, batch = 3, inputs = 4, hidden = 3, layers = 1;
  DirectionMode direction = DirectionMode::unidirectional;
  RnnAlgo algo = RnnAlgo::standard;
  RnnBiasMode bias = RnnBiasMode::double_bias;
  DataType type = DataType::float64, math_prec = DataType::float64;
  MathType math = MathType::fma;
  RnnDataLayout layout = RnnDataLayout::seq_major_unpacked;
  uint32_t flags = kPaddedIoEnabled;
  std::vector<int> lengths;   // empty: full
  int directions() const { return direction == DirectionMode::bidirectional ? 2 : 1; }
};

// The descriptors, memory and three calls of one network. Statuses are the caller's to look at.
class Gru {
 public:
  explicit Gru(const Options& o) : options(o) {
    if (options.lengths.empty()) options.lengths.assign(static_cast<size_t>(o.batch), o.steps);
    cudaStreamCreate(&stream);
    api().Create(&handle);
    api().SetStream(handle, stream);
    api().CreateRNNDescriptor(&rnn);
    api().CreateRNNDataDescriptor(&x_desc);
    api().CreateRNNDataDescriptor(&y_desc);
    api().CreateTensorDescriptor(&h_desc);
    set = api().SetRNNDescriptor_v8(rnn, o.algo, RnnMode::gru, o.bias, o.direction, RnnInputMode::linear, o.type, o.math_prec, o.math,
                                    o.inputs, o.hidden, o.hidden, o.layers, nullptr, o.flags);
    if (o.algo == RnnAlgo::persist_dynamic) api().BuildRNNDynamic(handle, rnn, o.batch);
    const int width = o.hidden * o.directions(), states = o.layers * o.directions();
    const int dims[] = {states, o.batch, o.hidden}, strides[] = {o.batch * o.hidden, o.hidden, 1};
    api().SetRNNDataDescriptor(x_desc, o.type, o.layout, o.steps, o.batch, o.inputs, options.lengths.data(), nullptr);
    api().SetRNNDataDescriptor(y_desc, o.type, o.layout, o.steps, o.batch, width, options.lengths.data(), fill);
    api().SetTensorNdDescriptor(h_desc, o.type, 3, dims, strides);
    api().GetRNNWeightSpaceSize(handle, rnn, &weight_bytes);
    sizes = api().GetRNNTempSpaceSizes(handle, rnn, ForwardMode::training, x_desc, &workspace_bytes, &reserve_bytes);
    size_t inference_bytes = 0;   // may well be more
    api().GetRNNTempSpaceSizes(handle, rnn, ForwardMode::inference, x_desc, &inference_bytes, nullptr);
    workspace_bytes = std::max(workspace_bytes, inference_bytes);
    const size_t rows = static_cast<size_t>(o.steps) * o.batch, state = static_cast<size_t>(states) * o.batch * o.hidden;
    const auto array = [&](size_t count) { return std::make_unique<Array>(o.type, count); };
    x = array(rows * o.inputs), dx = array(rows * o.inputs), y = array(rows * width), dy = array(rows * width);
    hx = array(state), hy = array(state), dhx = array(state), dhy = array(state);
    weights = array(weight_bytes / grus::sim::dnn::size_of(o.type)), dweights = array(weight_bytes / grus::sim::dnn::size_of(o.type));
    cudaMalloc(&workspace, workspace_bytes);
    cudaMalloc(&reserve, reserve_bytes);
    x->set(random(rows * o.inputs, 1));
    dy->set(random(rows * width, 2));
    hx->set(random(state, 3));
    dhy->set(random(state, 4));
    weights->set(random(weight_bytes / grus::sim::dnn::size_of(o.type), 5, 0.7));
    dweights->set(Values(weight_bytes / grus::sim::dnn::size_of(o.type), 0.0));
  }
  ~Gru() {
    cudaStreamSynchronize(stream);
    cudaFree(workspace);
    cudaFree(reserve);
    api().DestroyRNNDescriptor(rnn);
    api().DestroyRNNDataDescriptor(x_desc);
    api().DestroyRNNDataDescriptor(y_desc);
    api().DestroyTensorDescriptor(h_desc);
    api().Destroy(handle);
    cudaStreamDestroy(stream);
  }

  Status forward(ForwardMode mode = ForwardMode::training) {
    return api().RNNForward(handle, rnn, mode, nullptr, x_desc, x->data(), y_desc, y->data(), h_desc, hx->data(), hy->data(), nullptr,
                            nullptr, nullptr, weight_bytes, weights->data(), workspace_bytes, workspace, reserve_bytes, reserve);
  }
  Status backward_data() {
    return api().RNNBackwardData_v8(handle, rnn, nullptr, y_desc, y->data(), dy->data(), x_desc, dx->data(), h_desc, hx->data(),
                                    dhy->data(), dhx->data(), nullptr, nullptr, nullptr, nullptr, weight_bytes, weights->data(),
                                    workspace_bytes, workspace, reserve_bytes, reserve);
  }
  Status backward_weights() {
    return api().RNNBackwardWeights_v8(handle, rnn, WgradMode::add, nullptr, x_desc, x->data(), h_desc, hx->data(), y_desc, y->data(),
                                       weight_bytes, dweights->data(), workspace_bytes, workspace, reserve_bytes, reserve);
  }
  void synchronize() { cudaStreamSynchronize(stream); }
  // all three; the worst category
  int train() {
    const int worst = std::max({category_of(forward()), category_of(backward_data()), category_of(backward_weights())});
    synchronize();
    return worst;
  }

  Options options;
  cudaStream_t stream = nullptr;
  Handle handle = nullptr;
  RnnDescriptor rnn = nullptr;
  RnnDataDescriptor x_desc = nullptr, y_desc = nullptr;
  TensorDescriptor h_desc = nullptr;
  Status set{}, sizes{};
  size_t weight_bytes = 0, workspace_bytes = 0, reserve_bytes = 0;
  std::unique_ptr<Array> x, dx, y, dy, hx, hy, dhx, dhy, weights, dweights;
  void *workspace = nullptr, *reserve = nullptr;
  double fill[1] = {0};
};

}   // namespace network
