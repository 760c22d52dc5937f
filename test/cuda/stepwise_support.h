#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backend.h"
#include "check.h"
#include "core/error.h"
#include "cuda/context.h"
#include "cuda/gru/plans.h"

// One problem for a GRU, and what a plan makes of it on its own device. Everything a plan may write or keep is NaN beforehand, and a
// stretch behind each block of memory shows when something was written there.
namespace stepwise {

using Floats = std::vector<float>;
using Lengths = std::vector<int32_t>;

class Engine {   // a device and a way to make plans on it
 public:
  virtual ~Engine() = default;
  virtual grus::Buffer allocate(size_t bytes) = 0;
  virtual void upload(void* destination, const void* source, size_t bytes) = 0;
  virtual void download(void* destination, const void* source, size_t bytes) = 0;
  virtual std::unique_ptr<grus::GruPlan> make(const grus::GruDescription&) = 0;
  virtual bool keeps_gaps() const { return true; }   // what lies between the weights' gradients is left alone
};

class BackendEngine : public Engine {   // whichever plan the backend chooses
 public:
  explicit BackendEngine(std::unique_ptr<grus::Backend> backend) : backend_(std::move(backend)) {}
  grus::Buffer allocate(size_t bytes) override { return backend_->allocate(bytes); }
  void upload(void* destination, const void* source, size_t bytes) override { backend_->upload(destination, source, bytes); }
  void download(void* destination, const void* source, size_t bytes) override { backend_->download(destination, source, bytes); }
  std::unique_ptr<grus::GruPlan> make(const grus::GruDescription& d) override { return backend_->make_gru(d); }

 private:
  std::unique_ptr<grus::Backend> backend_;
};

class StepwiseEngine : public Engine {   // stepwise whatever the description
 public:
  explicit StepwiseEngine(const grus::EngineOptions& options) : context_(options) { context_.activate(); }
  grus::Buffer allocate(size_t bytes) override { return context_.allocate(bytes); }
  void upload(void* destination, const void* source, size_t bytes) override {
    context_.check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, context_.stream()), "cudaMemcpyAsync");
    context_.synchronize();
  }
  void download(void* destination, const void* source, size_t bytes) override {
    context_.check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, context_.stream()), "cudaMemcpyAsync");
    context_.synchronize();
  }
  std::unique_ptr<grus::GruPlan> make(const grus::GruDescription& d) override { return grus::cuda::make_stepwise_gru(d, context_); }
  grus::cuda::Context& context() { return context_; }

 private:
  grus::cuda::Context context_;
};

// Engine memory with room for `bytes` and a guard behind it.
class Guarded {
 public:
  Guarded(Engine& device, size_t bytes) : device_(device), bytes_(bytes), memory_(device.allocate(bytes + kGuard)) { poison(); }
  Guarded(Engine& device, const void* source, size_t bytes) : Guarded(device, bytes) { device.upload(data(), source, bytes); }
  Guarded(Engine& device, const Floats& values) : Guarded(device, values.data(), values.size() * sizeof(float)) {}

  void poison() {
    std::vector<unsigned char> content(bytes_ + kGuard, 0xff);   // NaN
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(bytes_), kGuard, static_cast<unsigned char>(0x5a));
    device_.upload(memory_.as<void>(), content.data(), content.size());
  }
  bool intact() const {
    unsigned char guard[kGuard];
    device_.download(guard, memory_.as<unsigned char>() + bytes_, kGuard);
    return std::all_of(guard, guard + kGuard, [](unsigned char byte) { return byte == 0x5a; });
  }
  Floats values() const {
    Floats result(bytes_ / sizeof(float));
    if (!result.empty()) device_.download(result.data(), memory_.as<void>(), bytes_);
    return result;
  }
  void* data() const { return memory_.as<void>(); }
  float* floats() const { return memory_.as<float>(); }

 private:
  static constexpr size_t kGuard = 256;
  Engine& device_;
  size_t bytes_;
  grus::Buffer memory_;
};

// Weights and their gradients are PyTorch's tensors one after the other, without a plan's gaps.
struct Problem {
  grus::GruDescription description;
  int batch = 0, steps = 0;
  Lengths lengths;                          // empty: none are given
  Floats x, hx, dy, dhy, weights, before;   // hx, dy, dhy empty: null. before: what dweights holds beforehand
  bool hy = true, dx = true, dhx = true, dweights = true;

