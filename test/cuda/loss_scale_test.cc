// float16: gradients that overflowed skip the update and halve the scale of the loss, 2000 good updates in a row double it.
#include "optimizer_support.h"

using namespace grus;

namespace {

bool holds(Backend& backend, float scale, uint64_t skipped, uint32_t streak) {
  const LossScale now = backend.loss_scale();
  const bool good = now.scale == scale && now.skipped == skipped && now.streak == streak;
  if (!good) {
    std::printf("  scale %g, skipped %llu, streak %u\n", static_cast<double>(now.scale), static_cast<unsigned long long>(now.skipped),
                now.streak);
  }
  return good;
}

Floats overflowed(const Layout& layout, float value, size_t at) {
  Floats gradient = gradient_of(static_cast<size_t>(layout.count), 77);
  gradient[at] = value;
  return gradient;
}

// Skipped updates change nothing and do not count in the number of the update.
void skips(Backend& cuda, Backend& cpu) {
  for (const Optimizer& kind : optimizers())
    for (const int mode : {0, 1, 2, 3}) {
      Optimizer options = kind;
      if (mode == 1) options.clip_norm = 2;
      if (mode == 2) options.global_clip_norm = 2;
      if (mode == 3) options.clip_value = 0.3f;
      const Layout layout = mixed_layout();
      cuda.set_loss_scale({1024, 0, 7});
      Training a(cuda, options, layout), b(cpu, options, layout);
      uint64_t number = 0, kept = 0;
      for (const bool good : {true, false, true, true, false, false, true}) {
        ++number;
        if (good) {
          const Floats gradient = gradient_of(static_cast<size_t>(layout.count), number);
          a.update(number, gradient);
          b.update(++kept, gradient);
          continue;
        }
        const Trained before = a.state();
        a.update(number, overflowed(layout, number == 2 ? not_a_number : number == 5 ? infinite : -infinite, number == 2 ? 100 : 9087));
        CHECK(same_bits(a.state(), before));
      }
      CHECK(holds(cuda, 128, 3, 1));
      CHECK(a.rest_is_untouched());
      if (!agree(a.state(), b.state())) std::printf("  kind %d, mode %d\n", static_cast<int>(options.kind), mode);
    }
}

void large_gradients_are_no_overflow(Backend& cuda) {
  const Layout layout = mixed_layout();
  cuda.set_loss_scale({4, 0, 0});
  Training training(cuda, optimizers().front(), layout);
  training.update(1, Floats(static_cast<size_t>(layout.count), 3e38f));   // their squares overflow a float
  CHECK(holds(cuda, 4, 0, 1));
}

void grows(Backend& cuda) {
  const Layout layout = mixed_layout();
  Training training(cuda, optimizers().front(), layout);
  cuda.set_loss_scale({512, 3, 1997});
  for (uint64_t t = 1; t <= 2; ++t) training.update(t);
  CHECK(holds(cuda, 512, 3, 1999));
  training.update(3);
  CHECK(holds(cuda, 1024, 3, 0));
  cuda.set_loss_scale({512, 3, 1999});
  training.update(4, overflowed(layout, infinite, 9087));    // the last of the row
  CHECK(holds(cuda, 256, 4, 0));
  cuda.set_loss_scale({1, 0, 0});
  for (uint64_t t = 1; t <= 4001; ++t) training.update(t, Floats(static_cast<size_t>(layout.count)));
  CHECK(holds(cuda, 4, 0, 1));
}

void bounds(Backend& cuda) {
  const Layout layout = mixed_layout();
  Training training(cuda, optimizers().front(), layout);
  cuda.set_loss_scale({16777216, 0, 1999});
  training.update(1);
  CHECK(holds(cuda, 16777216, 0, 0));
  cuda.set_loss_scale({1.0f / 8192, 0, 0});
  for (uint64_t t = 1; t <= 3; ++t) training.update(t, overflowed(layout, not_a_number, 100));
  CHECK(holds(cuda, 1.0f / 16384, 3, 0));
}

// The scale moves inside a captured step too.
void replays(Backend& cuda) {
  const Layout layout = mixed_layout();
  Training training(cuda, optimizers().front(), layout);
  cuda.set_loss_scale({64, 0, 0});
  for (uint64_t t = 1; t <= 6; ++t) {
    training.prepare(t, t == 4 ? overflowed(layout, infinite, 100) : gradient_of(static_cast<size_t>(layout.count), t));
    cuda.run("scaled update", [&] { training.enqueue(); });
  }
  CHECK(holds(cuda, 32, 1, 2));
}

}  // namespace

int main() {
  EngineOptions options;
  options.precision = Precision::float16;
  const auto cuda = cuda_backend(options);
  if (!cuda) return kNothingTested;
  const auto cpu = make_cpu_backend(1);
  CHECK(cuda->loss_scale().scale == 1);   // nobody is there yet who could back off
  cuda->set_loss_scale({0, 0, 0});
  const LossScale first = cuda->loss_scale();
  CHECK(first.scale == 65536 && first.skipped == 0 && first.streak == 0);
  skips(*cuda, *cpu);
  large_gradients_are_no_overflow(*cuda);
  grows(*cuda);
  bounds(*cuda);
  replays(*cuda);
  if (const auto exact = cuda_backend()) {
    CHECK(exact->loss_scale().scale == 1);
    Training training(*exact, optimizers().front(), mixed_layout());
    training.update(1, overflowed(mixed_layout(), infinite, 100));
    CHECK(exact->loss_scale().scale == 1 && exact->loss_scale().skipped == 0);
    CHECK(!std::isfinite(training.state().w[100]));
  }
  return checks().report();
}
