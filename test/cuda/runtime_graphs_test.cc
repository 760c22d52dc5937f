// Passes that are enqueued, captured and replayed.
#include <stdexcept>

#include "cuda/kernels/elementwise.h"
#include "every_engine.h"
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
  const GraphCounters& counters() const { return *context.memory_counters()->graphs; }
  cuda::Context context;
  cuda::Staging staging;
  cuda::Graphs graphs;
  Buffer x, y;
};

void the_third_time_captures_and_the_fourth_replays() {
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
  machine.graphs.run("a", pass);
  CHECK(enqueued == 2 && !captured && machine.counters().captures == 0 && machine.counters().replays == 0);
  CHECK(machine.counters().eager == 2 && machine.counters().nodes == 0 && machine.counters().bytes == 0);
  CHECK(machine.sum() == 6);
  machine.graphs.run("a", pass);
  CHECK(enqueued == 3 && captured && machine.counters().captures == 1 && machine.counters().replays == 1);
  CHECK(machine.counters().nodes == 3 && machine.counters().bytes == 3 * 10240);
  CHECK(machine.sum() == 9);
  for (int i = 0; i < 10; ++i) machine.graphs.run("a", pass);
  CHECK(enqueued == 3 && machine.counters().captures == 1 && machine.counters().replays == 11 && machine.counters().eager == 2);
  CHECK(machine.sum() == 39);
  CHECK(machine.counters().refusals == 0 && machine.counters().last_refusal().empty());
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
  CHECK(machine.counters().captures == 0 && machine.counters().replays == 0 && machine.counters().eager == 5);
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
  CHECK(machine.counters().captures == 0);   // each has been forgotten before it came again
  for (int key = 0; key < 600; ++key) {
    for (int i = 0; i < 4; ++i) machine.graphs.run("often " + std::to_string(key), [&] { machine.add(); });
    expected += 4;
  }
  CHECK(machine.counters().captures == 600 && machine.counters().replays == 1200);
  machine.graphs.run("often 599", [&] { machine.add(1000); });   // still known: its graph runs, not this
  machine.graphs.run("often 0", [&] { machine.add(5); });        // forgotten
  CHECK(machine.sum() == expected + 1 + 5);
  machine.graphs.run("often 599", [&] { machine.add(); });       // by now the GPU has passed those that were forgotten
  CHECK(machine.counters().nodes == 511);
}

// Graphs are counted by their nodes: those used last stay. The limit is an environment variable's, see main.
void beyond_a_number_of_nodes_the_oldest_go() {
  Machine machine;
  float expected = 0;
  const auto run = [&](const char* key, int times) {
    for (int i = 0; i < times; ++i) machine.graphs.run(key, [&] { machine.add(40); });
    expected += 40 * static_cast<float>(times);
  };
  run("a", 4);
  run("b", 4);
  CHECK(machine.counters().captures == 2 && machine.counters().nodes == 80);
  run("a", 1);
  run("c", 3);   // 120 nodes would be too many: b has not been used for longest
  CHECK(machine.counters().captures == 3);
  CHECK(machine.sum() == expected);
  run("a", 1);
  CHECK(machine.counters().nodes == 80 && machine.counters().eager == 6);
  run("b", 16);   // not at once, or sizes in turn would be captured over and over
  CHECK(machine.counters().captures == 3 && machine.counters().eager == 22);
  run("b", 1);
  CHECK(machine.counters().captures == 4 && machine.sum() == expected);
  run("b", 1);
  CHECK(machine.counters().nodes == 80);

  int enqueued = 0;   // more nodes than there may be in all: refused for good
  for (int i = 0; i < 600; ++i) machine.graphs.run("large", [&] { ++enqueued; machine.add(101); });
  CHECK(enqueued == 601 && machine.counters().captures == 4 && machine.counters().refusals == 1);
  CHECK(has(machine.counters().last_refusal(), "[cuda:0] a pass of 101 nodes is enqueued as it is, graphs have 100 at most"));
  CHECK(machine.sum() == expected + 600 * 101);
}

