#include "gru_plan.h"

#include <algorithm>

#include "gemm.h"
#include "gru_backward.h"
#include "gru_forward.h"
#include "gru_weights.h"

namespace grus {
namespace {

class CpuGruPlan : public GruPlan {
 public:
  CpuGruPlan(const GruDescription& description, Team& team, bool half_weights)
      : layout_(description), team_(team), weights_(layout_), half_weights_(half_weights) {
    GruBackwardPass::reserve_scratch(layout_, team_, scratch_);
  }

  const std::vector<GruParameter>& parameters() const override { return layout_.parameters(); }
  size_t weight_count() const override { return layout_.weight_count(); }

  size_t reserve_bytes(int batch, int steps, bool /* lengths */) const override {
    layout_.expect_sequence(batch, steps);
    return GruReserve(layout_, nullptr, batch, steps).bytes();
  }

  size_t workspace_bytes(int batch, int steps, bool training, bool /* lengths */) const override {
    layout_.expect_sequence(batch, steps);
    GruForward forward;
    forward.batch = batch;
    forward.steps = steps;
    forward.training = training;
    const size_t bytes = GruForwardSpace(layout_, forward).bytes;
    if (!training) return bytes;
    GruBackward backward;
    backward.batch = batch;
    backward.steps = steps;
    return std::max(bytes, GruBackwardSpace(layout_, backward).bytes);
  }

  void forward(const GruForward& args) override {
    layout_.expect_sequence(args.batch, args.steps);
    const bool halves = half_weights_ && !args.training;
    weights_.renew(args.weights, args.weights_version, halves ? GruWeights::halves : GruWeights::forward, team_);
    GruForwardPass(layout_, weights_, team_, args, halves).run();
  }

  void backward(const GruBackward& args) override {
    layout_.expect_sequence(args.batch, args.steps);
    weights_.renew(args.weights, args.weights_version, GruWeights::backward, team_);
    if (args.dx || layout_.layers() > 1) weights_.renew(args.weights, args.weights_version, GruWeights::input_gradient, team_);
    GruBackwardPass(layout_, weights_, team_, scratch_, args).run();
  }

 private:
  const GruLayout layout_;
  Team& team_;
  GruWeights weights_;
  const bool half_weights_;
  GemmScratch scratch_;
};

}  // namespace

std::unique_ptr<GruPlan> make_cpu_gru(const GruDescription& description, Team& team, bool half_weights) {
  return std::make_unique<CpuGruPlan>(description, team, half_weights);
}

}  // namespace grus
