// Passes that are enqueued, captured and replayed.
#include <stdexcept>

#include "cuda/kernels/elementwise.h"
#include "runtime_support.h"

using namespace grus;

namespace {

constexpr int64_t kCount = 1000;

// A GPU with one array, and passes that add to it.
struct Machine {
  explicit Machine(bool on = true) : context(options(on)), staging(context), graphs(context), x(context.allocate(kCount * 4)),
                                     y(context.allocate(kCount * 4)) {
    const std::vector<float> ones(kCount, 1);
    staging.upload(x.as<void>(), ones.data(), kCount * 4);
  }
  static EngineOptions options(bool on) {
    EngineOptions made;
    made.graphs = on;
    return made;
  }
  void add(int times = 1) {
    for (int i = 0; i < times; ++i) cuda::add_rows(context.stream(), x.as<float>(), 1, y.as<float>(), 1, kCount, 1);
  }
  float sum() {   // of what was added; all elements are alike
    std::vector<float> values(kCount);
    staging.download(values.data(), y.as<void>(), kCount * 4);
    for (const float value : values) CHECK(value == values[0]);
    return values[0];
  }
  cuda::Context context;
  cuda::Staging staging;
  cuda::Graphs graphs;
  Buffer x, y;
};

void the_second_time_captures_and_the_third_replays() {
  Machine machine;
  int enqueued = 0;
  bool captured = false;
  const auto pass = [&] {
    ++enqueued;
    captured = machine.context.capturing();
    CHECK(machine.context.running());
    machine.add(3);
  };
  machine.graphs.run("a", pass);
  CHECK(enqueued == 1 && !captured && machine.graphs.captures() == 0 && machine.graphs.replays() == 0);
  CHECK(machine.sum() == 3);
  machine.graphs.run("a", pass);
  CHECK(enqueued == 2 && captured && machine.graphs.captures() == 1 && machine.graphs.replays() == 1);
  CHECK(machine.sum() == 6);
  for (int i = 0; i < 10; ++i) machine.graphs.run("a", pass);
  CHECK(enqueued == 2 && machine.graphs.captures() == 1 && machine.graphs.replays() == 11);
  CHECK(machine.sum() == 36);
  CHECK(!machine.context.running() && !machine.context.capturing());
}

void a_replay_reads_what_memory_holds_then() {
  Machine machine;
  float expected = 0;
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> values(kCount, static_cast<float>(i));
    machine.staging.upload(machine.x.as<void>(), values.data(), kCount * 4);
    machine.staging.next_batch();
    machine.graphs.run("a", [&] { machine.add(2); });
    expected += 2 * static_cast<float>(i);
  }
  CHECK(machine.sum() == expected);
}

void off_means_never() {
  Machine machine(false);
  for (int i = 0; i < 5; ++i) machine.graphs.run("a", [&] { CHECK(!machine.context.capturing()); machine.add(); });
  CHECK(machine.graphs.captures() == 0 && machine.graphs.replays() == 0);
  CHECK(machine.sum() == 5);
}

// More keys than are kept: the oldest are forgotten, what comes again is right.
void many_keys_come_and_go() {
  Machine machine;
  constexpr int keys = 700;
  float expected = 0;
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < keys; ++key) {
      machine.graphs.run(std::to_string(key), [&] { machine.add(); });
      expected += 1;
    }
  }
  CHECK(machine.sum() == expected);
  CHECK(machine.graphs.captures() == 0);   // each has been forgotten before it came again
  for (int key = 0; key < 100; ++key) {
    for (int i = 0; i < 3; ++i) machine.graphs.run("twice " + std::to_string(key), [&] { machine.add(); });
    expected += 3;
  }
  CHECK(machine.graphs.captures() == 100 && machine.graphs.replays() == 200);
  machine.graphs.run("twice 99", [&] { machine.add(1000); });   // still known: its graph runs, not this
  machine.graphs.run("twice 0", [&] { machine.add(5); });       // forgotten
  CHECK(machine.sum() == expected + 1 + 5);
}

