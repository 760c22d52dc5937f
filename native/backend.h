#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/activation.h"
#include "core/buffer.h"
#include "core/memory_counters.h"
#include "engine_options.h"
#include "gru_plan.h"

namespace grus {

// Everything below is row-major, float32 unless said, on the backend's device. "+=" marks results that are added to what is there.

// Scalars that change from step to step live on the device, so that a captured step can be replayed.
struct StepScalars {
  uint64_t seed = 0;              // of the dropout masks
  uint64_t step = 0;              // steps of training done before this one; keys the dropout masks
  uint64_t update = 0;            // number of this optimizer update, from 1
  float learning_rate = 0;
  float denominator = 1;          // what the summed loss is divided by: rows, or valid rows under a mask
  float samples = 0;              // weight of this batch in the epoch's mean loss
};

struct Gemm {                     // C [m, n] = alpha * op(A) [m, k] * op(B) [k, n] + beta * C
  bool transpose_a = false, transpose_b = false;
  int64_t m = 0, n = 0, k = 0;
  float alpha = 1, beta = 0;
  const float* a = nullptr; int64_t lda = 0;   // leading dimensions of the matrices as stored
  const float* b = nullptr; int64_t ldb = 0;
  float* c = nullptr; int64_t ldc = 0;
};

// Element (row, col) is dropped when philox((row % row_period) * cols + col; seed, step, layer) < rate; the kept are scaled by 1 / (1 -
// rate).
// row_period = rows: a fresh mask for every element. row_period = B on [T*B, cols]: one mask for all steps of a sequence (Keras' gru
// dropout).
struct Dropout {
  float rate = 0;
  uint32_t layer = 0;
  int64_t rows = 0, cols = 0, row_period = 0;
};

// y[t, b, 0..cols) = map[t, b] >= 0 ? x[map[t, b], b, 0..cols) : (fallback ? fallback[b, 0..cols) : 0), for t < steps, b < batch.
// map: int32 [steps, batch]. The strides are those between neighbouring (t, b) rows of x and y, in floats; fallback rows are
// fallback_stride apart.
struct GatherSteps {
  int steps = 0, batch = 0, cols = 0;
  const int32_t* map = nullptr;
  int64_t x_stride = 0, y_stride = 0, fallback_stride = 0;
};

// Of each row of x [rows, cols]: (x - mean) / sqrt(variance + epsilon), the variance the biased one. Sums are in double.
struct LayerNorm {
  float epsilon = 0;
  int64_t rows = 0, cols = 0;
  const float* x = nullptr;
  const float* weight = nullptr;   // [cols]; null: 1
  double* statistics = nullptr;    // [rows, 2]: mean and 1 / sqrt(variance + epsilon), written by layer_norm, read by layer_norm_grad
};

// The positions of equal ids, so that each row of a table is added to by one walk over its own: list i is order[starts[i]] to
// order[starts[i + 1] - 1], ascending. Lists without positions come last.
struct IdLists {
  int64_t lists = 0;                     // of rows ids, at most min(rows, vocabulary); fixed by these, not by the ids
  const int32_t* order = nullptr;        // [rows]
  const int32_t* starts = nullptr;       // [lists + 1]
};

enum class Merge { concat, sum, mul, ave };   // of the two directions' outputs; concat needs no operation

enum class LossKind { binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy, mse, mae, huber };

struct Loss {
  LossKind kind = LossKind::mse;
  bool from_logits = false;               // prediction holds logits: softmax / sigmoid is part of the loss
  float delta = 1;                        // huber
  float label_smoothing = 0;              // binary and categorical crossentropy
  int64_t rows = 0, cols = 0;             // rows = B, or T*B for sequences
  const float* prediction = nullptr;      // [rows, cols]
  const float* target = nullptr;          // [rows, cols]; null for sparse
  const int32_t* labels = nullptr;        // [rows], sparse only; in 0..cols-1
  const float* weights = nullptr;         // [rows] sample weights; null: 1
  const uint8_t* mask = nullptr;          // [rows]; null: all valid
  float* d_prediction = nullptr;          // [rows, cols], written; null in evaluation
};

enum class MetricKind {
  binary_accuracy, categorical_accuracy, sparse_categorical_accuracy,   // [correct, count]
  mae, mse, rmse,                                                       // [sum of row means, count]
  precision, recall, f1,                                                // [tp, fp, fn]
  auc,                                                                  // [positives by bin, negatives by bin], bins each
  top_k                                                                 // [correct, count]; labels or one-hot targets
};

struct Metric {
  MetricKind kind = MetricKind::binary_accuracy;
  float threshold = 0.5f;                 // strictly above: positive
  int k = 5;
  int bins = 200;                         // auc: bin of p is min(bins - 1, floor(p * bins)), p clamped to [0, 1]
  int64_t rows = 0, cols = 0;
  const float* prediction = nullptr;      // [rows, cols] probabilities or values
  const float* target = nullptr;          // [rows, cols], or null with labels
  const int32_t* labels = nullptr;        // [rows]
  const uint8_t* mask = nullptr;          // [rows]
  double* stats = nullptr;                // += ; as many as listed above
};
int metric_stats(MetricKind kind, int bins);   // how many doubles a metric keeps (native/metric_stats.cc)

enum class OptimizerKind { sgd, adam, adamw, rmsprop, adagrad, adadelta, adamax, nadam };

// Keras' formulas and defaults (docs/api.md); torch_epsilon: m_hat / (sqrt(v_hat) + epsilon) instead of Keras' "epsilon hat".
struct Optimizer {
  OptimizerKind kind = OptimizerKind::adam;
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f;
  float momentum = 0, rho = 0.9f, weight_decay = 0, initial_accumulator = 0.1f;
  bool nesterov = false, amsgrad = false, centered = false, torch_epsilon = false;
  float clip_norm = 0, clip_value = 0, global_clip_norm = 0;   // 0: off; at most one is set
};
int optimizer_slots(const Optimizer&);         // flat buffers of state it keeps (native/optimizer_slots.cc)
// Slots by kind, in this order. sgd: [momentum] if momentum > 0; adam, adamw: m, v[, v_max]; rmsprop: v[, momentum][, mean gradient if
// centered]; adagrad: accumulator (filled with initial_accumulator when made); adadelta: gradient average, delta average; adamax: m, u;
// nadam: m, v.

// One stretch of the flat parameter buffer. Stretches of one variable share its number: clip_norm is per variable, as in Keras.
struct Segment {
  int64_t offset = 0, count = 0;
  int variable = 0;
  bool trainable = true;                  // false: gradient and update are skipped
  float l1 = 0, l2 = 0;                   // loss += l1 * sum|w| + l2 * sum w^2
};

// Dynamic loss scaling of float16: the gradients inside a GRU are scaled by `scale`; when one overflows, the update is skipped and the
// scale halved, and after 2000 updates in a row without overflow it is doubled.
struct LossScale {
  float scale = 1;                       // 1 where there is no such scaling; set to 0: the one that training starts with; before it 1
  uint64_t skipped = 0;                  // updates skipped so far
  uint32_t streak = 0;                   // updates since the last change of the scale
};

// The device contract. cpu/ and cuda/ implement exactly this; one instance belongs to one session and is used from its executor thread
// only.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* device() const = 0;              // "cpu" or "cuda"
  virtual int index() const { return 0; }              // which GPU
  std::string name() const { return index() == 0 ? device() : device() + (':' + std::to_string(index())); }   // "cpu", "cuda", "cuda:1"
  virtual std::string engine() const = 0;              // e.g. "cpu packed avx512" or "cpu openblas 0.3.21 avx2"

