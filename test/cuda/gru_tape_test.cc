// A backward that does not belong to its forward is refused; cuDNN would compute nonsense.
#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

constexpr auto kBad = ErrorCode::invalid_argument;

void order(Engine& gpu, std::mt19937& random) {
  const Problem p = make_problem(gru::describe(3, 6, 1, Direction::forward), 3, 4, {4, 2, 1}, random);
  const auto plan = gpu.make(p.description);
  Setup setup(gpu, *plan, p);
  expect_error(kBad, "one that no forward has filled", [&] { plan->backward(setup.backward); });
  plan->forward(setup.forward);
  plan->backward(setup.backward);
  expect_error(kBad, "one backward for each forward, got a second one", [&] { plan->backward(setup.backward); });
  plan->forward(setup.forward);
  plan->forward(setup.forward);   // the last one counts
  plan->backward(setup.backward);
  Setup other(gpu, *plan, p, false);
  plan->forward(other.forward);
  other.backward.reserve = setup.backward.reserve;
  expect_error(kBad, "another one", [&] { plan->backward(other.backward); });
}

void data(Engine& gpu, std::mt19937& random) {
  const Problem p = make_problem(gru::describe(3, 6, 1, Direction::forward), 3, 4, {4, 2, 1}, random);
  const auto plan = gpu.make(p.description);
  Setup setup(gpu, *plan, p), other(gpu, *plan, p);
  const GruBackward good = setup.backward;
  const auto refused = [&](const std::string& part, auto change) {
    plan->forward(setup.forward);
    GruBackward call = good;
    change(call);
    expect_error(kBad, part, [&] { plan->backward(call); });
  };
  refused("batch 3 and 4 steps as in its forward, got batch 2 and 4 steps", [](GruBackward& call) { call.batch = 2; });
  refused("got batch 3 and 3 steps", [](GruBackward& call) { call.steps = 3; });
  refused("x of its forward", [&](GruBackward& call) { call.x = other.backward.x; });
  refused("y of its forward", [&](GruBackward& call) { call.y = other.backward.y; });
  refused("hx of its forward", [&](GruBackward& call) { call.hx = nullptr; });
  refused("weights of its forward", [&](GruBackward& call) { call.weights = other.backward.weights; });
  refused("the lengths of its forward", [&](GruBackward& call) { call.lengths = call.device_lengths = nullptr; });
  const Lengths lengths = {4, 2, 2};
  refused("the lengths of its forward", [&](GruBackward& call) { call.lengths = lengths.data(); });
  refused("dy at a multiple of 16 bytes, got one 4 beyond", [](GruBackward& call) { ++call.dy; });
  plan->forward(setup.forward);
  plan->backward(good);   // and after all of that, it still works
}

void versions(Engine& gpu, std::mt19937& random) {
  const Problem p = make_problem(gru::describe(3, 6, 1, Direction::forward), 3, 4, {}, random);
  const auto plan = gpu.make(p.description);
  Setup setup(gpu, *plan, p);
  setup.forward.weights_version = 7;
  setup.backward.weights_version = 8;
  plan->forward(setup.forward);
  expect_error(kBad, "weights that have changed since", [&] { plan->backward(setup.backward); });
  setup.backward.weights_version = 0;
  plan->forward(setup.forward);
  plan->backward(setup.backward);
  setup.backward.weights_version = 7;
  plan->forward(setup.forward);
  plan->backward(setup.backward);
}

// Several forwards before their backwards, each with a reserve of its own.
void interleaved(Engine& gpu, Engine& cpu, std::mt19937& random) {
  const GruDescription d = gru::describe(3, 6, 2, Direction::both);
  const auto plan = gpu.make(d);
  const Problem a = make_problem(d, 3, 4, {4, 2, 1}, random), b = make_problem(d, 3, 4, {1, 4, 0}, random),
                c = make_problem(d, 2, 5, {}, random);
  Setup first(gpu, *plan, a), second(gpu, *plan, b), third(gpu, *plan, c);
  for (Setup* setup : {&first, &second, &third}) plan->forward(setup->forward);
  for (Setup* setup : {&second, &first, &third}) plan->backward(setup->backward);
  CHECK_CLOSE(difference(first.result().dweights, compute(cpu, a).dweights), 0.0, 1e-4);
  CHECK_CLOSE(difference(second.result().dweights, compute(cpu, b).dweights), 0.0, 1e-4);
  CHECK_CLOSE(difference(third.result().dweights, compute(cpu, c).dweights), 0.0, 1e-4);
}

