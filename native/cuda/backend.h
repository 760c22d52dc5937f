#pragma once
#include "../backend.h"
#include "context.h"
#include "graphs.h"
#include "kernels/optimizer.h"
#include "staging.h"

namespace grus::cuda {

// The device contract on one GPU: every operation is enqueued on the session's stream and returns at once.
class CudaBackend : public Backend {
 public:
  explicit CudaBackend(const EngineOptions& options);
  ~CudaBackend() override;

  const char* device() const override { return "cuda"; }
  int index() const override { return context_.device(); }
  std::string engine() const override;     // "cudnn 9.24.0 heuristic, float32, NVIDIA H200"

  Buffer allocate(size_t bytes) override;
  std::shared_ptr<MemoryCounters> memory_counters() override { return context_.memory_counters(); }
  void upload(void* destination, const void* source, size_t bytes) override;
  void* stage(void* destination, size_t bytes) override;
  void upload_staged(void* destination, size_t bytes) override;
  void download(void* destination, const void* source, size_t bytes) override;
  void copy(void* destination, const void* source, size_t bytes) override;
  void zero(void* destination, size_t bytes) override;
  void run(const std::string& key, const std::function<void()>& enqueue) override;
  void forget_passes() override;
  void synchronize() override;

  void gemm(const Gemm&) override;
  void copy_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) override;
  void add_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) override;
  void bias_add(float* y, const float* bias, int64_t rows, int64_t cols) override;
  void bias_grad(float* dbias, const float* dy, int64_t rows, int64_t cols) override;
  void activation(const Activation&, const float* x, float* y, int64_t count) override;
  void activation_grad(const Activation&, const float* y, const float* dy, float* dx, int64_t count) override;
  void softmax(const float* x, float* y, int64_t rows, int64_t cols) override;
  void softmax_grad(const float* y, const float* dy, float* dx, int64_t rows, int64_t cols) override;
  void layer_norm(const LayerNorm&, const float* bias, float* y) override;
  void layer_norm_grad(const LayerNorm&, const float* dy, float* dx, float* dweight) override;
  void embedding(const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) override;
  void embedding_grad(float* dtable, const int32_t* ids, const IdLists&, const float* dy, int64_t rows, int64_t cols) override;
  bool reads_id_lists() const override { return true; }
  void dropout(const Dropout&, const StepScalars* scalars, const float* x, float* y) override;
  void gather_steps(const GatherSteps&, const float* x, const float* fallback, float* y) override;
  void gather_steps_grad(const GatherSteps&, const float* dy, float* dx, float* dfallback) override;
  void merge(Merge, const float* x, float* y, int64_t rows, int64_t cols) override;
  void merge_grad(Merge, const float* x, const float* dy, float* dx, int64_t rows, int64_t cols) override;

  void loss(const Loss&, const StepScalars* scalars, double* stats) override;
  void metric(const Metric&) override;
  void regularize(const Segment*, int segments, const float* parameters, float* gradients, const StepScalars* scalars,
                  double* stats) override;
  void optimizer_init(const Optimizer&, float* slots, int64_t count) override;
  void optimize(const Optimizer&, const Segment*, int segments, const StepScalars* scalars, float* parameters, float* gradients,
                float* slots, int64_t count) override;
  LossScale loss_scale() override;
  void set_loss_scale(const LossScale&) override;

  std::unique_ptr<GruPlan> make_gru(const GruDescription&) override;

 private:
  cudaStream_t stream();                   // of a GPU made current
  bool scales_gradients() const;

  Context context_;
  Staging staging_;
  Graphs graphs_;
  Buffer update_state_;                    // UpdateState
  int cudnn_grus_ = 0, stepwise_grus_ = 0;   // plans made
};

}  // namespace grus::cuda