  size_t rows() const { return static_cast<size_t>(batch) * static_cast<size_t>(steps); }
  size_t width() const { return static_cast<size_t>(description.directions() * description.hidden_size); }
  size_t states() const { return static_cast<size_t>(description.num_layers * batch) * width(); }
};

struct Result {
  Floats y, hy, dx, dhx, dweights;          // empty where not wanted
};

inline Floats draws(size_t count, std::mt19937& random, float scale) {
  Floats values(count);
  for (float& v : values) v = std::uniform_real_distribution<float>(-scale, scale)(random);
  return values;
}

inline size_t logical_count(const grus::GruDescription& d) {
  size_t count = 0;
  for (int layer = 0; layer < d.num_layers; ++layer) {
    count += static_cast<size_t>(3 * d.hidden_size * (d.layer_input_size(layer) + d.hidden_size + (d.bias ? 2 : 0)) * d.directions());
  }
  return count;
}

// x and dy are NaN beyond the rows' lengths.
inline Problem make_problem(const grus::GruDescription& d, int batch, int steps, const Lengths& lengths, std::mt19937& random) {
  Problem p;
  p.description = d;
  p.batch = batch;
  p.steps = steps;
  p.lengths = lengths;
  const size_t inputs = static_cast<size_t>(d.input_size);
  p.x = draws(p.rows() * inputs, random, 1);
  p.hx = draws(p.states(), random, 1);
  p.dy = draws(p.rows() * p.width(), random, 1);
  p.dhy = draws(p.states(), random, 1);
  p.weights = draws(logical_count(d), random, 1.0f / std::sqrt(static_cast<float>(d.hidden_size)));
  p.before = draws(p.weights.size(), random, 1);
  for (size_t i = 0; i < p.rows() && !lengths.empty(); ++i) {
    if (static_cast<int>(i / static_cast<size_t>(batch)) < lengths[i % static_cast<size_t>(batch)]) continue;
    std::fill_n(p.x.begin() + static_cast<std::ptrdiff_t>(i * inputs), inputs, NAN);
    std::fill_n(p.dy.begin() + static_cast<std::ptrdiff_t>(i * p.width()), p.width(), NAN);
  }
  return p;
}

// Between the tensors one after the other and a plan's weight space.
template <class F>
void each_gate(const grus::GruPlan& plan, F body) {   // body(logical offset, plan's offset, floats)
  size_t logical = 0;
  for (const grus::GruParameter& p : plan.parameters()) {
    const size_t count = static_cast<size_t>(p.rows / 3 * p.cols);
    for (const int64_t offset : p.gate_offset) {
      body(logical, static_cast<size_t>(offset), count);
      logical += count;
    }
  }
}

inline Floats scatter(const grus::GruPlan& plan, const Floats& logical, float gaps) {
  Floats flat(plan.weight_count(), gaps);
  each_gate(plan, [&](size_t from, size_t to, size_t count) { std::copy_n(logical.data() + from, count, flat.data() + to); });
  return flat;
}

inline Floats gather(const grus::GruPlan& plan, const Floats& flat, size_t count) {
  Floats logical(count);
  each_gate(plan, [&](size_t to, size_t from, size_t n) { std::copy_n(flat.data() + from, n, logical.data() + to); });
  return logical;
}

