// No operation asks for memory: a counting operator new watches all of them, small and large, on one thread and two.
#include <atomic>
#include <cstdlib>
#include <new>

#include "ops_support.h"

namespace {
std::atomic<long> requests{0};
}

void* operator new(size_t bytes) {
  ++requests;
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

using namespace grus;

namespace {

struct Arena {
  Floats a, b, c, d, slots;
  std::vector<int32_t> ids, map;
  std::vector<uint8_t> mask;
  Doubles stats = Doubles(512), norms;
  int64_t rows, cols;
  Arena(int64_t rows_, int64_t cols_) : rows(rows_), cols(cols_) {
    const auto count = static_cast<size_t>(2 * rows * cols);
    a = random_floats(count, 1, 0.1f, 0.9f);
    b = random_floats(count, 2, 0.1f, 0.9f);
    c = random_floats(count, 3);
    d = random_floats(count, 4);
    norms = Doubles(static_cast<size_t>(2 * rows));
    slots = Floats(3 * count, 0.5f);
    ids = random_ints(static_cast<size_t>(rows), static_cast<int32_t>(cols), 5);
    map = random_ints(static_cast<size_t>(rows), static_cast<int32_t>(rows), 6);
    mask = std::vector<uint8_t>(static_cast<size_t>(rows), 1);
  }
};

void every_operation(Backend& backend, Arena& m) {
  const int64_t rows = m.rows, cols = m.cols, count = rows * cols;
  StepScalars scalars;
  scalars.update = 3;
  scalars.learning_rate = 0.01f;
  Gemm gemm;
  gemm.m = gemm.n = gemm.k = std::min<int64_t>(rows, cols);
  gemm.a = m.a.data();
  gemm.b = m.b.data();
  gemm.c = m.c.data();
  gemm.lda = gemm.ldb = gemm.ldc = cols;
  backend.gemm(gemm);
  backend.zero(m.c.data(), static_cast<size_t>(count) * sizeof(float));
  backend.copy(m.c.data(), m.a.data(), static_cast<size_t>(count) * sizeof(float));
  backend.copy_rows(m.a.data(), cols, m.c.data(), cols, rows, cols);
  backend.add_rows(m.a.data(), cols, m.c.data(), cols, rows, cols);
  backend.bias_add(m.c.data(), m.a.data(), rows, cols);
  backend.bias_grad(m.d.data(), m.c.data(), rows, cols);
  const Activation tanh{ActivationKind::tanh, 0, 0};
  backend.activation(tanh, m.a.data(), m.c.data(), count);
  backend.activation_grad(tanh, m.c.data(), m.a.data(), m.d.data(), count);
  backend.softmax(m.a.data(), m.c.data(), rows, cols);
  backend.softmax_grad(m.c.data(), m.a.data(), m.d.data(), rows, cols);
  LayerNorm norm;
  norm.rows = rows, norm.cols = cols;
  norm.x = m.a.data(), norm.weight = m.b.data(), norm.statistics = m.norms.data();
  backend.layer_norm(norm, m.b.data(), m.c.data());
  backend.layer_norm_grad(norm, m.a.data(), m.d.data(), m.c.data());
  backend.embedding(m.a.data(), m.ids.data(), m.c.data(), rows, 2);
  backend.embedding_grad(m.d.data(), m.ids.data(), {}, m.c.data(), rows, 2);
  Dropout dropout;
  dropout.rate = 0.3f;
  dropout.rows = dropout.row_period = rows;
  dropout.cols = cols;
  backend.dropout(dropout, &scalars, m.a.data(), m.c.data());
  GatherSteps gather;
  gather.steps = static_cast<int>(rows);
  gather.batch = 1;
  gather.cols = static_cast<int>(cols);
  gather.map = m.map.data();
  gather.x_stride = gather.y_stride = cols;
  backend.gather_steps(gather, m.a.data(), nullptr, m.c.data());
  backend.gather_steps_grad(gather, m.a.data(), m.c.data(), nullptr);
  backend.merge(Merge::mul, m.a.data(), m.c.data(), rows, cols);
  backend.merge_grad(Merge::ave, m.a.data(), m.b.data(), m.c.data(), rows, cols);
  for (int kind = 0; kind <= static_cast<int>(LossKind::huber); ++kind)
    for (const bool from_logits : {false, true}) {
      Loss loss;
      loss.kind = static_cast<LossKind>(kind);
      loss.from_logits = from_logits;
      loss.rows = rows;
      loss.cols = cols;
      loss.prediction = m.a.data();
      loss.target = m.b.data();
      loss.labels = m.ids.data();
      loss.mask = m.mask.data();
      loss.d_prediction = m.d.data();
      backend.loss(loss, &scalars, m.stats.data());
      loss.d_prediction = nullptr;
      backend.loss(loss, &scalars, m.stats.data());
    }
  for (int kind = 0; kind <= static_cast<int>(MetricKind::top_k); ++kind) {
    Metric metric;
    metric.kind = static_cast<MetricKind>(kind);
    metric.rows = rows;
    metric.cols = cols;
    metric.prediction = m.a.data();
    metric.target = m.b.data();
    metric.labels = m.ids.data();
    metric.stats = m.stats.data();
    backend.metric(metric);
  }
  Segment segment;
  segment.count = count;
  segment.l1 = segment.l2 = 0.1f;
  backend.regularize(&segment, 1, m.a.data(), m.d.data(), &scalars, m.stats.data());
  for (int kind = 0; kind <= static_cast<int>(OptimizerKind::nadam); ++kind)
    for (const int clip : {0, 1, 2}) {
      Optimizer optimizer;
      optimizer.kind = static_cast<OptimizerKind>(kind);
      optimizer.momentum = 0.5f;
      optimizer.weight_decay = 0.1f;
      (clip == 0 ? optimizer.clip_norm : clip == 1 ? optimizer.clip_value : optimizer.global_clip_norm) = 0.1f;
      backend.optimizer_init(optimizer, m.slots.data(), count);
      backend.optimize(optimizer, &segment, 1, &scalars, m.c.data(), m.d.data(), m.slots.data(), count);
    }
}

}  // namespace

int main() {
  for (const int threads : {1, 2}) {
    auto backend = make_cpu_backend(threads);
    Arena small(10, 12), large(900, 80);
    every_operation(*backend, small);   // the first time, packing room and threads may come to be
    every_operation(*backend, large);
    const long before = requests;
    CHECK(before > 0);
    every_operation(*backend, small);
    every_operation(*backend, large);
    CHECK(requests == before);
    CHECK(std::isfinite(large.stats[0]));
  }
  return checks().report();
}
