// The GRU with tf32 products and in 16 bits: within the stated distance of float32, and not closer than such numbers can be.
#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

// As a part of the largest value of a tensor.
struct Distance {
  Precision precision;
  const char* name;
  double output, gradient;
  double least;   // of y: nothing was rounded if it is nearer
};
constexpr Distance kDistances[] = {{Precision::tf32, "tf32", 2e-3, 1e-2, 1e-6},
                                   {Precision::float16, "float16", 5e-3, 2e-2, 1e-5},
                                   {Precision::bfloat16, "bfloat16", 4e-2, 1e-1, 1e-4}};

void expect_near(Engine& cpu, Engine& gpu, const Problem& p, const Distance& distance) {
  Problem zero = p;   // what 16 bits add to must not hide what they add
  zero.before.assign(p.before.size(), 0);
  const Result expected = compute(cpu, zero), got = compute(gpu, zero), inference = compute(gpu, zero, false);
  bool good = CHECK_CLOSE(apart(got.y, expected.y), 0.0, distance.output);
  good &= CHECK_CLOSE(apart(got.hy, expected.hy), 0.0, distance.output);
  good &= CHECK_CLOSE(apart(inference.y, expected.y), 0.0, distance.output);
  good &= CHECK_CLOSE(apart(inference.hy, expected.hy), 0.0, distance.output);
  good &= CHECK_CLOSE(apart(got.dx, expected.dx), 0.0, distance.gradient);
  good &= CHECK_CLOSE(apart(got.dhx, expected.dhx), 0.0, distance.gradient);
  good &= CHECK_CLOSE(apart(got.dweights, expected.dweights), 0.0, distance.gradient);
  good &= CHECK(zero_beyond(p, got.y, p.width()));
  if (p.dx) good &= CHECK(zero_beyond(p, got.dx, static_cast<size_t>(p.description.input_size)));
  if (!good) {
    std::printf("  %s\n", distance.name);
    print(p);
  }
}

void structures(Engine& cpu, Engine& gpu, const Distance& distance, std::mt19937& random) {
  int turn = 0;
  for (const int layers : {1, 2}) {
    for (const Direction direction : {Direction::forward, Direction::backward, Direction::both}) {
      for (const Lengths& lengths : {Lengths{}, Lengths{5, 2, 1, 4}, Lengths{0, 5, 3, 0}}) {
        for (const int hidden : {3, 8, 33}) {
          const Problem p = make_problem(gru::describe(5, hidden, layers, direction, turn % 3 > 0), 4, 5, lengths, random);
          expect_near(cpu, gpu, without(p, turn % 128), distance);
          turn += 41;
        }
      }
    }
  }
}

// The tf32 mode of cuDNN only permits rounding: kernels for small shapes may add without tensor cores. Those of the standard algorithm at
// this size do use them.
void really_rounded(Engine& cpu, const Distance& distance, std::mt19937& random) {
  const auto gpu = find_gpu(on_gpu(distance.precision, GruAlgorithm::standard));
  if (!gpu) return;
  const Problem p = make_problem(gru::describe(8, 256, 1, Direction::forward), 64, 2, {}, random);
  const Floats expected = compute(cpu, p, false).y, got = compute(*gpu, p, false).y;
  if (!CHECK(apart(got, expected) > distance.least)) std::printf("  %s\n", distance.name);
}

void keeps_what_was_there(Engine& gpu, std::mt19937& random) {
  Problem p = make_problem(gru::describe(16, 32, 1, Direction::forward), 8, 6, {}, random);
  p.dy.assign(p.dy.size(), 0);   // gradients are added to float32 ones, which keep all their digits
  p.dhy.assign(p.dhy.size(), 0);
  CHECK(same(compute(gpu, p).dweights, p.before));
}

// Gradients of 1e-7 are nothing in float16, unless they are scaled; at 2^24 those of 1 would be infinite.
void scaled(std::mt19937& random) {
  const auto gpu = find_gpu(on_gpu(Precision::float16));
  if (!gpu) return;
  BackendEngine cpu(make_cpu_backend(1));
  for (const Lengths& lengths : {Lengths{}, Lengths{4, 2, 3}}) {
    Problem p = make_problem(gru::describe(4, 8, lengths.empty() ? 2 : 1, Direction::forward), 3, 4, lengths, random);
    p.before.assign(p.before.size(), 0);
    for (Floats* values : {&p.dy, &p.dhy}) {
      for (float& v : *values) v *= 1e-7f;
    }
    const Result expected = compute(cpu, p);
    gpu->backend->set_loss_scale({16777216.0f, 0, 0});
    const Result got = compute(*gpu, p);
    CHECK_CLOSE(apart(got.dx, expected.dx), 0.0, 2e-2);
    CHECK_CLOSE(apart(got.dhx, expected.dhx), 0.0, 2e-2);
    CHECK_CLOSE(apart(got.dweights, expected.dweights), 0.0, 2e-2);
    gpu->backend->set_loss_scale({1, 0, 0});
    CHECK(apart(compute(*gpu, p).dweights, expected.dweights) > 2e-2);
    for (Floats* values : {&p.dy, &p.dhy}) {
      for (float& v : *values) v *= 1e7f;
    }
    gpu->backend->set_loss_scale({16777216.0f, 0, 0});
    const Floats overflowed = compute(*gpu, p).dweights;
    CHECK(!std::all_of(overflowed.begin(), overflowed.end(), [](float v) { return std::isfinite(v); }));
  }
}

}  // namespace

int main() {
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(13);
  for (const Distance& distance : kDistances) {
    const auto gpu = find_gpu(on_gpu(distance.precision));
    if (!gpu) {
      if (distance.precision == Precision::tf32) return kNothingTested;
      continue;
    }
    if (distance.precision == Precision::float16) gpu->backend->set_loss_scale({256, 0, 0});   // sums of gradients stay finite
    structures(cpu, *gpu, distance, random);
    really_rounded(cpu, distance, random);
    keeps_what_was_there(*gpu, random);
  }
  scaled(random);
  return checks().report();
}
