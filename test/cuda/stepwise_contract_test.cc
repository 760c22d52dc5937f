// What the stepwise plan promises beyond its numbers: the order of its calls, what it refuses, empty batches, replays, where its
// tensors lie.
#include "stepwise_support.h"

using namespace grus;
using namespace stepwise;

namespace {

GruDescription describe(int inputs, int hidden, int layers, Direction direction, bool after) {
  GruDescription d;
  d.input_size = inputs;
  d.hidden_size = hidden;
  d.num_layers = layers;
  d.direction = direction;
  d.reset_after = after;
  return d;
}

template <class F>
void expect_error(ErrorCode code, const F& call) {
  try {
    call();
    CHECK(!"an error was expected");
  } catch (const Error& error) {
    CHECK(error.code() == code && std::strncmp(error.what(), "[gru] expected ", 15) == 0);
  }
}

void order_of_calls(StepwiseEngine& gpu, bool after) {
  std::mt19937 random(3);
  const Problem p = make_problem(describe(3, 4, 1, Direction::forward, after), 2, 3, {3, 1}, random);
  const auto plan = gpu.make(p.description);
  Setup first(gpu, *plan, p), second(gpu, *plan, p);
  const auto refused = [&](const GruBackward& args) { expect_error(ErrorCode::invalid_argument, [&] { plan->backward(args); }); };
  refused(first.backward);               // no forward
  first.forward.training = false;
  plan->forward(first.forward);
  refused(first.backward);               // none with training
  first.forward.training = true;
  plan->forward(first.forward);
  refused(second.backward);              // of another reserve
  GruBackward other = first.backward;
  other.steps = 2;
  refused(other);
  other = first.backward;
  other.batch = 1;
  refused(other);
  other = first.backward;
  other.lengths = other.device_lengths = nullptr;
  refused(other);
  other = first.backward;
  other.hx = nullptr;
  refused(other);
  plan->forward(second.forward);         // two forwards may be open
  plan->backward(first.backward);
  refused(first.backward);               // its reserve is used up
  plan->backward(second.backward);
  CHECK(same(first.result(), second.result()));
  plan->forward(first.forward);
  plan->backward(first.backward);
  // While a pass is enqueued, one that was captured may have filled the reserve again.
  gpu.context().set_running(true, false);
  plan->forward(first.forward);
  plan->backward(first.backward);
  plan->backward(first.backward);
  refused(other);
  gpu.context().set_running(false, false);
  gpu.context().synchronize();
}

void refusals(StepwiseEngine& gpu) {
  for (const GruDescription& d : {describe(0, 3, 1, Direction::forward, true), describe(3, -1, 1, Direction::forward, true),
                                  describe(3, 3, 0, Direction::forward, true)}) {
    expect_error(ErrorCode::invalid_argument, [&] { gpu.make(d); });
  }
  GruDescription negative = describe(3, 3, 1, Direction::forward, true);
  negative.clip = -1;
  expect_error(ErrorCode::invalid_argument, [&] { gpu.make(negative); });
  const int huge = 2147483647;
  expect_error(ErrorCode::out_of_memory, [&] { gpu.make(describe(huge, huge, huge, Direction::both, true)); });
  const GruDescription d = describe(3, 4, 1, Direction::forward, true);
  const auto plan = gpu.make(d);
  expect_error(ErrorCode::out_of_memory, [&] { plan->reserve_bytes(huge, huge, false); });
  expect_error(ErrorCode::shape_mismatch, [&] { plan->workspace_bytes(-1, 3, true, false); });
  std::mt19937 random(3);
  const Problem p = make_problem(d, 2, 3, {3, 1}, random);
  Setup setup(gpu, *plan, p);
  GruForward args = setup.forward;
  args.device_lengths = nullptr;
  expect_error(ErrorCode::invalid_argument, [&] { plan->forward(args); });
  args = setup.forward;
  args.reserve = nullptr;
  expect_error(ErrorCode::invalid_argument, [&] { plan->forward(args); });
}

void empty(StepwiseEngine& gpu, bool after) {
  std::mt19937 random(3);
  const GruDescription d = describe(3, 4, 2, Direction::both, after);
  const Problem steps = make_problem(d, 3, 0, {}, random), rows = make_problem(d, 0, 3, {}, random);
  const Result no_steps = compute(gpu, steps), no_rows = compute(gpu, rows);
  CHECK(same(no_steps.hy, steps.hx) && same(no_steps.dhx, steps.dhy) && same(no_steps.dweights, steps.before));
  CHECK(same(no_rows.dweights, rows.before));
  CHECK(same(compute(gpu, steps, false).hy, steps.hx));
  const Problem idle = make_problem(d, 3, 4, {0, 0, 0}, random);
  const Result result = compute(gpu, idle);
  CHECK(same(result.hy, idle.hx) && same(result.dhx, idle.dhy) && same(result.dweights, idle.before));
}

// Only the lengths on the device count, and hy may be hx in inference.
void pointers(StepwiseEngine& gpu, bool after) {
  std::mt19937 random(3);
  const Problem p = make_problem(describe(3, 4, 2, Direction::both, after), 3, 4, {4, 0, 2}, random);
  const auto plan = gpu.make(p.description);
  const Result expected = compute(gpu, p);
  Setup setup(gpu, *plan, p);
  const int32_t elsewhere[] = {1, 1, 1};
  setup.forward.lengths = setup.backward.lengths = elsewhere;
  setup.run();
  CHECK(same(setup.result(), expected));
  Setup inference(gpu, *plan, p, false);
  gpu.upload(inference.forward.hy, p.hx.data(), p.hx.size() * sizeof(float));
  inference.forward.hx = inference.forward.hy;
  inference.run();
  CHECK_CLOSE(difference(inference.result().hy, expected.hy), 0.0, 2e-6);
}

// A pass captured and replayed gives the bits of the eager one, and reads its inputs anew.
void captured(StepwiseEngine& gpu, bool after) {
  std::mt19937 random(3);
  const GruDescription d = describe(3, 6, 2, Direction::both, after);
  const Problem p = make_problem(d, 4, 3, {3, 0, 2, 1}, random);
  const Problem other = make_problem(d, 4, 3, {1, 3, 3, 0}, random);
  const auto plan = gpu.make(d);
  Setup setup(gpu, *plan, p);
  grus::cuda::Context& context = gpu.context();
  const cudaStream_t stream = context.stream();
  setup.run();   // libraries load their code at the first use, which a capture may not
  context.synchronize();
  context.check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  context.set_running(true, true);
  plan->forward(setup.forward);
  plan->backward(setup.backward);
  context.set_running(false, false);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t replay = nullptr;
  context.check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  context.check(cudaGraphInstantiate(&replay, graph, 0), "cudaGraphInstantiate");
  for (const Problem* now : {&p, &other}) {
    const auto fill = [&](const void* destination, const Floats& values) {
      gpu.upload(const_cast<void*>(destination), values.data(), values.size() * sizeof(float));
    };
    fill(setup.forward.x, now->x);
    fill(setup.forward.hx, now->hx);
    fill(setup.forward.weights, scatter(*plan, now->weights, 0));
    fill(setup.backward.dy, now->dy);
    fill(setup.backward.dhy, now->dhy);
    fill(setup.backward.dweights, scatter(*plan, now->before, 0));
    gpu.upload(const_cast<int32_t*>(setup.forward.device_lengths), now->lengths.data(), now->lengths.size() * sizeof(int32_t));
    context.check(cudaGraphLaunch(replay, stream), "cudaGraphLaunch");
    CHECK(same(setup.result(), compute(gpu, *now)));
  }
  context.check(cudaGraphExecDestroy(replay), "cudaGraphExecDestroy");
  context.check(cudaGraphDestroy(graph), "cudaGraphDestroy");
}

void where_tensors_lie(StepwiseEngine& gpu) {
  const auto plan = gpu.make(describe(3, 5, 2, Direction::both, true));
  const auto& all = plan->parameters();
  const char* expected[] = {"weight_ih_l0",         "weight_hh_l0",       "bias_ih_l0",         "bias_hh_l0",  "weight_ih_l0_reverse",
                            "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1"};
  CHECK(all.size() == 16);
  for (size_t i = 0; i < 9; ++i) CHECK(all[i].name == expected[i]);
  CHECK(all[8].rows == 15 && all[8].cols == 10 && all[8].layer == 1 && all[8].direction == 0 && all[8].tensor == GruTensor::weight_ih);
  int64_t end = 0;
  for (const GruParameter& p : all) {
    CHECK(p.gate_offset[0] % 64 == 0 && p.gate_offset[0] >= end && p.gate_offset[0] < end + 64);
    CHECK(p.gate_offset[1] == p.gate_offset[0] + 5 * p.cols && p.gate_offset[2] == p.gate_offset[1] + 5 * p.cols);
    end = p.gate_offset[0] + p.rows * p.cols;
  }
  CHECK(plan->weight_count() >= static_cast<size_t>(end) && plan->weight_count() < static_cast<size_t>(end) + 64);
  GruDescription d = describe(3, 4, 1, Direction::backward, false);
  d.bias = false;
  const auto single = gpu.make(d);
  CHECK(single->parameters().size() == 2 && single->parameters()[0].name == "weight_ih_l0");
}

}  // namespace

int main() {
  EngineOptions options;
  options.device = Device::cuda;
  std::unique_ptr<StepwiseEngine> gpu;
  try {
    gpu = std::make_unique<StepwiseEngine>(options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::backend_unavailable) throw;
    std::printf("skipped: %s\n", error.what());
    return kNothingTested;
  }
  for (const bool after : {true, false}) {
    order_of_calls(*gpu, after);
    empty(*gpu, after);
    pointers(*gpu, after);
    captured(*gpu, after);
  }
  refusals(*gpu);
  where_tensors_lie(*gpu);
  return checks().report();
}
