#include "cuda/gru/plans.h"
#include "subject.h"

namespace grus::bench {
namespace {

class PlanSubject : public Subject {
 public:
  PlanSubject(const Data& data, const EngineOptions& options)
      : Subject(data, options), plan_(cuda::make_cudnn_gru(description(), context_, nullptr)) {
    const Shape& s = data.shape;
    const std::vector<float> weights = place_weights(plan_->parameters(), plan_->weight_count(), data.folder);
    weights_ = floats(static_cast<int64_t>(plan_->weight_count()));
    context_.check(cudaMemcpyAsync(weights_.as<float>(), weights.data(), weights_.bytes(), cudaMemcpyHostToDevice, context_.stream()),
                   "cudaMemcpyAsync");
    context_.synchronize();
    y_ = floats(s.y_count()), hy_ = floats(s.state_count());
    if (s.training) {
      dx_ = floats(s.x_count()), dweights_ = floats(static_cast<int64_t>(plan_->weight_count()));
      reserve_ = context_.allocate(plan_->reserve_bytes(s.batch, s.steps, false));
    }
    workspace_ = context_.allocate(plan_->workspace_bytes(s.batch, s.steps, s.training, false));
  }
  ~PlanSubject() override { cudaStreamSynchronize(context_.stream()); }

  std::vector<Result> results(int64_t most) override {
    const Shape& s = data_.shape;
    std::vector<Result> all = {{"y", sample(context_, y_.as<float>(), s.y_count(), most)},
                               {"hy", sample(context_, hy_.as<float>(), s.state_count(), most)}};
    if (!s.training) return all;
    all.push_back({"dx", sample(context_, dx_.as<float>(), s.x_count(), most)});
    const auto count = static_cast<int64_t>(plan_->weight_count());
    for (Result& result : collect_gradients(plan_->parameters(), sample(context_, dweights_.as<float>(), count, count), most)) {
      all.push_back(std::move(result));
    }
    return all;
  }

  std::string describe() const override { return "GruPlan"; }

 private:
  Buffer floats(int64_t count) { return context_.allocate(static_cast<size_t>(count) * sizeof(float)); }

  void pass() override {
    const Shape& s = data_.shape;
    GruForward f;
    f.training = s.training;
    f.batch = s.batch, f.steps = s.steps;
    f.x = data_.x.as<float>();
    f.weights = weights_.as<float>();
    f.weights_version = 1;
    f.y = y_.as<float>(), f.hy = hy_.as<float>();
    f.reserve = s.training ? reserve_.as<void>() : nullptr;
    f.workspace = workspace_.as<void>();
    plan_->forward(f);
    if (!s.training) return;
    GruBackward b;
    b.batch = f.batch, b.steps = f.steps;
    b.x = f.x, b.y = f.y, b.weights = f.weights, b.weights_version = f.weights_version;
    b.dy = data_.dy.as<float>();
    b.dx = dx_.as<float>();
    b.dweights = dweights_.as<float>();
    b.reserve = f.reserve, b.workspace = f.workspace;
    context_.check(cudaMemsetAsync(b.dweights, 0, dweights_.bytes(), context_.stream()), "cudaMemsetAsync");
    plan_->backward(b);
  }

  std::unique_ptr<GruPlan> plan_;
  Buffer weights_, y_, hy_, dx_, dweights_, reserve_, workspace_;
};

}  // namespace

std::unique_ptr<Subject> make_plan_subject(const Data& data, const EngineOptions& options) {
  return std::make_unique<PlanSubject>(data, options);
}

}  // namespace grus::bench
