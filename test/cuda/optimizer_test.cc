// Updates of every optimizer on CUDA against the CPU's, several in a row: flags, layouts, clipping, replayed steps, numbers that jump.
#include "optimizer_support.h"

using namespace grus;

namespace {

void tell(const Optimizer& options, const char* what) {
  std::printf("  %s: kind %d, torch_epsilon %d, momentum %g, decay %g\n", what, static_cast<int>(options.kind), options.torch_epsilon,
              options.momentum, options.weight_decay);
}

Trained train(Backend& backend, const Optimizer& options, const Layout& layout, uint64_t updates) {
  Training training(backend, options, layout);
  for (uint64_t t = 1; t <= updates; ++t) training.update(t);
  CHECK(training.rest_is_untouched());
  return training.state();
}

void compare(Backend& cuda, Backend& cpu, const Optimizer& options, const Layout& layout, const char* what) {
  const Trained got = train(cuda, options, layout, 6);
  if (!agree(got, train(cpu, options, layout, 6)) || !CHECK(same_bits(train(cuda, options, layout, 6), got))) tell(options, what);
}

void every_optimizer(Backend& cuda, Backend& cpu) {
  for (const Optimizer& options : optimizers()) {
    compare(cuda, cpu, options, one_stretch(1), "one weight");
    compare(cuda, cpu, options, one_stretch(70001), "one stretch");
    compare(cuda, cpu, options, mixed_layout(), "mixed");
    compare(cuda, cpu, options, many_stretches(), "many");
    compare(cuda, cpu, options, Layout().gap(4).add(9, 0, false), "nothing trains");
  }
}

void clipping(Backend& cuda, Backend& cpu) {
  for (const Optimizer& kind : optimizers())
    for (const Layout& layout : {mixed_layout(), many_stretches()}) {
      Optimizer options = kind;
      options.clip_value = 0.3f;
      compare(cuda, cpu, options, layout, "clip_value");
      options.clip_value = 0;
      options.clip_norm = 2.2f;                              // some variables lie below it
      compare(cuda, cpu, options, layout, "clip_norm");
      options.clip_norm = 0;
      for (const float limit : {1.5f, 1000.0f}) {
        options.global_clip_norm = limit;
        compare(cuda, cpu, options, layout, "global_clip_norm");
      }
    }
}

// As above, with stretches that are cut into pieces of different numbers, and more of them than one call of the norms takes.
void large_norms(Backend& cuda, Backend& cpu) {
  Optimizer options;
  options.kind = OptimizerKind::sgd;
  options.clip_norm = 3;
  compare(cuda, cpu, options, Layout().add(200000, 0).add(50, 1).gap(1).add(100000, 2).add(4096, 3).add(4097, 0), "large");
  Layout layout;
  for (int i = 0; i < 3000; ++i) layout.add(20 + i % 9, i / 3).gap(1);
  compare(cuda, cpu, options, layout, "three thousand");
  options.clip_norm = 0;
  options.global_clip_norm = 3;
  compare(cuda, cpu, options, layout, "three thousand, global");
}

void not_numbers(Backend& cuda, Backend& cpu) {
  for (const float bad : {not_a_number, infinite})
    for (const int mode : {0, 1, 2, 3})
      for (const Optimizer& kind : optimizers()) {
        Optimizer options = kind;
        if (mode == 1) options.clip_norm = 1;
        if (mode == 2) options.global_clip_norm = 1;
        if (mode == 3) options.clip_value = 1;
        const Layout layout = mixed_layout();
        Floats gradient = gradient_of(static_cast<size_t>(layout.count), 1);
        gradient[5] = bad;                                   // in variable 0
        Training a(cuda, options, layout), b(cpu, options, layout);
        a.update(1, gradient);
        b.update(1, gradient);
        if (!agree(a.state(), b.state())) tell(options, "not a number");
      }
}

// A variance of 0: rounding must not take the root of a negative.
void constant_gradient_when_centered(Backend& cuda) {
  for (const float rho : {0.3f, 0.7f, 0.9f, 0.99f}) {
    Optimizer options;
    options.kind = OptimizerKind::rmsprop;
    options.centered = options.torch_epsilon = true;
    options.rho = rho;
    Floats gradient(1000);
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = 3.0f + 0.37f * static_cast<float>(i);
    Training training(cuda, options, one_stretch(1000));
    for (uint64_t t = 1; t <= 300; ++t) training.update(t, gradient, 1e-9f);
    bool numbers = true;
    for (const float value : training.state().w) numbers = numbers && !std::isnan(value);
    CHECK(numbers);
  }
}

// A checkpoint or another optimizer makes the number of the update jump.
void jumps(Backend& cuda, Backend& cpu) {
  for (const Optimizer& options : optimizers()) {
    Training a(cuda, options, one_stretch(50)), b(cpu, options, one_stretch(50));
    for (const int number : {1, 2, 40, 41, 20000, 20001, 3, 3, 4}) {
      a.update(static_cast<uint64_t>(number));
      b.update(static_cast<uint64_t>(number));
    }
    if (!agree(a.state(), b.state())) tell(options, "jump");
    Optimizer other = options;
    other.beta1 = 0.7f;
    Training c(cuda, other, one_stretch(50)), d(cpu, other, one_stretch(50));
    c.update(4);
    d.update(4);
    if (!agree(c.state(), d.state())) tell(options, "another beta1");
  }
}

// A step that was captured reads its scalars anew; the same bits as without capturing.
void replays(Backend& cuda, Backend& eager) {
  int key = 0;
  for (const Optimizer& kind : optimizers()) {
    Optimizer options = kind;
    options.global_clip_norm = 20;
    Training a(cuda, options, mixed_layout()), b(eager, options, mixed_layout());
    const std::string name = "update " + std::to_string(++key);
    for (uint64_t t = 1; t <= 6; ++t) {
      const Floats gradient = gradient_of(static_cast<size_t>(mixed_layout().count), t);
      const float rate = 0.01f / static_cast<float>(t);
      a.prepare(t, gradient, rate);
      cuda.run(name, [&] { a.enqueue(); });
      b.prepare(t, gradient, rate);
      eager.run(name, [&] { b.enqueue(); });
    }
    if (!CHECK(same_bits(a.state(), b.state()))) tell(options, "replay");
  }
}

}  // namespace

int main() {
  const auto cuda = cuda_backend();
  if (!cuda) return kNothingTested;
  const auto cpu = make_cpu_backend(1);
  every_optimizer(*cuda, *cpu);
  clipping(*cuda, *cpu);
  large_norms(*cuda, *cpu);
  not_numbers(*cuda, *cpu);
  constant_gradient_when_centered(*cuda);
  jumps(*cuda, *cpu);
  EngineOptions options;
  options.graphs = false;
  if (const auto eager = cuda_backend(options)) replays(*cuda, *eager);
  return checks().report();
}
