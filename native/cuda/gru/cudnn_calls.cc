#include "cudnn_calls.h"

#include <algorithm>
#include <climits>

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

std::unique_ptr<CudnnCalls> CudnnCalls::make(CudnnGru& gru, cudnn::RnnAlgo algorithm, int batch, int steps, bool training, bool ragged,
                                             std::string* refusal) {
  expect_small(gru, batch, steps);
  const cudnn::RnnDescriptor rnn = gru.find(algorithm, batch, refusal);
  if (!rnn) return nullptr;
  std::unique_ptr<CudnnCalls> calls(new CudnnCalls(gru, rnn, algorithm, batch, steps, training));
  return calls->measure(ragged, refusal) ? std::move(calls) : nullptr;
}

CudnnCalls::CudnnCalls(CudnnGru& gru, cudnn::RnnDescriptor rnn, cudnn::RnnAlgo algorithm, int batch, int steps, bool training)
    : gru_(gru), context_(gru.context()), rnn_(rnn), algorithm_(algorithm), batch_(batch), steps_(steps), training_(training),
      x_(make_rnn_data(context_)), y_(make_rnn_data(context_)),
      state_(make_state(context_, gru.numbers().type, gru.blocks(), batch, static_cast<int>(gru.hidden()))) {}

void CudnnCalls::describe_data(const std::vector<int32_t>& lengths) {
  if (lengths == lengths_) return;
  double zero = 0;   // the fill of y beyond a row's length: all its bits are 0, so it is zero in every type
  const auto layout = cudnn::RnnDataLayout::seq_major_unpacked;
  const auto set = [&](const RnnData& data, int64_t width, void* fill) {
    context_.check(context_.cudnn().SetRNNDataDescriptor(data.get(), gru_.numbers().type, layout, steps_, batch_, static_cast<int>(width),
                                                         lengths.data(), fill),
                   "cudnnSetRNNDataDescriptor", describe());
  };
  lengths_.clear();   // stays so when one of them fails
  set(x_, gru_.input(), nullptr);
  set(y_, gru_.width(), &zero);
  lengths_ = lengths;
}

cudnn::Status CudnnCalls::sizes(size_t* workspace, size_t* reserve) {
  const auto mode = training_ ? cudnn::ForwardMode::training : cudnn::ForwardMode::inference;
  return context_.cudnn().GetRNNTempSpaceSizes(context_.cudnn_handle(), rnn_, mode, x_.get(), workspace, reserve);
}

// Sizes need not grow with the data, and rows of one length may be spared what others need: with ragged rows the room is what full rows,
// rows of every length, and rows of which one is a step short need, whichever is most.
bool CudnnCalls::measure(bool ragged, std::string* refusal) {
  std::vector<int32_t> lengths(static_cast<size_t>(batch_), steps_);
  for (int round = 0; round < (ragged ? 3 : 1); ++round) {
    describe_data(lengths);
    size_t workspace = 0, reserve = 0;
    const cudnn::Status status = sizes(&workspace, &reserve);
    const cudnn::Category category = cudnn::category(status);
    const bool other = algorithm_ != cudnn::RnnAlgo::standard;   // whatever its reason is, standard can take its place
    if (category == cudnn::Category::not_supported || category == cudnn::Category::bad_parameter ||
        (other && status != cudnn::Status::success)) {
      if (refusal) *refusal = explain(context_, status);
      return false;
    }
    context_.check(status, "cudnnGetRNNTempSpaceSizes", describe());
    workspace_bytes_ = std::max(workspace_bytes_, workspace);
    reserve_bytes_ = std::max(reserve_bytes_, reserve);
    for (int row = 0; row < batch_; ++row) {
      const int64_t shorter = round == 0 ? int64_t{row} * (steps_ - 1) / std::max(1, batch_ - 1) : row + 1 == batch_ && steps_ > 1;
      lengths[static_cast<size_t>(row)] = static_cast<int32_t>(steps_ - shorter);
    }
  }
  return true;
}

void CudnnCalls::set_lengths(const std::vector<int32_t>& lengths) {
  if (lengths == lengths_) return;
  describe_data(lengths);
  size_t workspace = 0, reserve = 0;
  context_.check(sizes(&workspace, &reserve), "cudnnGetRNNTempSpaceSizes", describe());
  if (workspace > workspace_bytes_ || reserve > reserve_bytes_) {
    throw Error(ErrorCode::unsupported, "[gru] expected cuDNN to need no more than " + std::to_string(workspace_bytes_) + " + " +
                                            std::to_string(reserve_bytes_) + " bytes for rows of these lengths, got " +
                                            std::to_string(workspace) + " + " + std::to_string(reserve) +
                                            "; use batches of rows of one length, or device 'cpu'");
  }
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
