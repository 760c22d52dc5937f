#include "trial_run.h"

#include <algorithm>
#include <cmath>

#include "../kernels/cast.h"

namespace grus::cuda {
namespace {

// Without what lies between them, which cuDNN may leave as it likes.
std::vector<float> gates_of(const CudnnLayout& layout, const std::vector<float>& space) {
  std::vector<float> gates;
  for (const GruParameter& parameter : layout.parameters()) {
    for (const int64_t offset : parameter.gate_offset) {
      const auto first = space.begin() + static_cast<std::ptrdiff_t>(offset);
      gates.insert(gates.end(), first, first + static_cast<std::ptrdiff_t>(parameter.rows / 3 * parameter.cols));
    }
  }
  return gates;
}

}  // namespace

TrialRun::TrialRun(CudnnGru& gru, int batch, int steps, bool training)
    : gru_(gru), context_(gru.context()), training_(training), x_count_(int64_t{batch} * steps * gru.input()),
      y_count_(int64_t{batch} * steps * gru.width()), state_count_(gru.state_count(batch)), weight_count_(gru.layout().values()) {
  if (gru.narrow()) {
    const int64_t most = std::max({x_count_, y_count_, state_count_, weight_count_});
    staging_ = context_.allocate(static_cast<size_t>(most) * sizeof(float));
  }
  x_ = values(x_count_), y_ = values(y_count_);
  hx_ = values(state_count_), hy_ = values(state_count_);
  weights_ = values(weight_count_);
  fill(x_, x_count_, 1);
  fill(hx_, state_count_, 1);
  fill(weights_, weight_count_, 1 / std::sqrt(static_cast<float>(gru.hidden())));
  if (!training) return;
  dy_ = values(y_count_), dhy_ = values(state_count_);
  dx_ = values(x_count_), dhx_ = values(state_count_), dweights_ = values(weight_count_);
  fill(dy_, y_count_, 0.1f);   // sums of many of them stay far below what float16 holds
  fill(dhy_, state_count_, 0.1f);
}

TrialRun::~TrialRun() { cudaStreamSynchronize(context_.stream()); }

Buffer TrialRun::values(int64_t count) { return context_.allocate(static_cast<size_t>(count) * gru_.numbers().bytes); }

void TrialRun::fill(const Buffer& values, int64_t count, float range) {
  std::vector<float> host(static_cast<size_t>(count));
  for (float& value : host) {
    random_ = random_ * 1664525u + 1013904223u;
    value = range * (static_cast<float>(random_ >> 8) * 0x1p-23f - 1);
  }
  float* target = gru_.narrow() ? staging_.as<float>() : values.as<float>();
  context_.check(cudaMemcpyAsync(target, host.data(), host.size() * sizeof(float), cudaMemcpyHostToDevice, context_.stream()),
                 "cudaMemcpyAsync");
  if (gru_.narrow()) narrow(context_.stream(), gru_.precision(), target, values.as<uint16_t>(), count, nullptr);
  context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
}

void TrialRun::make_room(const CudnnCalls& calls) {
  const auto grow = [&](Buffer& buffer, size_t bytes) {
    if (buffer.bytes() >= bytes) return;
    context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
    buffer = Buffer();
    buffer = context_.allocate(bytes);
  };
  grow(workspace_, calls.workspace_bytes());
  grow(reserve_, calls.reserve_bytes());
}

cudnn::Status TrialRun::enqueue(CudnnCalls& calls, bool states) {
  make_room(calls);
  CudnnValues v;
  v.x = x_.as<void>(), v.y = y_.as<void>();
  if (states) v.hx = hx_.as<void>(), v.hy = hy_.as<void>();
  v.weights = weights_.as<void>();
  v.dy = dy_.as<void>();
  if (states) v.dhy = dhy_.as<void>(), v.dhx = dhx_.as<void>();
  v.dx = dx_.as<void>(), v.dweights = dweights_.as<void>();
  v.workspace = workspace_.as<void>();
  v.reserve = training_ ? reserve_.as<void>() : nullptr;
  cudnn::Status status = calls.forward(v);
  if (!training_ || status != cudnn::Status::success) return status;
  context_.check(cudaMemsetAsync(v.dweights, 0, static_cast<size_t>(weight_count_) * gru_.numbers().bytes, context_.stream()),
                 "cudaMemsetAsync");
  status = calls.backward_data(v);
  return status == cudnn::Status::success ? calls.backward_weights(v) : status;
}

std::vector<float> TrialRun::read(const Buffer& values, int64_t count) {
  std::vector<float> host(static_cast<size_t>(count));
  const float* source = values.as<float>();
  if (gru_.narrow()) {
    widen(context_.stream(), gru_.precision(), values.as<uint16_t>(), staging_.as<float>(), count, nullptr, false);
    source = staging_.as<float>();
  }
  context_.check(cudaMemcpyAsync(host.data(), source, host.size() * sizeof(float), cudaMemcpyDeviceToHost, context_.stream()),
                 "cudaMemcpyAsync");
  context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
  return host;
}

std::vector<std::vector<float>> TrialRun::results() {
  std::vector<std::vector<float>> all;
  all.push_back(read(y_, y_count_));
  all.push_back(read(hy_, state_count_));
  if (!training_) return all;
  all.push_back(read(dx_, x_count_));
  all.push_back(read(dhx_, state_count_));
  all.push_back(gates_of(gru_.layout(), read(dweights_, weight_count_)));
  return all;
}

}  // namespace grus::cuda
