#include "backend.h"

#include "gemm.h"
#include "gru/plans.h"
#include "kernels/elementwise.h"
#include "kernels/loss.h"
#include "kernels/rows.h"

namespace grus::cuda {
namespace {

constexpr float kFirstScale = 65536;   // of the gradients inside a float16 GRU

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::float32: return "float32";
    case Precision::tf32: return "tf32";
    case Precision::bfloat16: return "bfloat16";
    case Precision::float16: return "float16";
  }
  return "";
}

const char* name_of(GruAlgorithm algorithm) {
  switch (algorithm) {
    case GruAlgorithm::heuristic: return "heuristic";
    case GruAlgorithm::standard: return "standard";
    case GruAlgorithm::persist_static: return "persistStatic";
    case GruAlgorithm::persist_dynamic: return "persistDynamic";
    case GruAlgorithm::persist_static_small_h: return "persistStaticSmallH";
    case GruAlgorithm::autotune: return "autotune";
  }
  return "";
}

}  // namespace

CudaBackend::CudaBackend(const EngineOptions& options)
    : context_(options), staging_(context_), graphs_(context_), update_state_(context_.allocate(sizeof(UpdateState))) {
  set_loss_scale({1, 0, 0});   // until there is an optimizer that would back off
}

CudaBackend::~CudaBackend() = default;

std::string CudaBackend::engine() const {
  const std::string cudnn = "cudnn " + context_.libraries().cudnn_text(), cublas = "cublas " + context_.libraries().cublas_text();
  std::string text = cudnn_grus_ > 0 ? cudnn + " " + name_of(context_.options().algorithm) : "";
  if (stepwise_grus_ > 0) text += (text.empty() ? "" : " + ") + std::string("stepwise ") + cublas;
  if (text.empty()) text = cudnn + ", " + cublas;
  return text + ", " + name_of(context_.options().precision) + ", " + context_.device_name();
}

Buffer CudaBackend::allocate(size_t bytes) { return context_.allocate_uncounted(bytes); }
void CudaBackend::upload(void* destination, const void* source, size_t bytes) { staging_.upload(destination, source, bytes); }
void* CudaBackend::stage(void*, size_t bytes) { return staging_.stage(bytes); }
void CudaBackend::upload_staged(void* destination, size_t bytes) { staging_.upload_staged(destination, bytes); }
void CudaBackend::download(void* destination, const void* source, size_t bytes) { staging_.download(destination, source, bytes); }

void CudaBackend::copy(void* destination, const void* source, size_t bytes) {
  context_.activate();
  if (bytes == 0 || destination == source) return;
  context_.check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice, context_.stream()), "cudaMemcpyAsync");
}

void CudaBackend::zero(void* destination, size_t bytes) {
  context_.activate();
  if (bytes > 0) context_.check(cudaMemsetAsync(destination, 0, bytes, context_.stream()), "cudaMemsetAsync");
}

void CudaBackend::run(const std::string& key, const std::function<void()>& enqueue) {
  context_.activate();
  staging_.next_batch();
  graphs_.run(key, enqueue);
  context_.check(cudaGetLastError(), "a kernel's launch");
}

void CudaBackend::forget_passes() {
  context_.activate();
  graphs_.drop();
}

void CudaBackend::synchronize() {
  context_.synchronize();
  staging_.restart();
}

cudaStream_t CudaBackend::stream() {
  context_.activate();
  return context_.stream();
}

