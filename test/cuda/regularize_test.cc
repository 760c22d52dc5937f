// Penalties on CUDA against the CPU's.
#include "optimizer_support.h"

using namespace grus;

namespace {

struct Answer {
  Doubles stats;
  Floats gradients;
};

Answer ask(Backend& backend, const Layout& layout, const Floats& parameters, bool training) {
  const auto count = static_cast<size_t>(layout.count);
  const On<float> w(backend, parameters), g(backend, random_floats(count, 2));
  const On<double> stats(backend, {1, 2});
  StepScalars values;
  values.samples = 4;
  const On<StepScalars> scalars(backend, {values});
  backend.regularize(layout.segments.data(), static_cast<int>(layout.segments.size()), w.data(), training ? g.data() : nullptr,
                     scalars.data(), stats.data());
  return {stats.read(), g.read()};
}

void compare(Backend& cuda, Backend& cpu, const Layout& layout, const Floats& parameters) {
  const Answer want = ask(cpu, layout, parameters, true), got = ask(cuda, layout, parameters, true);
  CHECK(all_near(got.stats, want.stats, 1e-12, 0));
  CHECK(all_near(got.gradients, want.gradients, 1e-6, 1e-7));
  const Answer evaluated = ask(cuda, layout, parameters, false), again = ask(cuda, layout, parameters, true);
  CHECK(same_bits(evaluated.stats, got.stats) && same_bits(again.stats, got.stats) && same_bits(again.gradients, got.gradients));
  CHECK(same_bits(evaluated.gradients, random_floats(parameters.size(), 2)));
  const std::vector<bool> trained = layout.trained();
  for (size_t i = 0; i < trained.size(); ++i)
    if (!trained[i] && got.gradients[i] != evaluated.gradients[i]) CHECK(!"what does not train gets no gradient");
}

}  // namespace

int main() {
  const auto cuda = cuda_backend();
  if (!cuda) return kNothingTested;
  const auto cpu = make_cpu_backend(1);
  for (Layout layout : {one_stretch(70001), mixed_layout(), many_stretches(), Layout().gap(3)})
    for (const int mode : {0, 1, 2, 3}) {
      for (size_t i = 0; i < layout.segments.size(); ++i) {
        if (mode > 0) layout.segments[i].l1 = i % 3 ? 0.02f : 0.0f;
        if (mode > 1) layout.segments[i].l2 = i % 4 ? 0.03f : 0.01f * static_cast<float>(mode);
      }
      Floats parameters = random_floats(static_cast<size_t>(layout.count), 3);
      for (size_t i = 0; i < parameters.size(); i += 10) parameters[i] = 0;
      compare(*cuda, *cpu, layout, parameters);
      if (parameters.size() > 20) parameters[20] = not_a_number;
      compare(*cuda, *cpu, layout, parameters);
    }
  return checks().report();
}
