// Metrics on CUDA against the CPU's: counts are exact, means of errors agree to the rounding of a double.
#include "operations_support.h"

using namespace grus;

namespace {

constexpr MetricKind kinds[] = {MetricKind::binary_accuracy, MetricKind::categorical_accuracy, MetricKind::sparse_categorical_accuracy,
                                MetricKind::mae, MetricKind::mse, MetricKind::rmse, MetricKind::precision, MetricKind::recall,
                                MetricKind::f1, MetricKind::auc, MetricKind::top_k};

struct Problem {
  Metric options;
  Floats prediction, target;
  std::vector<int32_t> labels;
  std::vector<uint8_t> mask;
};

// Predictions are multiples of 1/16, so that many are equal, and equal to the threshold and to the edges of bins.
Problem draw(MetricKind kind, int64_t rows, int64_t cols, bool by_label, bool masked, uint32_t seed) {
  Problem p;
  p.options.kind = kind;
  p.options.rows = rows;
  p.options.cols = cols;
  p.options.k = static_cast<int>(cols / 2);
  p.options.bins = 64;
  p.prediction = random_floats(static_cast<size_t>(rows * cols), seed, -0.1f, 1.1f);
  for (float& value : p.prediction) value = std::floor(value * 16) / 16;
  if (by_label) {
    p.labels = random_ints(static_cast<size_t>(rows), static_cast<int32_t>(std::max<int64_t>(cols, 2)), seed + 1);
    if (cols == 1 && kind > MetricKind::binary_accuracy) p.labels.assign(p.labels.size(), 0);
  } else {
    p.target = random_floats(static_cast<size_t>(rows * cols), seed + 2, 0, 3);
    for (float& value : p.target) value = std::floor(value);
  }
  for (int64_t r = 0; r < rows && masked; ++r) p.mask.push_back(r % 4 != 2);
  return p;
}

Doubles ask(Backend& backend, const Problem& problem) {
  const On<float> prediction(backend, problem.prediction), target(backend, problem.target);
  const On<int32_t> labels(backend, problem.labels);
  const On<uint8_t> mask(backend, problem.mask);
  const On<double> stats(backend, Doubles(static_cast<size_t>(metric_stats(problem.options.kind, problem.options.bins)), 100));
  Metric call = problem.options;
  call.prediction = prediction.data();
  call.target = or_null(target, problem.target);
  call.labels = or_null(labels, problem.labels);
  call.mask = or_null(mask, problem.mask);
  call.stats = stats.data();
  backend.metric(call);
  return stats.read();
}

void compare(Backend& cuda, Backend& cpu, const Problem& problem) {
  const MetricKind kind = problem.options.kind;
  const bool mean = kind == MetricKind::binary_accuracy || (kind >= MetricKind::mae && kind <= MetricKind::rmse);
  const Doubles want = ask(cpu, problem), got = ask(cuda, problem);
  const bool good = CHECK(mean ? all_near(got, want, 1e-13, 0) : got == want) & CHECK(same_bits(ask(cuda, problem), got));
  const Metric& o = problem.options;
  if (!good) {
    std::printf("  kind %d, rows %lld, cols %lld, k %d, %s\n", static_cast<int>(kind), static_cast<long long>(o.rows),
                static_cast<long long>(o.cols), o.k, problem.labels.empty() ? "targets" : "labels");
  }
}

void shapes(Backend& cuda, Backend& cpu) {
  for (const MetricKind kind : kinds)
    for (const bool by_label : {false, true}) {
      for (const int64_t cols : {1, 2, 6, 128, 129, 1000})
        for (const bool masked : {false, true}) compare(cuda, cpu, draw(kind, 37, cols, by_label, masked, 3));
      compare(cuda, cpu, draw(kind, 0, 3, by_label, false, 4));
      compare(cuda, cpu, draw(kind, 20000, 3, by_label, true, 5));
      compare(cuda, cpu, draw(kind, 9000, 140, by_label, true, 6));
      compare(cuda, cpu, draw(kind, 3, 30000, by_label, true, 7));
    }
}

void options(Backend& cuda, Backend& cpu) {
  for (const int k : {1, 2, 5, 10000})
    for (const int64_t cols : {12, 400}) {
      Problem p = draw(MetricKind::top_k, 50, cols, true, false, 8);
      p.options.k = k;
      compare(cuda, cpu, p);
    }
  for (const MetricKind kind : {MetricKind::binary_accuracy, MetricKind::f1}) {
    Problem p = draw(kind, 300, 4, false, true, 9);
    p.options.threshold = 0.25f;
    compare(cuda, cpu, p);
  }
  for (const int bins : {1, 7, 200}) {
    Problem p = draw(MetricKind::auc, 300, 4, false, true, 10);
    p.options.bins = bins;
    compare(cuda, cpu, p);
  }
}

void not_numbers(Backend& cuda, Backend& cpu) {
  for (const MetricKind kind : kinds)
    for (const bool by_label : {false, true})
      for (const int64_t cols : {6, 300})
        for (const float bad : {not_a_number, infinite, -infinite}) {
          Problem p = draw(kind, 12, cols, by_label, true, 11);
          const auto width = static_cast<size_t>(cols);
          for (size_t c = 0; c < width; ++c) p.prediction[2 * width + c] = not_a_number;   // masked
          if (by_label) p.labels[2] = -1;
          compare(cuda, cpu, p);
          for (size_t c = 0; c < width; ++c) p.prediction[3 * width + c] = p.prediction[4 * width + c] = bad;
          p.prediction[3 * width + 1] = 0.5f;
          p.prediction[5 * width] = bad;                                                   // the first, where the search begins
          p.prediction[7 * width + 3] = bad;
          compare(cuda, cpu, p);
        }
}

}  // namespace

int main() {
  const auto cuda = cuda_backend();
  if (!cuda) return kNothingTested;
  const auto cpu = make_cpu_backend(1);
  shapes(*cuda, *cpu);
  options(*cuda, *cpu);
  not_numbers(*cuda, *cpu);
  return checks().report();
}