// Replays do not come through the plan: a pass that was captured, replayed, and then enqueued again is no misuse.
void replayed(Gpu& gpu, Engine& cpu, std::mt19937& random) {
  Problem p = make_problem(gru::describe(3, 6, 2, Direction::forward), 3, 4, {4, 2, 1}, random);
  p.before.assign(p.before.size(), 0);
  const auto plan = gpu.make(p.description);
  Setup setup(gpu, *plan, p);
  const auto pass = [&] {
    plan->forward(setup.forward);
    plan->backward(setup.backward);
  };
  for (int run = 0; run < 4; ++run) gpu.backend->run("pass", pass);
  gpu.backend->run("another", pass);
  pass();
  Floats expected = compute(cpu, p).dweights;
  for (float& v : expected) v *= 6;
  CHECK_CLOSE(difference(setup.result().dweights, expected), 0.0, 1e-4);
}

// The last forward that came through the plan was of another shape, the one that counts was replayed.
void replayed_alone(Gpu& gpu, Engine& cpu, std::mt19937& random) {
  const GruDescription d = gru::describe(3, 6, 1, Direction::forward);
  const auto plan = gpu.make(d);
  const Problem p = make_problem(d, 3, 4, {4, 2, 1}, random), q = make_problem(d, 2, 3, {}, random);
  Setup setup(gpu, *plan, p), smaller(gpu, *plan, q);
  if (!CHECK(plan->reserve_bytes(2, 3, false) <= plan->reserve_bytes(3, 4, false))) return;
  smaller.forward.reserve = setup.forward.reserve;
  for (int run = 0; run < 3; ++run) gpu.backend->run("forward", [&] { plan->forward(setup.forward); });
  gpu.backend->run("smaller", [&] { plan->forward(smaller.forward); });
  gpu.backend->run("forward", [&] { plan->forward(setup.forward); });
  gpu.backend->run("backward", [&] { plan->backward(setup.backward); });
  CHECK_CLOSE(difference(setup.result().dweights, compute(cpu, p).dweights), 0.0, 1e-4);
}

// More shapes than a plan keeps descriptors for, between a forward and its backward.
void many_shapes(Engine& gpu, Engine& cpu, const GruDescription& d, std::mt19937& random) {
  const Problem p = make_problem(d, 3, 4, {4, 2, 1}, random);
  const auto plan = gpu.make(p.description);
  Setup setup(gpu, *plan, p);
  plan->forward(setup.forward);
  const size_t before = plan->reserve_bytes(3, 4, true);
  for (int steps = 5; steps < 145; ++steps) plan->workspace_bytes(1, steps, true, true);
  plan->backward(setup.backward);
  const Result expected = compute(cpu, p);
  CHECK_CLOSE(difference(setup.result().dweights, expected.dweights), 0.0, 1e-4);
  CHECK(plan->reserve_bytes(3, 4, true) == before);
  setup.run();
  CHECK_CLOSE(difference(setup.result().dx, expected.dx), 0.0, 1e-4);
}

}  // namespace

int main() {
  const auto gpu = find_gpu(on_gpu());
  if (!gpu) return kNothingTested;
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(7);
  order(*gpu, random);
  data(*gpu, random);
  versions(*gpu, random);
  interleaved(*gpu, cpu, random);
  replayed(*gpu, cpu, random);
  replayed_alone(*gpu, cpu, random);
  many_shapes(*gpu, cpu, gru::describe(3, 6, 1, Direction::forward), random);
  many_shapes(*gpu, cpu, gru::describe(3, 6, 2, Direction::both), random);
  return checks().report();
}
