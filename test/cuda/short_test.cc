// A little of everything that the GPU computes, next to the CPU: short, for tools that make kernels slow.
#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

struct Bound {
  Precision precision;
  double output, gradient;   // as a part of the largest value
};
constexpr Bound kBounds[] = {{Precision::float32, 1e-5, 1e-4},
                             {Precision::tf32, 2e-3, 1e-2},
                             {Precision::float16, 5e-3, 2e-2},
                             {Precision::bfloat16, 4e-2, 1e-1}};

void expect_near(Engine& cpu, Engine& gpu, const Problem& p, const Bound& bound) {
  const Result expected = compute(cpu, p), got = compute(gpu, p);
  bool good = CHECK_CLOSE(apart(got.y, expected.y), 0.0, bound.output);
  good &= CHECK_CLOSE(apart(got.hy, expected.hy), 0.0, bound.output);
  good &= CHECK_CLOSE(apart(got.dx, expected.dx), 0.0, bound.gradient);
  good &= CHECK_CLOSE(apart(got.dhx, expected.dhx), 0.0, bound.gradient);
  good &= CHECK_CLOSE(apart(got.dweights, expected.dweights), 0.0, bound.gradient);
  if (!good) print(p);
}

}  // namespace

int main() {
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(3);
  for (const Bound& bound : kBounds) {
    const auto gpu = find_gpu(on_gpu(bound.precision));
    if (!gpu) {
      if (bound.precision == Precision::float32) return kNothingTested;
      continue;
    }
    for (const int hidden : {5, 16}) {   // rows of 16-bit states that no vector load fits, and some that one does
      for (const Lengths& lengths : {Lengths{}, Lengths{3, 0, 2}}) {
        GruDescription d = gru::describe(3, hidden, 2, Direction::both);
        Problem p = make_problem(d, 3, 3, lengths, random);
        p.before.assign(p.before.size(), 0);
        expect_near(cpu, *gpu, p, bound);
        p.description.reset_after = false;   // step by step
        if (bound.precision == Precision::float32) expect_near(cpu, *gpu, p, bound);
      }
    }
  }
  return checks().report();
}
