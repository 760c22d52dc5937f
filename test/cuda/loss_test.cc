// Losses on CUDA against the CPU's: value, gradient, masks, weights, rows of every length, and what is not a number.
#include "operations_support.h"

using namespace grus;

namespace {

struct Problem {
  Loss options;
  Floats prediction, target, weights;
  std::vector<int32_t> labels;
  std::vector<uint8_t> mask;
  float denominator = 1;
};

struct Answer {
  Doubles stats;
  Floats gradient;
};

bool is_sparse(const Loss& options) { return options.kind == LossKind::sparse_categorical_crossentropy; }

Problem draw(Loss options, int64_t rows, int64_t cols, bool weighted, bool masked, uint32_t seed) {
  options.rows = rows;
  options.cols = cols;
  Problem p;
  p.options = options;
  const auto count = static_cast<size_t>(rows * cols);
  const bool probabilities = !options.from_logits && options.kind <= LossKind::sparse_categorical_crossentropy;
  p.prediction = probabilities ? random_floats(count, seed, 0.02f, 0.98f) : random_floats(count, seed, -6, 6);
  if (is_sparse(options)) {
    p.labels = random_ints(static_cast<size_t>(rows), static_cast<int32_t>(cols), seed + 2);
  } else {
    p.target = options.kind >= LossKind::mse ? random_floats(count, seed + 1, -6, 6) : random_floats(count, seed + 1, 0, 1);
  }
  if (weighted) p.weights = random_floats(static_cast<size_t>(rows), seed + 3, 0, 2);
  for (int64_t r = 0; r < rows && masked; ++r) p.mask.push_back(r % 3 != 1);
  p.denominator = static_cast<float>(rows);
  return p;
}

Answer ask(Backend& backend, const Problem& problem, bool training = true) {
  const On<float> prediction(backend, problem.prediction), target(backend, problem.target), weights(backend, problem.weights);
  const On<float> gradient(backend, Floats(problem.prediction.size(), 77.0f));
  const On<int32_t> labels(backend, problem.labels);
  const On<uint8_t> mask(backend, problem.mask);
  const On<double> stats(backend, {10, 20});
  StepScalars values;
  values.denominator = problem.denominator;
  values.samples = 3;
  const On<StepScalars> scalars(backend, {values});
  Loss call = problem.options;
  call.prediction = prediction.data();
  call.target = or_null(target, problem.target);
  call.labels = or_null(labels, problem.labels);
  call.weights = or_null(weights, problem.weights);
  call.mask = or_null(mask, problem.mask);
  call.d_prediction = training ? gradient.data() : nullptr;
  backend.loss(call, scalars.data(), stats.data());
  return {stats.read(), training ? gradient.read() : Floats()};
}

// The gradients are compared by the size of the largest that the row's weight allows, 1 / denominator.
void compare(Backend& cuda, Backend& cpu, const Problem& problem) {
  const Answer want = ask(cpu, problem), got = ask(cuda, problem);
  bool good = CHECK(all_near(got.stats, want.stats, 5e-7, 0));
  good &= CHECK(all_near(got.gradient, want.gradient, 2e-6, problem.denominator > 0 ? 5e-7 / problem.denominator : 0));
  const Answer again = ask(cuda, problem);
  good &= CHECK(same_bits(again.stats, got.stats) && same_bits(again.gradient, got.gradient));
  good &= CHECK(same_bits(ask(cuda, problem, false).stats, got.stats));
  const Loss& o = problem.options;
  if (!good) {
    std::printf("  kind %d, logits %d, smoothing %g, rows %lld, cols %lld\n", static_cast<int>(o.kind), o.from_logits, o.label_smoothing,
                static_cast<long long>(o.rows), static_cast<long long>(o.cols));
  }
}

Loss kind_of(LossKind kind, bool from_logits = false, float smoothing = 0, float delta = 1) {
  Loss options;
  options.kind = kind;
  options.from_logits = from_logits;
  options.label_smoothing = smoothing;
  options.delta = delta;
  return options;
}

std::vector<Loss> kinds() {
  std::vector<Loss> all{kind_of(LossKind::mse), kind_of(LossKind::mae), kind_of(LossKind::huber), kind_of(LossKind::huber, false, 0, 0.3f)};
  for (const bool logits : {false, true}) {
    for (const LossKind kind : {LossKind::binary_crossentropy, LossKind::categorical_crossentropy}) {
      all.push_back(kind_of(kind, logits));
      all.push_back(kind_of(kind, logits, 0.15f));
    }
    all.push_back(kind_of(LossKind::sparse_categorical_crossentropy, logits));
  }
  return all;
}

// Every shape that is worked differently: a thread a row, a block a row, several blocks a row, rows in several parts.
void shapes(Backend& cuda, Backend& cpu) {
  for (const Loss& kind : kinds()) {
    for (const int64_t cols : {1, 2, 7, 40, 128, 129, 300, 1000})
      for (const bool weighted : {false, true})
        for (const bool masked : {false, true}) compare(cuda, cpu, draw(kind, 9, cols, weighted, masked, 5));
    compare(cuda, cpu, draw(kind, 1, 1, false, false, 6));
    compare(cuda, cpu, draw(kind, 4500, 131, true, true, 7));
    compare(cuda, cpu, draw(kind, 3, 20000, true, true, 8));
    compare(cuda, cpu, draw(kind, 70000, 3, false, true, 9));
  }
  compare(cuda, cpu, draw(kind_of(LossKind::sparse_categorical_crossentropy, true), 33000, 130, false, false, 10));
  compare(cuda, cpu, draw(kind_of(LossKind::sparse_categorical_crossentropy, true), 600, 5000, false, true, 11));
  // the last part's rows are few, and so are cut into pieces
  compare(cuda, cpu, draw(kind_of(LossKind::sparse_categorical_crossentropy, true), 2400, 4100, false, true, 12));
}

void nothing_valid(Backend& cuda, Backend& cpu) {
  for (const Loss& kind : kinds()) {
    compare(cuda, cpu, draw(kind, 0, 4, false, false, 12));
    for (const int64_t cols : {5, 300}) {
      Problem p = draw(kind, 4, cols, false, false, 13);
      p.mask.assign(4, 0);
      p.denominator = 0;
      const Answer got = ask(cuda, p);
      CHECK(got.stats[0] == 10 && got.stats[1] == 23);
      CHECK(got.gradient == Floats(got.gradient.size(), 0.0f));
    }
  }
}

void not_numbers(Backend& cuda, Backend& cpu) {
  for (const Loss& kind : kinds())
    for (const int64_t cols : {6, 200}) {
      Problem p = draw(kind, 5, cols, true, true, 14);
      const Answer clean = ask(cuda, p);
      const auto width = static_cast<size_t>(cols);
      for (size_t c = 0; c < width; ++c) p.prediction[width + c] = not_a_number;   // row 1 is masked
      if (!p.labels.empty()) p.labels[1] = -1;
      const Answer masked = ask(cuda, p);
      CHECK(same_bits(masked.stats, clean.stats) && same_bits(masked.gradient, clean.gradient));
      for (const float bad : {not_a_number, infinite}) {
        for (size_t c = 0; c < width; ++c) p.prediction[2 * width + c] = c % 2 ? bad : 0.25f;
        compare(cuda, cpu, p);
      }
    }
}

void limits(Backend& cuda, Backend& cpu) {
  for (const Loss& kind : kinds())
    for (const int64_t cols : {6, 200}) {
      Problem p = draw(kind, 5, cols, false, false, 15);
      const float values[] = {0, 1, 0.5f, 1e-7f, 1 - 1e-7f, 1e-9f}, logits[] = {0, 1000, -1000, 88, -88, 1e-6f};
      for (size_t i = 0; i < p.prediction.size(); ++i) p.prediction[i] = kind.from_logits ? logits[i % 6] : values[i % 6];
      for (size_t i = 0; i < p.target.size(); ++i) p.target[i] = i % 5 ? 0.0f : 1.0f;
      compare(cuda, cpu, p);
    }
}

}  // namespace

int main() {
  const auto cuda = cuda_backend();
  if (!cuda) return kNothingTested;
  const auto cpu = make_cpu_backend(1);
  shapes(*cuda, *cpu);
  nothing_valid(*cuda, *cpu);
  not_numbers(*cuda, *cpu);
  limits(*cuda, *cpu);
  return checks().report();
}