// One plan's memory for one problem.
class Setup {
 public:
  Setup(Engine& device, grus::GruPlan& plan, const Problem& p, bool training = true)
      : problem_(p),
        plan_(plan),
        x_(device, p.x),
        hx_(device, p.hx),
        dy_(device, p.dy),
        dhy_(device, p.dhy),
        weights_(device, scatter(plan, p.weights, NAN)),
        dweights_(device, scatter(plan, p.before, kGap)),
        lengths_(device, p.lengths.data(), p.lengths.size() * sizeof(int32_t)),
        y_(device, p.rows() * p.width() * sizeof(float)),
        hy_(device, p.states() * sizeof(float)),
        dx_(device, p.x.size() * sizeof(float)),
        dhx_(device, p.states() * sizeof(float)),
        reserve_(device, plan.reserve_bytes(p.batch, p.steps, !p.lengths.empty())),
        workspace_(device, plan.workspace_bytes(p.batch, p.steps, training, !p.lengths.empty())) {
    forward.training = training;
    forward.batch = backward.batch = p.batch;
    forward.steps = backward.steps = p.steps;
    forward.lengths = backward.lengths = p.lengths.empty() ? nullptr : p.lengths.data();
    forward.device_lengths = backward.device_lengths = p.lengths.empty() ? nullptr : static_cast<const int32_t*>(lengths_.data());
    forward.x = backward.x = x_.floats();
    forward.hx = backward.hx = p.hx.empty() ? nullptr : hx_.floats();
    forward.weights = backward.weights = weights_.floats();
    forward.y = y_.floats();
    backward.y = y_.floats();
    forward.hy = p.hy ? hy_.floats() : nullptr;
    forward.reserve = training ? reserve_.data() : nullptr;
    backward.reserve = reserve_.data();
    forward.workspace = backward.workspace = workspace_.data();
    backward.dy = p.dy.empty() ? nullptr : dy_.floats();
    backward.dhy = p.dhy.empty() ? nullptr : dhy_.floats();
    backward.dx = p.dx ? dx_.floats() : nullptr;
    backward.dhx = p.dhx ? dhx_.floats() : nullptr;
    backward.dweights = p.dweights ? dweights_.floats() : nullptr;
  }

  void run() {
    plan_.forward(forward);
    if (!forward.training) return;
    workspace_.poison();
    plan_.backward(backward);
  }

  Result result() const {
    Result r;
    r.y = y_.values();
    if (problem_.hy) r.hy = hy_.values();
    if (!forward.training) return r;
    if (problem_.dx) r.dx = dx_.values();
    if (problem_.dhx) r.dhx = dhx_.values();
    if (problem_.dweights) r.dweights = gather(plan_, dweights_.values(), problem_.weights.size());
    return r;
  }

  // Nothing was written outside what the plan asked for.
  bool intact() const {
    const Guarded* all[] = {&x_, &hx_, &dy_, &dhy_, &weights_, &dweights_, &lengths_, &y_, &hy_, &dx_, &dhx_, &reserve_, &workspace_};
    for (const Guarded* memory : all) {
      if (!memory->intact()) return false;
    }
    return true;
  }

  // Nor between the weights' gradients.
  bool gaps_intact() const {
    const Floats flat = dweights_.values();
    const Floats logical = gather(plan_, flat, problem_.weights.size());
    const Floats expected = scatter(plan_, logical, kGap);
    return std::memcmp(flat.data(), expected.data(), flat.size() * sizeof(float)) == 0;
  }

  grus::GruForward forward;
  grus::GruBackward backward;

 private:
  static constexpr float kGap = -77;
  const Problem& problem_;
  grus::GruPlan& plan_;
  Guarded x_, hx_, dy_, dhy_, weights_, dweights_, lengths_, y_, hy_, dx_, dhx_, reserve_, workspace_;
};

inline Result compute(Engine& device, const Problem& p, bool training = true) {
  const auto plan = device.make(p.description);
  Setup setup(device, *plan, p, training);
  setup.run();
  const Result result = setup.result();
  CHECK(setup.intact());
  if (device.keeps_gaps()) CHECK(setup.gaps_intact());
  return result;
}

// The largest |a - b| / (1 + |b|); NaN if one holds a NaN.
inline double difference(const Floats& a, const Floats& b) {
  double worst = a.size() == b.size() ? 0 : NAN;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - b[i]) / (1 + std::fabs(static_cast<double>(b[i])));
    worst = worse(worst, error);
  }
  return worst;
}

inline bool same(const Floats& a, const Floats& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

inline bool same(const Result& a, const Result& b) {
  return same(a.y, b.y) && same(a.hy, b.hy) && same(a.dx, b.dx) && same(a.dhx, b.dhx) && same(a.dweights, b.dweights);
}

inline bool agree(const Result& got, const Result& expected) {
  bool good = CHECK_CLOSE(difference(got.y, expected.y), 0.0, 5e-6);
  good &= CHECK_CLOSE(difference(got.hy, expected.hy), 0.0, 5e-6);
  good &= CHECK_CLOSE(difference(got.dx, expected.dx), 0.0, 2e-5);
  good &= CHECK_CLOSE(difference(got.dhx, expected.dhx), 0.0, 2e-5);
  good &= CHECK_CLOSE(difference(got.dweights, expected.dweights), 0.0, 2e-5);
  return good;
}

}  // namespace stepwise