void one_pass_may_be_too_large() {
  Machine machine;
  int enqueued = 0;
  for (int i = 0; i < 6; ++i) machine.graphs.run("a", [&] { ++enqueued; machine.add(20001); });
  CHECK(enqueued == 7 && machine.counters().captures == 0 && machine.counters().refusals == 1);
  CHECK(has(machine.counters().last_refusal(), "a pass of 20001 nodes is enqueued as it is, graphs have 20000 at most"));
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
  machine.graphs.run("a", pass);
  fail = true;
  CHECK(has(thrown_by([&] { machine.graphs.run("a", pass); }), words));
  CHECK(!machine.context.running() && !machine.context.capturing());
  CHECK(machine.sum() == 4);   // nothing of it has run
  CHECK(machine.counters().refusals == 0);
  fail = false;
  machine.graphs.run("a", pass);
  machine.graphs.run("a", pass);
  CHECK(machine.sum() == 8 && machine.counters().captures == 1 && machine.counters().replays == 2);
  fail = true;
  machine.graphs.run("a", pass);   // replayed, so it is not asked
  CHECK(has(thrown_by([&] { machine.graphs.run("b", pass); }), words));
  CHECK(machine.sum() == 11);
}

// Calls that CUDA does not allow in a capture: the pass runs as it is, and is captured when they have gone.
template <class Call>
void a_refused_capture_runs_plainly(const Call& call, const char* words) {
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
  CHECK(machine.counters().captures == 0 && machine.counters().replays == 0);
  CHECK(machine.counters().refusals == 1 && machine.counters().eager == 6);
  CHECK(has(machine.counters().last_refusal(), words));
  for (int i = 0; i < 3; ++i) machine.graphs.run("b", [&] { machine.add(); });
  CHECK(machine.counters().captures == 1 && machine.sum() == 15);
  for (int i = 6; i < 19; ++i) machine.graphs.run("a", [&] { machine.add(2); });
  CHECK(machine.counters().captures == 2 && machine.counters().refusals == 1 && machine.sum() == 15 + 2 * 13);
}

// After 16 runs, then 256, then each 4,096.
void a_capture_that_is_always_refused_is_seldom_tried() {
  Machine machine;
  std::vector<int> tried;
  for (int run = 1; run <= 9000; ++run) {
    machine.graphs.run("a", [&] {
      if (!machine.context.capturing()) return;
      tried.push_back(run);
      cudaStreamSynchronize(machine.context.stream());
    });
  }
  CHECK((tried == std::vector<int>{3, 3 + 16, 19 + 256, 275 + 4096, 4371 + 4096}));
  CHECK(machine.counters().refusals == 5 && machine.counters().eager == 9000 && machine.counters().captures == 0);
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

int main(int count, char** arguments) {
  if (!have_gpu()) return kNothingTested;
  if (count > 1) {
    beyond_a_number_of_nodes_the_oldest_go();
    return checks().report();
  }
  const ChildResult child = run_child("GRUS_CUDA_GRAPH_NODES=100", arguments[0], "nodes");
  if (!CHECK(child.status == 0 && child.output.find(" passed, 0 failed") != std::string::npos)) std::printf("%s\n", child.output.c_str());
  for (const char* nonsense : {"many", "-1", "1e5", "12 nodes", "99999999999"}) {
    const ChildResult refused = run_child("GRUS_CUDA_GRAPH_NODES='" + std::string(nonsense) + "'", arguments[0], "nodes");
    CHECK(refused.status != 0);
    const std::string words = "[device] GRUS_CUDA_GRAPH_NODES must be 0 (no graphs) to 1000000000, got '" + std::string(nonsense);
    CHECK(has(refused.output, words.c_str()));
  }
  the_third_time_captures_and_the_fourth_replays();
  one_pass_may_be_too_large();
  a_capture_that_is_always_refused_is_seldom_tried();
  a_replay_reads_what_memory_holds_then();
  off_means_never();
  many_keys_come_and_go();
  an_error_of_the_pass_ends_the_capture(std::runtime_error("on purpose"), "on purpose");
  an_error_of_the_pass_ends_the_capture(Error(ErrorCode::invalid_argument, "[x] wrong"), "INVALID_ARGUMENT [x] wrong");
  a_refused_capture_runs_plainly([](Machine& machine) { cudaStreamSynchronize(machine.context.stream()); },
                                 "cudaStreamEndCapture failed: cudaErrorStreamCaptureInvalidated (901)");
  a_refused_capture_runs_plainly([](Machine& machine) { machine.context.synchronize(); },
                                 "the GPU cannot be waited for while a pass is being captured");
  a_refused_capture_runs_plainly([](Machine& machine) {
    void* memory = nullptr;
    machine.context.check(cudaMalloc(&memory, 64), "cudaMalloc");
    machine.context.check(cudaFree(memory), "cudaFree");
  }, "cudaMalloc failed: cudaErrorStreamCaptureUnsupported (900)");
  replays_equal_eager_bits();
  return checks().report();
}