template <class Failure>
void an_error_of_the_pass_ends_the_capture(const Failure& failure, const char* words) {
  Machine machine;
  bool fail = false;
  const auto pass = [&] {
    machine.add();
    if (fail) throw failure;
    machine.add();
  };
  machine.graphs.run("a", pass);
  fail = true;
  CHECK(has(thrown_by([&] { machine.graphs.run("a", pass); }), words));
  CHECK(!machine.context.running() && !machine.context.capturing());
  CHECK(machine.sum() == 2);   // nothing of it has run
  fail = false;
  machine.graphs.run("a", pass);
  machine.graphs.run("a", pass);
  CHECK(machine.sum() == 6 && machine.graphs.captures() == 1 && machine.graphs.replays() == 2);
  fail = true;
  machine.graphs.run("a", pass);   // replayed, so it is not asked
  CHECK(has(thrown_by([&] { machine.graphs.run("b", pass); }), words));
  CHECK(machine.sum() == 9);
}

// Calls that CUDA does not allow in a capture: the pass runs as it is from then on.
template <class Call>
void a_refused_capture_runs_plainly(const Call& call) {
  Machine machine;
  int enqueued = 0;
  for (int i = 0; i < 6; ++i) {
    machine.graphs.run("a", [&] {
      ++enqueued;
      machine.add();
      call(machine);
      machine.add();
    });
    CHECK(machine.sum() == 2 * (i + 1));
  }
  CHECK(enqueued == 7);   // once in vain
  CHECK(machine.graphs.captures() == 0 && machine.graphs.replays() == 0);
  machine.graphs.run("b", [&] { machine.add(); });
  machine.graphs.run("b", [&] { machine.add(); });
  CHECK(machine.graphs.captures() == 1 && machine.sum() == 14);
}

void replays_equal_eager_bits() {
  const auto train = [](bool graphs) {
    EngineOptions options;
    options.graphs = graphs;
    const auto backend = make_cuda_backend(options);
    constexpr int n = 48;
    const Buffer x = backend->allocate(n * n * 4), w = backend->allocate(n * n * 4), y = backend->allocate(n * n * 4);
    for (int step = 0; step < 25; ++step) {
      std::vector<float> values = pattern(n * n, step);
      for (float& value : values) value *= 1e-3f;
      backend->upload(x.as<void>(), values.data(), n * n * 4);
      backend->run(step % 3 == 0 ? "other" : "step", [&] {
        Gemm product;
        product.m = product.n = product.k = product.lda = product.ldb = product.ldc = n;
        product.a = x.as<float>(), product.b = w.as<float>(), product.c = y.as<float>();
        product.transpose_b = true;
        backend->gemm(product);
        backend->add_rows(x.as<float>(), n, y.as<float>(), n, n, n);
        backend->softmax(y.as<float>(), w.as<float>(), n, n);
        backend->bias_grad(w.as<float>(), y.as<float>(), n, n);
      });
    }
    return read<float>(*backend, w.as<void>(), n * n);
  };
  const std::vector<float> eager = train(false), replayed = train(true);
  CHECK(std::memcmp(eager.data(), replayed.data(), eager.size() * 4) == 0);
  CHECK(eager[0] != 0 && eager[0] == eager[0]);
}

}  // namespace

int main() {
  if (!have_gpu()) return kNothingTested;
  the_second_time_captures_and_the_third_replays();
  a_replay_reads_what_memory_holds_then();
  off_means_never();
  many_keys_come_and_go();
  an_error_of_the_pass_ends_the_capture(std::runtime_error("on purpose"), "on purpose");
  an_error_of_the_pass_ends_the_capture(Error(ErrorCode::invalid_argument, "[x] wrong"), "INVALID_ARGUMENT [x] wrong");
  a_refused_capture_runs_plainly([](Machine& machine) { cudaStreamSynchronize(machine.context.stream()); });
  a_refused_capture_runs_plainly([](Machine& machine) { machine.context.synchronize(); });
  a_refused_capture_runs_plainly([](Machine& machine) {
    void* memory = nullptr;
    machine.context.check(cudaMalloc(&memory, 64), "cudaMalloc");
    machine.context.check(cudaFree(memory), "cudaFree");
  });
  replays_equal_eager_bits();
  return checks().report();
}