  virtual Buffer allocate(size_t bytes) = 0;           // zeroed, aligned to 64 bytes; Error out_of_memory
  // Where Memory counts what it allocates; a backend that allocates for itself has counted that there.
  virtual std::shared_ptr<MemoryCounters> memory_counters() { return std::make_shared<MemoryCounters>(); }
  virtual void upload(void* destination, const void* source, size_t bytes) = 0;     // source reusable on return
  // The same without a copy on the way: room on the host that the caller fills, then upload_staged with the same arguments. The
  // destination itself where that is host memory. Good until the next transfer, and to be given up at any time.
  virtual void* stage(void* destination, size_t bytes) = 0;
  virtual void upload_staged(void* destination, size_t bytes) = 0;
  virtual void download(void* destination, const void* source, size_t bytes) = 0;   // waits for the work before it
  virtual void copy(void* destination, const void* source, size_t bytes) = 0;       // device to device
  virtual void zero(void* destination, size_t bytes) = 0;
  // Enqueues one pass. CPU: calls it; CUDA: calls it the first two times, captures it the third time its key comes, then replays. What it
  // reads has been uploaded before; it allocates nothing and waits for nothing.
  virtual void run(const std::string& key, const std::function<void()>& enqueue) = 0;
  // None of the keys so far comes again: what was captured for them goes, after the work in flight.
  virtual void forget_passes() {}
  virtual bool on_host() const { return false; }   // its operations take any memory of the process
  virtual void synchronize() = 0;