void CudaBackend::gemm(const Gemm& product) {
  context_.activate();
  cuda::gemm(context_, product);
}
void CudaBackend::copy_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) {
  cuda::copy_rows(stream(), x, x_stride, y, y_stride, rows, cols);
}
void CudaBackend::add_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) {
  cuda::add_rows(stream(), x, x_stride, y, y_stride, rows, cols);
}
void CudaBackend::bias_add(float* y, const float* bias, int64_t rows, int64_t cols) { cuda::bias_add(stream(), y, bias, rows, cols); }
void CudaBackend::bias_grad(float* dbias, const float* dy, int64_t rows, int64_t cols) {
  cuda::bias_grad(stream(), dbias, dy, rows, cols);
}
void CudaBackend::activation(const Activation& kind, const float* x, float* y, int64_t count) {
  cuda::activation(stream(), kind, x, y, count);
}
void CudaBackend::activation_grad(const Activation& kind, const float* y, const float* dy, float* dx, int64_t count) {
  cuda::activation_grad(stream(), kind, y, dy, dx, count);
}
void CudaBackend::softmax(const float* x, float* y, int64_t rows, int64_t cols) { cuda::softmax(stream(), x, y, rows, cols); }
void CudaBackend::softmax_grad(const float* y, const float* dy, float* dx, int64_t rows, int64_t cols) {
  cuda::softmax_grad(stream(), y, dy, dx, rows, cols);
}
void CudaBackend::layer_norm(const LayerNorm& call, const float* bias, float* y) { cuda::layer_norm(stream(), call, bias, y); }
void CudaBackend::layer_norm_grad(const LayerNorm& call, const float* dy, float* dx, float* dweight) {
  cuda::layer_norm_grad(stream(), call, dy, dx, dweight);
}
void CudaBackend::embedding(const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) {
  cuda::embedding(stream(), table, ids, y, rows, cols);
}
void CudaBackend::embedding_grad(float* dtable, const int32_t* ids, const IdLists& lists, const float* dy, int64_t rows, int64_t cols) {
  cuda::embedding_grad(stream(), dtable, ids, lists, dy, rows, cols);
}
void CudaBackend::dropout(const Dropout& options, const StepScalars* scalars, const float* x, float* y) {
  cuda::dropout(stream(), options, scalars, x, y);
}
void CudaBackend::gather_steps(const GatherSteps& gather, const float* x, const float* fallback, float* y) {
  cuda::gather_steps(stream(), gather, x, fallback, y);
}
void CudaBackend::gather_steps_grad(const GatherSteps& gather, const float* dy, float* dx, float* dfallback) {
  cuda::gather_steps_grad(stream(), gather, dy, dx, dfallback);
}
void CudaBackend::merge(Merge kind, const float* x, float* y, int64_t rows, int64_t cols) { cuda::merge(stream(), kind, x, y, rows, cols); }
void CudaBackend::merge_grad(Merge kind, const float* x, const float* dy, float* dx, int64_t rows, int64_t cols) {
  cuda::merge_grad(stream(), kind, x, dy, dx, rows, cols);
}

void CudaBackend::loss(const Loss& options, const StepScalars* scalars, double* stats) {
  cuda::loss(stream(), options, scalars, stats, context_.scratch());
}
void CudaBackend::metric(const Metric& options) { cuda::metric(stream(), options, context_.scratch()); }
void CudaBackend::regularize(const Segment* segment, int segments, const float* parameters, float* gradients, const StepScalars* scalars,
                             double* stats) {
  cuda::regularize(stream(), segment, segments, parameters, gradients, scalars, stats, context_.scratch());
}
void CudaBackend::optimizer_init(const Optimizer& options, float* slots, int64_t count) {
  cuda::optimizer_init(stream(), options, slots, count);
}
void CudaBackend::optimize(const Optimizer& options, const Segment* segment, int segments, const StepScalars* scalars, float* parameters,
                           float* gradients, float* slots, int64_t count) {
  cuda::optimize(stream(), options, segment, segments, scalars, parameters, gradients, slots, count, update_state_.as<UpdateState>(),
                 scales_gradients(), context_.scratch());
}

bool CudaBackend::scales_gradients() const { return context_.options().precision == Precision::float16; }

LossScale CudaBackend::loss_scale() {
  UpdateState state;
  download(&state, update_state_.as<void>(), sizeof state);
  return {state.scale, state.skipped, state.streak};
}

void CudaBackend::set_loss_scale(const LossScale& given) {
  UpdateState state;
  if (scales_gradients()) {
    state.scale = given.scale > 0 ? given.scale : kFirstScale;
    state.streak = given.streak;
    state.skipped = given.skipped;
  }
  upload(update_state_.as<void>(), &state, sizeof state);
}

std::unique_ptr<GruPlan> CudaBackend::make_gru(const GruDescription& description) {
  context_.activate();
  const bool by_cudnn = cudnn_computes(description);
  auto plan = by_cudnn ? make_cudnn_gru(description, context_, &update_state_.as<UpdateState>()->scale)
                       : make_stepwise_gru(description, context_);
  ++(by_cudnn ? cudnn_grus_ : stepwise_grus_);
  return plan;
}

}  // namespace grus::cuda

namespace grus {

std::unique_ptr<Backend> make_cuda_backend(const EngineOptions& options) { return std::make_unique<cuda::CudaBackend>(options); }

}  // namespace grus
