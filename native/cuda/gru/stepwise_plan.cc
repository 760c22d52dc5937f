#include <algorithm>
#include <string>

#include "../../core/error.h"
#include "plans.h"
#include "stepwise_backward.h"
#include "stepwise_forward.h"
#include "stepwise_tape.h"

namespace grus::cuda {
namespace {

template <class Args>
void expect_pointers(const Args& args, bool reserve) {
  const auto expect = [](bool good, const char* what) {
    if (!good) throw Error(ErrorCode::invalid_argument, std::string("[gru] expected ") + what + ", got none");
  };
  expect(!args.lengths || args.device_lengths, "lengths on the device with those on the host");
  expect(!reserve || args.reserve, "a reserve of reserve_bytes()");
}

class StepwisePlan : public GruPlan {
 public:
  StepwisePlan(const GruDescription& description, Context& context) : layout_(description), context_(context) {}

  const std::vector<GruParameter>& parameters() const override { return layout_.parameters(); }
  size_t weight_count() const override { return layout_.weight_count(); }

  size_t reserve_bytes(int batch, int steps, bool /* lengths */) const override {
    layout_.expect_sequence(batch, steps);
    return StepwiseReserve(layout_, nullptr, batch, steps).bytes();
  }

  size_t workspace_bytes(int batch, int steps, bool training, bool /* lengths */) const override {
    layout_.expect_sequence(batch, steps);
    GruForward forward;
    forward.batch = batch;
    forward.steps = steps;
    forward.training = training;
    const size_t bytes = StepwiseForwardSpace(layout_, forward).bytes;
    if (!training) return bytes;
    GruBackward backward;
    backward.batch = batch;
    backward.steps = steps;
    return std::max(bytes, StepwiseBackwardSpace(layout_, backward).bytes);
  }

  void forward(const GruForward& args) override {
    context_.activate();
    layout_.expect_sequence(args.batch, args.steps);
    expect_pointers(args, args.training);
    if (args.training) tape_.record(args, context_.running());
    StepwiseForwardPass(context_, layout_, args).run();
  }

  void backward(const GruBackward& args) override {
    context_.activate();
    layout_.expect_sequence(args.batch, args.steps);
    expect_pointers(args, true);
    tape_.consume(args, context_.running());
    StepwiseBackwardPass(context_, layout_, args).run();
  }

 private:
  const StepwiseLayout layout_;
  Context& context_;
  StepwiseTape tape_;
};

}  // namespace

std::unique_ptr<GruPlan> make_stepwise_gru(const GruDescription& description, Context& context) {
  return std::make_unique<StepwisePlan>(description, context);
}

}  // namespace grus::cuda
