#include <algorithm>

#include "../../core/error.h"
#include "cudnn_pass.h"
#include "plans.h"
#include "tape.h"

namespace grus::cuda {
namespace {

void expect_sequence(int batch, int steps) {
  if (batch < 0 || steps < 0) {
    throw Error(ErrorCode::shape_mismatch,
                "[gru] expected batch and steps of at least 0, got " + std::to_string(batch) + " and " + std::to_string(steps));
  }
}

// cuDNN computes wrongly or fails where its data begins elsewhere.
void expect_aligned(const char* name, const void* address) {
  if (reinterpret_cast<uintptr_t>(address) % 16 != 0) {
    throw Error(ErrorCode::invalid_argument,
                std::string("[gru] expected ") + name + " at a multiple of 16 bytes, got one " +
                    std::to_string(reinterpret_cast<uintptr_t>(address) % 16) + " beyond; copy it into a buffer of its own");
  }
}

class CudnnGruPlan : public GruPlan {
 public:
  CudnnGruPlan(const GruDescription& description, Context& context, const float* loss_scale)
      : context_(context), gru_(description, context), shapes_(gru_),
        loss_scale_(context.options().precision == Precision::float16 ? loss_scale : nullptr) {}
  ~CudnnGruPlan() override { cudaStreamSynchronize(context_.stream()); }   // kernels that persist_dynamic compiled go with the descriptors

  const std::vector<GruParameter>& parameters() const override { return gru_.layout().parameters(); }
  size_t weight_count() const override { return gru_.layout().weight_count(); }
  bool reads_host_lengths() const override { return !gru_.pads(); }

  size_t reserve_bytes(int batch, int steps) const override {
    const auto shape = find(batch, steps, true);
    return shape ? ReserveRooms(gru_, *shape, nullptr).bytes : 0;
  }

  size_t workspace_bytes(int batch, int steps, bool training) const override {
    const auto shape = find(batch, steps, training);
    if (!shape) return 0;
    const size_t bytes = ForwardRooms(gru_, *shape, nullptr).bytes;
    return training ? std::max(bytes, BackwardRooms(gru_, *shape, nullptr).bytes) : bytes;
  }

  void forward(const GruForward& args) override {
    const auto shape = find(args.batch, args.steps, args.training);
    if (!shape) return pass_state(args.batch, args.hx, args.hy);
    expect_aligned("x", args.x), expect_aligned("hx", args.hx), expect_aligned("weights", args.weights);
    expect_aligned("y", args.y), expect_aligned("hy", args.hy);
    expect_aligned("reserve", args.reserve), expect_aligned("workspace", args.workspace);
    const bool fast = CudnnForwardPass(gru_, *shape, args).run(shapes_);
    context_.check(cudaGetLastError(), "the kernels of a GRU's forward pass");
    if (args.training) tape_.record(args, shape, fast);
  }

  void backward(const GruBackward& args) override {
    expect_sequence(args.batch, args.steps);
    context_.activate();
    if (args.batch == 0 || args.steps == 0) return pass_state(args.batch, args.dhy, args.dhx);
    expect_aligned("dy", args.dy), expect_aligned("dhy", args.dhy);
    expect_aligned("dx", args.dx), expect_aligned("dhx", args.dhx), expect_aligned("dweights", args.dweights);
    expect_aligned("workspace", args.workspace);
    const Tape::Record& record = tape_.take(args, context_.running());
    CudnnBackwardPass(gru_, *record.shape, args, loss_scale_, record.fast).run();
    context_.check(cudaGetLastError(), "the kernels of a GRU's backward pass");
  }

 private:
  // Null: nothing to compute.
  std::shared_ptr<CudnnShape> find(int batch, int steps, bool training) const {
    expect_sequence(batch, steps);
    context_.activate();
    return batch == 0 || steps == 0 ? nullptr : shapes_.get(batch, steps, training);
  }

  // Without steps the state stays, and so does its gradient.
  void pass_state(int batch, const float* from, float* to) {
    const size_t bytes = static_cast<size_t>(gru_.state_count(batch)) * sizeof(float);
    if (!to || bytes == 0) return;
    if (from) context_.check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, context_.stream()), "cudaMemcpyAsync");
    else context_.check(cudaMemsetAsync(to, 0, bytes, context_.stream()), "cudaMemsetAsync");
  }

  Context& context_;
  CudnnGru gru_;
  mutable CudnnShapes shapes_;   // asking for sizes decides the algorithm
  Tape tape_;
  const float* loss_scale_;
};

bool is(const Activation& activation, ActivationKind kind) { return activation.kind == kind; }

}  // namespace

bool cudnn_computes(const GruDescription& description) {
  if (!description.reset_after || description.clip > 0) return false;
  for (int direction = 0; direction < description.directions(); ++direction) {
    const size_t index = static_cast<size_t>(direction);
    if (!is(description.recurrent_activation[index], ActivationKind::sigmoid)) return false;
    if (!is(description.activation[index], ActivationKind::tanh)) return false;
  }
  return true;
}

std::unique_ptr<GruPlan> make_cudnn_gru(const GruDescription& description, Context& context, const float* loss_scale) {
  context.activate();
  return std::make_unique<CudnnGruPlan>(description, context, loss_scale);
}

}  // namespace grus::cuda