  virtual void gemm(const Gemm&) = 0;
  virtual void copy_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) = 0;
  virtual void add_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t cols) = 0;   // y +=
  virtual void bias_add(float* y, const float* bias, int64_t rows, int64_t cols) = 0;                                    // y +=
  virtual void bias_grad(float* dbias, const float* dy, int64_t rows, int64_t cols) = 0;                                 // dbias +=
  virtual void activation(const Activation&, const float* x, float* y, int64_t count) = 0;                               // y may be x
  virtual void activation_grad(const Activation&, const float* y, const float* dy, float* dx, int64_t count) = 0;        // dx may be dy
  virtual void softmax(const float* x, float* y, int64_t rows, int64_t cols) = 0;
  virtual void softmax_grad(const float* y, const float* dy, float* dx, int64_t rows, int64_t cols) = 0;
  // y = normalized * weight + bias; bias null: 0
  virtual void layer_norm(const LayerNorm&, const float* bias, float* y) = 0;
  // dx (null: not wanted) may be dy; dweight += (null: not wanted)
  virtual void layer_norm_grad(const LayerNorm&, const float* dy, float* dx, float* dweight) = 0;
  virtual void embedding(const float* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) = 0;
  // dtable +=, an id's rows in their order
  virtual void embedding_grad(float* dtable, const int32_t* ids, const IdLists&, const float* dy, int64_t rows, int64_t cols) = 0;
  virtual bool reads_id_lists() const { return false; }   // embedding_grad does; else it may be given none
  virtual void dropout(const Dropout&, const StepScalars* scalars, const float* x, float* y) = 0;  // same call for the gradient; y may be x
  virtual void gather_steps(const GatherSteps&, const float* x, const float* fallback, float* y) = 0;
  // dx +=, dfallback += (null: not wanted)
  virtual void gather_steps_grad(const GatherSteps&, const float* dy, float* dx, float* dfallback) = 0;
  virtual void merge(Merge, const float* x, float* y, int64_t rows, int64_t cols) = 0;              // x [rows, 2*cols] -> y [rows, cols]
  virtual void merge_grad(Merge, const float* x, const float* dy, float* dx, int64_t rows, int64_t cols) = 0;

  // stats[0] += loss * samples, stats[1] += samples, where loss = sum over rows of mask * weight * value / denominator
  virtual void loss(const Loss&, const StepScalars* scalars, double* stats) = 0;
  virtual void metric(const Metric&) = 0;
  // Adds the regularisers' gradient (when gradients is not null) and stats[0] += penalty * samples.
  virtual void regularize(const Segment*, int segments, const float* parameters, float* gradients, const StepScalars* scalars,
                          double* stats) = 0;
  virtual void optimizer_init(const Optimizer&, float* slots, int64_t count) = 0;
  // Clips the gradients as the optimizer says, then updates the parameters. slots: optimizer_slots() stretches of `count` floats.
  // With loss scaling: nothing at all when a gradient is not finite, and scalars->update counts the skipped ones that the optimizer must
  // not.
  virtual void optimize(const Optimizer&, const Segment*, int segments, const StepScalars* scalars,
                        float* parameters, float* gradients, float* slots, int64_t count) = 0;
  virtual LossScale loss_scale() { return {}; }          // waits for the work before it
  virtual void set_loss_scale(const LossScale&) {}       // of a checkpoint

  virtual std::unique_ptr<GruPlan> make_gru(const GruDescription&) = 0;
};

// threads <= 0: default_threads(), as it is at each call. half_weights: see EngineOptions.
std::unique_ptr<Backend> make_cpu_backend(int threads, bool half_weights = false);
// Error backend_unavailable with the reason and what would mend it; invalid_argument for an index beyond the GPUs there are; unsupported
// for a precision this GPU or its libraries lack.
std::unique_ptr<Backend> make_cuda_backend(const EngineOptions&);
// What device 'cuda' would need and what there is, line by line; touches the driver and, where there is a GPU or when thorough, the
// libraries.
struct CudaReport;
CudaReport report_cuda(bool thorough = false);

}  // namespace grus
