#include <utility>

#include "../../core/error.h"
#include "cudnn_layers.h"
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

void expect_lengths(const int32_t* lengths, const int32_t* device_lengths, int batch, int steps) {
  if ((lengths == nullptr) != (device_lengths == nullptr)) {
    throw Error(ErrorCode::invalid_argument, "[gru] expected lengths on the host and on the device, got them on one only");
  }
  for (int row = 0; lengths && row < batch; ++row) {
    if (lengths[row] < 0 || lengths[row] > steps) {
      throw Error(ErrorCode::shape_mismatch,
                  "[gru] expected lengths of 0 to " + std::to_string(steps) + ", got " + std::to_string(lengths[row]));
    }
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

  size_t reserve_bytes(int batch, int steps, bool lengths) const override {
    if (!begin(batch, steps)) return 0;
    if (by_layers(steps, lengths)) return layers().reserve_bytes(batch, steps);
    return ReserveRooms(gru_, *shapes_.get(batch, steps, true), nullptr).bytes;
  }

  size_t workspace_bytes(int batch, int steps, bool training, bool lengths) const override {
    if (!begin(batch, steps)) return 0;
    if (by_layers(steps, lengths)) return layers().workspace_bytes(batch, steps, training);
    return room_of_pass(gru_, *shapes_.get(batch, steps, training));
  }

  void forward(const GruForward& args) override {
    if (!begin(args.batch, args.steps)) return pass_state(args.batch, args.hx, args.hy);
    expect_lengths(args.lengths, args.device_lengths, args.batch, args.steps);
    expect_aligned("x", args.x), expect_aligned("hx", args.hx), expect_aligned("weights", args.weights);
    expect_aligned("y", args.y), expect_aligned("hy", args.hy);
    expect_aligned("reserve", args.reserve), expect_aligned("workspace", args.workspace);
    std::vector<UsedCalls> used;
    if (by_layers(args.steps, args.lengths != nullptr)) {
      used = layers().forward(args);
    } else {
      const auto shape = shapes_.get(args.batch, args.steps, args.training);
      used.push_back({shape, CudnnForwardPass(gru_, *shape, args, around(args.device_lengths)).run(shapes_)});
    }
    context_.check(cudaGetLastError(), "the kernels of a GRU's forward pass");
    if (args.training) tape_.record(args, std::move(used));
  }

  void backward(const GruBackward& args) override {
    if (!begin(args.batch, args.steps)) return pass_state(args.batch, args.dhy, args.dhx);
    expect_aligned("dy", args.dy), expect_aligned("dhy", args.dhy);
    expect_aligned("dx", args.dx), expect_aligned("dhx", args.dhx), expect_aligned("dweights", args.dweights);
    expect_aligned("workspace", args.workspace);
    const Tape::Record& record = tape_.take(args, context_.running());
    expect_lengths(args.lengths, args.device_lengths, args.batch, args.steps);
    if (by_layers(args.steps, args.lengths != nullptr)) {
      layers().backward(args, record.used, loss_scale_);
    } else {
      const UsedCalls& used = record.used.front();
      CudnnBackwardPass(gru_, *used.shape, args, around(args.device_lengths), loss_scale_, used.fast).run();
    }
    context_.check(cudaGetLastError(), "the kernels of a GRU's backward pass");
  }

 private:
  // Whether there is anything to compute.
  bool begin(int batch, int steps) const {
    expect_sequence(batch, steps);
    context_.activate();
    return batch > 0 && steps > 0;
  }

  // One call for all layers and directions is the fastest there is, but cuDNN would have to be told the lengths on the host, and only a
  // GRU of one direction goes on from chunk to chunk.
  bool by_layers(int steps, bool lengths) const {
    return !gru_.single() && (lengths || (steps > kMostSteps && gru_.description().directions() == 2));
  }
  CudnnLayers& layers() const {
    if (!layers_) layers_ = std::make_unique<CudnnLayers>(gru_);
    return *layers_;
  }
  Around around(const int32_t* lengths) const {
    return {gru_.description().direction == Direction::backward, lengths != nullptr, lengths, gru_.width(), false};
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
  mutable CudnnShapes shapes_;                   // asking for sizes decides the algorithm
  mutable std::unique_ptr<CudnnLayers> layers_;   // made when it is first needed
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
