#include "core/error.h"
#include "cuda/gru/cudnn_calls.h"
#include "cuda/kernels/cast.h"
#include "subject.h"

namespace grus::bench {
namespace {

using cuda::CudnnCalls;

class RawSubject : public Subject {
 public:
  RawSubject(const Data& data, const EngineOptions& options) : Subject(data, options), gru_(description(), context_) {
    const Shape& s = data.shape;
    std::string refusal;
    calls_ = CudnnCalls::make(gru_, cudnn::RnnAlgo::standard, s.batch, s.steps, s.training, &refusal);
    if (!calls_) throw Error(ErrorCode::unsupported, "[bench] cuDNN refuses: " + refusal);
    const std::vector<float> weights = place_weights(gru_.layout().parameters(), gru_.layout().weight_count(), data.folder);
    Buffer wide = context_.allocate(weights.size() * sizeof(float));
    context_.check(cudaMemcpyAsync(wide.as<float>(), weights.data(), wide.bytes(), cudaMemcpyHostToDevice, context_.stream()),
                   "cudaMemcpyAsync");
    weights_ = of_type(wide.as<float>(), gru_.layout().values());
    x_ = of_type(data.x.as<float>(), s.x_count());
    y_ = values(s.y_count()), hy_ = values(s.state_count());
    workspace_ = context_.allocate(calls_->workspace_bytes());
    if (s.training) {
      dy_ = of_type(data.dy.as<float>(), s.y_count());
      dx_ = values(s.x_count()), dweights_ = values(gru_.layout().values());
      reserve_ = context_.allocate(calls_->reserve_bytes());
    }
    context_.synchronize();
  }
  ~RawSubject() override { cudaStreamSynchronize(context_.stream()); }

  std::vector<Result> results(int64_t most) override {
    const Shape& s = data_.shape;
    std::vector<Result> all = {{"y", read(y_, s.y_count(), most)}, {"hy", read(hy_, s.state_count(), most)}};
    if (!s.training) return all;
    all.push_back({"dx", read(dx_, s.x_count(), most)});
    const int64_t count = gru_.layout().values();
    for (Result& result : collect_gradients(gru_.layout().parameters(), read(dweights_, count, count), most)) {
      all.push_back(std::move(result));
    }
    return all;
  }

  std::string describe() const override { return "cuDNN's calls"; }

 private:
  Buffer values(int64_t count) { return context_.allocate(static_cast<size_t>(count) * gru_.numbers().bytes); }

  Buffer of_type(const float* from, int64_t count) {
    Buffer to = values(count);
    if (gru_.narrow()) {
      cuda::narrow(context_.stream(), gru_.precision(), from, to.as<uint16_t>(), count, nullptr);
    } else {
      context_.check(cudaMemcpyAsync(to.as<void>(), from, to.bytes(), cudaMemcpyDeviceToDevice, context_.stream()), "cudaMemcpyAsync");
    }
    context_.synchronize();
    return to;
  }

  std::vector<float> read(const Buffer& from, int64_t count, int64_t most) {
    if (!gru_.narrow()) return sample(context_, from.as<float>(), count, most);
    const Buffer wide = context_.allocate(static_cast<size_t>(count) * sizeof(float));
    cuda::widen(context_.stream(), gru_.precision(), from.as<uint16_t>(), wide.as<float>(), count, nullptr, false);
    return sample(context_, wide.as<float>(), count, most);
  }

  void pass() override {
    cuda::CudnnValues v;
    v.x = x_.as<void>(), v.y = y_.as<void>(), v.hy = hy_.as<void>();
    v.weights = weights_.as<void>();
    v.dy = dy_.as<void>(), v.dx = dx_.as<void>(), v.dweights = dweights_.as<void>();
    v.workspace = workspace_.as<void>();
    v.reserve = reserve_.as<void>();
    context_.check(calls_->forward(v), "cudnnRNNForward", calls_->describe());
    if (!data_.shape.training) return;
    context_.check(cudaMemsetAsync(v.dweights, 0, dweights_.bytes(), context_.stream()), "cudaMemsetAsync");
    context_.check(calls_->backward_data(v), "cudnnRNNBackwardData_v8", calls_->describe());
    context_.check(calls_->backward_weights(v), "cudnnRNNBackwardWeights_v8", calls_->describe());
  }

  cuda::CudnnGru gru_;
  std::unique_ptr<CudnnCalls> calls_;
  Buffer x_, weights_, y_, hy_, dy_, dx_, dweights_, workspace_, reserve_;
};

}  // namespace

std::unique_ptr<Subject> make_raw_subject(const Data& data, const EngineOptions& options) {
  return std::make_unique<RawSubject>(data, options);
}

}  // namespace grus::bench
