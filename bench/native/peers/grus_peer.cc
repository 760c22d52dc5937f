// The engine's own plan, as Trainer and Gru drive it, without JavaScript around it.
#include <algorithm>

#include "cpu/engine_name.h"
#include "cpu/gru_plan.h"
#include "peer.h"

using namespace grus;
using namespace grus::bench;

namespace {

GruDescription describe(const Case& c) {
  GruDescription description;
  description.input_size = c.input;
  description.hidden_size = c.hidden;
  return description;
}

template <class Arrays>
auto& array_of(Arrays& arrays, GruTensor tensor) {
  switch (tensor) {
    case GruTensor::weight_ih: return arrays.weight_ih;
    case GruTensor::weight_hh: return arrays.weight_hh;
    case GruTensor::bias_ih: return arrays.bias_ih;
    default: return arrays.bias_hh;
  }
}

class Room {  // aligned as the engine's own arenas are
 public:
  explicit Room(size_t bytes) : memory_(bytes / sizeof(double) + 8) {}
  void* data() { return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory_.data()) + 63) / 64 * 64); }

 private:
  std::vector<double> memory_;
};

class GrusSubject final : public Subject {
 public:
  explicit GrusSubject(const Case& c)
      : case_(c),
        team_(c.threads),
        plan_(make_cpu_gru(describe(c), team_, c.weights == "bfloat16")),
        weights_(plan_->weight_count()),
        y_(static_cast<size_t>(c.steps) * c.batch * c.hidden),
        hy_(static_cast<size_t>(c.batch) * c.hidden),
        workspace_(plan_->workspace_bytes(c.batch, c.steps, c.backward, false)),
        reserve_(c.backward ? plan_->reserve_bytes(c.batch, c.steps, false) : 0) {
    for (const GruParameter& p : plan_->parameters()) {
      const size_t gate = static_cast<size_t>(p.rows / 3 * p.cols);
      for (size_t g = 0; g < 3; ++g) std::copy_n(array_of(case_, p.tensor).data() + g * gate, gate, weights_.data() + p.gate_offset[g]);
    }
    forward_.training = c.backward;
    forward_.batch = c.batch, forward_.steps = c.steps;
    forward_.x = case_.x.data();
    forward_.weights = weights_.data();
    forward_.weights_version = 1;
    forward_.y = y_.data();
    forward_.hy = hy_.data();
    forward_.workspace = workspace_.data();
    if (!c.backward) return;
    forward_.reserve = reserve_.data();
    dx_.resize(c.x.size());
    dweights_.resize(weights_.size());
    backward_.batch = c.batch, backward_.steps = c.steps;
    backward_.x = forward_.x;
    backward_.weights = forward_.weights;
    backward_.y = forward_.y;
    backward_.dy = case_.dy.data();
    backward_.dx = dx_.data();
    backward_.dweights = dweights_.data();
    backward_.reserve = forward_.reserve;
    backward_.workspace = forward_.workspace;
  }

  std::string engine() const override { return cpu_engine_name(); }

  void run() override {
    if (case_.backward) backward_.weights_version = ++forward_.weights_version;  // as after an update: packed anew
    plan_->forward(forward_);
    if (!case_.backward) return;
    std::fill(dweights_.begin(), dweights_.end(), 0.0f);
    plan_->backward(backward_);
  }

  Results results() const override {
    Results results;
    results.y = y_, results.hy = hy_;
    if (!case_.backward) return results;
    results.dx = dx_;
    for (const GruParameter& p : plan_->parameters()) {
      const auto gate = p.rows / 3 * p.cols;
      std::vector<float>& values = array_of(results, p.tensor);
      for (const int64_t offset : p.gate_offset) values.insert(values.end(), dweights_.data() + offset, dweights_.data() + offset + gate);
    }
    return results;
  }

 private:
  Case case_;
  Team team_;
  std::unique_ptr<GruPlan> plan_;
  std::vector<float> weights_, y_, hy_, dx_, dweights_;
  Room workspace_, reserve_;
  GruForward forward_;
  GruBackward backward_;
};

}  // namespace

int main() {
  return serve("grus-native", "", [](const Case& c) { return std::make_unique<GrusSubject>(c); });
}
