// Sequences longer than cuDNN takes at once.
#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

// Sums over 70,000 steps: gradients of the weights are compared with the largest of them.
void expect_near(Engine& cpu, Engine& gpu, const Problem& p) {
  const Result expected = compute(cpu, p), got = compute(gpu, p), inference = compute(gpu, p, false);
  bool good = CHECK_CLOSE(difference(got.y, expected.y), 0.0, 1e-5) && CHECK_CLOSE(difference(inference.y, expected.y), 0.0, 1e-5);
  good &= CHECK_CLOSE(difference(got.hy, expected.hy), 0.0, 1e-5) && CHECK_CLOSE(difference(inference.hy, expected.hy), 0.0, 1e-5);
  good &= CHECK_CLOSE(difference(got.dx, expected.dx), 0.0, 1e-4);
  good &= CHECK_CLOSE(difference(got.dhx, expected.dhx), 0.0, 1e-4);
  good &= CHECK_CLOSE(apart(got.dweights, expected.dweights), 0.0, 1e-4);
  good &= CHECK(zero_beyond(p, got.y, p.width()));
  if (!good) print(p);
}

void in_chunks(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    for (const int layers : {1, 2}) {
      expect_near(cpu, gpu, make_problem(gru::describe(1, 1 + layers % 2, layers, direction), 1, 65536, {}, random));
      const Problem ragged = make_problem(gru::describe(1, 2, layers, direction), 4, 65537, {65537, 40000, 0, 32769}, random);
      expect_near(cpu, gpu, ragged);
      expect_near(cpu, gpu, without(ragged, 1 | 4));
    }
  }
  expect_near(cpu, gpu, make_problem(gru::describe(1, 1, 1, Direction::forward), 1, 131071, {}, random));   // three of them
  expect_near(cpu, gpu, without(make_problem(gru::describe(1, 1, 2, Direction::forward), 1, 131071, {}, random), 1 | 8 | 32));
}

// The state that one chunk hands to the next is the same with or without the cut.
void exact(Engine& gpu, std::mt19937& random) {
  const Problem whole = make_problem(gru::describe(1, 2, 1, Direction::forward), 1, 65535, {}, random);
  Problem longer = make_problem(gru::describe(1, 2, 1, Direction::forward), 1, 65536, {}, random);
  longer.weights = whole.weights, longer.hx = whole.hx;
  std::copy(whole.x.begin(), whole.x.end(), longer.x.begin());
  const Floats expected = compute(gpu, whole, false).y, got = compute(gpu, longer, false).y;
  CHECK_CLOSE(difference(Floats(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(expected.size())), expected), 0.0, 2e-6);
}

// Each direction in chunks from its own start.
void both_directions(Engine& cpu, Engine& gpu, std::mt19937& random) {
  expect_near(cpu, gpu, make_problem(gru::describe(1, 1, 1, Direction::both), 1, 65536, {}, random));
  const Problem ragged = make_problem(gru::describe(1, 2, 1, Direction::both), 3, 65537, {40000, 0, 65537}, random);
  expect_near(cpu, gpu, ragged);
  expect_near(cpu, gpu, without(make_problem(gru::describe(1, 1, 2, Direction::both), 1, 65537, {}, random), 1 | 4));
}

}  // namespace

int main() {
  const auto gpu = find_gpu(on_gpu());
  if (!gpu) return kNothingTested;
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(17);
  in_chunks(cpu, *gpu, random);
  exact(*gpu, random);
  both_directions(cpu, *gpu, random);
  return checks().report();
}
