#include "cudnn_calls.h"

#include <algorithm>
#include <climits>
#include <vector>

#include "../../core/error.h"

namespace grus::cuda {
namespace {

void expect_small(const CudnnGru& gru, int batch, int steps) {
  const int64_t rows = int64_t{batch} * steps;
  const int64_t widest = std::max(gru.input(), gru.width());
  if (rows > INT_MAX / widest || gru.state_count(1) > INT_MAX / std::max(batch, 1)) {
    throw Error(ErrorCode::unsupported, "[gru] expected sequences of fewer than 2^31 values for cuDNN, got " + std::to_string(steps) +
                                            " steps of " + std::to_string(batch) + " rows of " + std::to_string(widest) +
                                            "; use a smaller batch or shorter sequences");
  }
}

}  // namespace

std::unique_ptr<CudnnCalls> CudnnCalls::make(CudnnGru& gru, cudnn::RnnAlgo algorithm, int batch, int steps, bool training,
                                             std::string* refusal) {
  expect_small(gru, batch, steps);
  const cudnn::RnnDescriptor rnn = gru.find(algorithm, batch, refusal);
  if (!rnn) return nullptr;
  std::unique_ptr<CudnnCalls> calls(new CudnnCalls(gru, rnn, algorithm, batch, steps, training));
  return calls->measure(refusal) ? std::move(calls) : nullptr;
}

CudnnCalls::CudnnCalls(CudnnGru& gru, cudnn::RnnDescriptor rnn, cudnn::RnnAlgo algorithm, int batch, int steps, bool training)
    : gru_(gru), context_(gru.context()), rnn_(rnn), algorithm_(algorithm), batch_(batch), steps_(steps), training_(training),
      x_(make_rnn_data(context_)), y_(make_rnn_data(context_)),
      state_(make_state(context_, gru.numbers().type, gru.blocks(), batch, static_cast<int>(gru.hidden()))) {}

cudnn::Status CudnnCalls::describe_data() {
  const std::vector<int32_t> lengths(static_cast<size_t>(batch_), steps_);
  const auto set = [&](const RnnData& data, int64_t width) {
    return context_.cudnn().SetRNNDataDescriptor(data.get(), gru_.numbers().type, cudnn::RnnDataLayout::seq_major_unpacked, steps_, batch_,
                                                 static_cast<int>(width), lengths.data(), nullptr);
  };
  const cudnn::Status status = set(x_, gru_.input());
  return status == cudnn::Status::success ? set(y_, gru_.width()) : status;
}

bool CudnnCalls::measure(std::string* refusal) {
  const auto mode = training_ ? cudnn::ForwardMode::training : cudnn::ForwardMode::inference;
  const char* call = "cudnnSetRNNDataDescriptor";
  cudnn::Status status = describe_data();
  if (status == cudnn::Status::success) {
    call = "cudnnGetRNNTempSpaceSizes";
    status = context_.cudnn().GetRNNTempSpaceSizes(context_.cudnn_handle(), rnn_, mode, x_.get(), &workspace_bytes_, &reserve_bytes_);
  }
  const cudnn::Category category = cudnn::category(status);
  const bool other = algorithm_ != cudnn::RnnAlgo::standard;   // whatever its reason is, standard can take its place
  if (category == cudnn::Category::not_supported || category == cudnn::Category::bad_parameter ||
      (other && status != cudnn::Status::success)) {
    if (refusal) *refusal = explain(context_, status);
    return false;
  }
  context_.check(status, call, describe());
  return true;
}

cudnn::Status CudnnCalls::forward(const CudnnValues& v) {
  const auto mode = training_ ? cudnn::ForwardMode::training : cudnn::ForwardMode::inference;
  return context_.cudnn().RNNForward(context_.cudnn_handle(), rnn_, mode, nullptr, x_.get(), v.x, y_.get(), v.y, state_.get(), v.hx, v.hy,
                                     state_.get(), nullptr, nullptr, gru_.layout().bytes(), v.weights, workspace_bytes_, v.workspace,
                                     reserve_bytes_, v.reserve);
}

cudnn::Status CudnnCalls::backward_data(const CudnnValues& v) {
  return context_.cudnn().RNNBackwardData_v8(context_.cudnn_handle(), rnn_, nullptr, y_.get(), v.y, v.dy, x_.get(), v.dx, state_.get(),
                                             v.hx, v.dhy, v.dhx, state_.get(), nullptr, nullptr, nullptr, gru_.layout().bytes(),
                                             v.weights, workspace_bytes_, v.workspace, reserve_bytes_, v.reserve);
}

cudnn::Status CudnnCalls::backward_weights(const CudnnValues& v) {
  return context_.cudnn().RNNBackwardWeights_v8(context_.cudnn_handle(), rnn_, cudnn::WgradMode::add, nullptr, x_.get(), v.x, state_.get(),
                                                v.hx, y_.get(), v.y, gru_.layout().bytes(), v.dweights, workspace_bytes_, v.workspace,
                                                reserve_bytes_, v.reserve);
}

std::string CudnnCalls::describe() const {
  return gru_.describe() + ", batch " + std::to_string(batch_) + ", steps " + std::to_string(steps_) + ", " + name_of(algorithm_);
}

}  // namespace grus::cuda
