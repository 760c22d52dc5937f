#include "backend.h"

#include <cstdlib>
#include <cstring>

#include "../core/error.h"
#include "dropout.h"
#include "embedding.h"
#include "engine_name.h"
#include "gather.h"
#include "gru_plan.h"
#include "layer_norm.h"
#include "loss.h"
#include "merge.h"
#include "metric.h"
#include "ops.h"
#include "regularize.h"

namespace grus {
namespace {

constexpr size_t alignment = 64;

int check_threads(int threads) {
  constexpr int most = 1024;
  if (threads <= most) return threads;
  throw Error(ErrorCode::invalid_argument, "[threads] expected at most " + std::to_string(most) + ", got " + std::to_string(threads));
}

void move_bytes(void* destination, const void* source, size_t bytes) {
  if (bytes > 0 && destination != source) std::memmove(destination, source, bytes);
}

}  // namespace

CpuBackend::CpuBackend(int threads, bool half_weights) : team_(check_threads(threads)), half_weights_(half_weights) {
  op_loops();   // a GRUS_ISA that cannot be served is refused here, not in the middle of a step
}

std::string CpuBackend::engine() const { return cpu_engine_name() + (half_weights_ ? ", inference with bfloat16 weights" : ""); }

// calloc, so that a large buffer's pages come zeroed from the system and cost nothing before they are used.
Buffer CpuBackend::allocate(size_t bytes) {
  void* start = bytes < PTRDIFF_MAX - alignment ? std::calloc(1, bytes + alignment) : nullptr;
  if (!start) throw Error(ErrorCode::out_of_memory, "[cpu] expected room for " + std::to_string(bytes) + " bytes, the system has none");
  const uintptr_t aligned = (reinterpret_cast<uintptr_t>(start) + alignment - 1) / alignment * alignment;
  return Buffer(reinterpret_cast<void*>(aligned), bytes, [start](void*) { std::free(start); });
}

void CpuBackend::upload(void* destination, const void* source, size_t bytes) { move_bytes(destination, source, bytes); }
void CpuBackend::download(void* destination, const void* source, size_t bytes) { move_bytes(destination, source, bytes); }
void CpuBackend::copy(void* destination, const void* source, size_t bytes) { move_bytes(destination, source, bytes); }
void CpuBackend::zero(void* destination, size_t bytes) {
  if (bytes > 0) std::memset(destination, 0, bytes);
}
void CpuBackend::run(const std::string&, const std::function<void()>& enqueue) { enqueue(); }

void CpuBackend::gemm(const Gemm& call) { grus::gemm(call, team_, gemm_scratch_); }
void CpuBackend::copy_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) {
  cpu::copy_rows(x, x_stride, y, y_stride, rows, cols, team_);
}
void CpuBackend::add_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) {
  cpu::add_rows(x, x_stride, y, y_stride, rows, cols, team_);
}
void CpuBackend::bias_add(float* y, const float* bias, int64_t rows, int64_t cols) { cpu::add_rows(bias, 0, y, cols, rows, cols, team_); }
void CpuBackend::bias_grad(float* dbias, const float* dy, int64_t rows, int64_t cols) { cpu::bias_grad(dbias, dy, rows, cols, team_); }
void CpuBackend::activation(const Activation& kind, const float* x, float* y, int64_t count) { cpu::activation(kind, x, y, count, team_); }
void CpuBackend::activation_grad(const Activation& kind, const float* y, const float* dy, float* dx, int64_t count) {
  cpu::activation_grad(kind, y, dy, dx, count, team_);
}
void CpuBackend::softmax(const float* x, float* y, int64_t rows, int64_t cols) { cpu::softmax(x, y, rows, cols, team_); }
void CpuBackend::softmax_grad(const float* y, const float* dy, float* dx, int64_t rows, int64_t cols) {
  cpu::softmax_grad(y, dy, dx, rows, cols, team_);
}
void CpuBackend::layer_norm(const LayerNorm& call, const float* bias, float* y) { cpu::layer_norm(call, bias, y, team_); }
void CpuBackend::layer_norm_grad(const LayerNorm& call, const float* dy, float* dx, float* dweight) {
  cpu::layer_norm_grad(call, dy, dx, dweight, team_);
}
void CpuBackend::embedding(const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) {
  cpu::embedding(table, ids, y, rows, cols, team_);
}
void CpuBackend::embedding_grad(float* dtable, const int32_t* ids, const IdLists&, const float* dy, int64_t rows, int64_t cols) {
  cpu::embedding_grad(dtable, ids, dy, rows, cols, team_);
}
void CpuBackend::dropout(const Dropout& options, const StepScalars* scalars, const float* x, float* y) {
  cpu::dropout(options, *scalars, x, y, team_);
}
void CpuBackend::gather_steps(const GatherSteps& gather, const float* x, const float* fallback, float* y) {
  cpu::gather_steps(gather, x, fallback, y, team_);
}
void CpuBackend::gather_steps_grad(const GatherSteps& gather, const float* dy, float* dx, float* dfallback) {
  cpu::gather_steps_grad(gather, dy, dx, dfallback, team_);
}
void CpuBackend::merge(Merge kind, const float* x, float* y, int64_t rows, int64_t cols) { cpu::merge(kind, x, y, rows, cols, team_); }
void CpuBackend::merge_grad(Merge kind, const float* x, const float* dy, float* dx, int64_t rows, int64_t cols) {
  cpu::merge_grad(kind, x, dy, dx, rows, cols, team_);
}
void CpuBackend::loss(const Loss& options, const StepScalars* scalars, double* stats) { cpu::loss(options, *scalars, stats, team_); }
void CpuBackend::metric(const Metric& options) { cpu::metric(options, team_); }
void CpuBackend::regularize(const Segment* segment, int segments, const float* parameters, float* gradients, const StepScalars* scalars,
                            double* stats) {
  cpu::regularize(segment, segments, parameters, gradients, *scalars, stats, team_);
}
void CpuBackend::optimizer_init(const Optimizer& options, float* slots, int64_t count) {
  cpu::optimizer_init(options, slots, count, team_);
}
void CpuBackend::optimize(const Optimizer& options, const Segment* segment, int segments, const StepScalars* scalars, float* parameters,
                          float* gradients, float* slots, int64_t count) {
  cpu::optimize(options, segment, segments, *scalars, parameters, gradients, slots, count, nadam_, team_);
}

std::unique_ptr<GruPlan> CpuBackend::make_gru(const GruDescription& description) { return make_cpu_gru(description, team_, half_weights_); }

std::unique_ptr<Backend> make_cpu_backend(int threads, bool half_weights) {
  return std::make_unique<CpuBackend>(threads, half_weights);
}

}  // namespace grus
