// Failures of the runtime and the libraries, each in a process of its own, since a fault stays.
#include <cstdlib>
#include <functional>
#include <map>
#include <thread>

#include "every_engine.h"
#include "runtime_support.h"
#include "sim.h"

using namespace grus;

namespace {

void set(const char* knob, const std::string& value) { setenv(("GRUS_SIM_" + std::string(knob)).c_str(), value.c_str(), 1); }

EngineOptions on(int index, Precision precision = Precision::float32) {
  EngineOptions options;
  options.index = index;
  options.precision = precision;
  return options;
}

// Work of every kind on one backend.
struct Work {
  explicit Work(Backend& on) : backend(on), x(on.allocate(4096)), y(on.allocate(4096)), host(pattern(1024, 1)) {}
  void upload() { backend.upload(x.as<void>(), host.data(), 4096); }
  void run() {
    backend.run("pass", [this] { backend.add_rows(x.as<float>(), 32, y.as<float>(), 32, 32, 32); });
  }
  void multiply() {
    Gemm g;
    g.m = g.n = g.k = g.lda = g.ldb = g.ldc = 32;
    g.a = x.as<float>(), g.b = x.as<float>(), g.c = y.as<float>();
    backend.gemm(g);
  }
  std::vector<float> result() { return read<float>(backend, y.as<void>(), 1024); }
  Backend& backend;
  Buffer x, y;
  std::vector<float> host;
};

void a_fault_lasts_and_names_its_first_cause() {
  const auto other = make_cuda_backend(on(1));   // made before, of another GPU
  const auto backend = make_cuda_backend({}), beside = make_cuda_backend({});
  Work work(*backend), elsewhere(*other);
  work.upload();
  work.run();
  work.upload();
  set("KERNEL_FAULT", "3");   // updates of the state are launches too, or not: the count is the simulation's
  std::string first;
  for (int i = 0; i < 8 && first.empty(); ++i) {
    first = thrown_by([&] { work.run(); });
    if (first.empty()) first = thrown_by([&] { work.result(); });
  }
  CHECK(has(first, "DEVICE [cuda:0] "));
  CHECK(has(first, "cudaErrorIllegalAddress (700), an illegal memory access was encountered"));
  CHECK(has(first, "restart"));
  std::map<std::string, std::function<void()>> calls{
      {"allocate", [&] { backend->allocate(64); }},
      {"upload", [&] { work.upload(); }},
      {"download", [&] { work.result(); }},
      {"run", [&] { work.run(); }},
      {"gemm", [&] { work.multiply(); }},
      {"zero", [&] { backend->zero(work.x.as<void>(), 64); }},
      {"copy", [&] { backend->copy(work.y.as<void>(), work.x.as<void>(), 64); }},
      {"synchronize", [&] { backend->synchronize(); }},
      {"loss_scale", [&] { backend->loss_scale(); }},
      {"another session", [&] { beside->allocate(64); }},
      {"a new session", [&] { make_cuda_backend({}); }},
      {"another thread", [&] {
         std::string text;
         std::thread([&] { text = thrown_by([&] { work.run(); }); }).join();
         CHECK(has(text, "illegal memory access"));
         work.run();
       }},
  };
  for (int round = 0; round < 2; ++round) {
    for (const auto& [name, call] : calls) {
      const std::string text = thrown_by(call);
      if (!CHECK(has(text, "DEVICE [cuda:0] ") && has(text, "earlier fault") && has(text, "an illegal memory access was encountered"))) {
        std::printf("  %s\n", name.c_str());
      }
    }
  }
  elsewhere.upload();
  elsewhere.run();
  CHECK(elsewhere.result() == elsewhere.host);
  make_cuda_backend(on(1));
}

void a_library_that_fails_once_is_usable_after() {
  const auto backend = make_cuda_backend({});
  Work work(*backend);
  work.upload();
  const std::pair<const char*, const char*> failures[] = {{"13", "DEVICE [cuda:0] cublasSgemm failed: "},
                                                          {"15", "UNSUPPORTED [cuda:0] cublasSgemm failed: "},
                                                          {"3", "OUT_OF_MEMORY [cuda:0] cublasSgemm failed: "}};
  for (const auto& [status, words] : failures) {
    set("FAIL", std::string("cublasSgemm_v2:every:") + status);
    const std::string text = thrown_by([&] { work.multiply(); });
    CHECK(has(text, words));
    CHECK(has(text, (std::string("(") + status + ")").c_str()));
    CHECK(has(text, "A [32, 32]"));
    set("FAIL", "");
    CHECK(thrown_by([&] { work.multiply(); }).empty());
  }
  work.run();
  work.result();
}

// Whatever call fails, it says so once, and what is made afterwards works.
void every_call_may_fail_once() {
  const char* functions[] = {"cudaMalloc",         "cudaMallocHost",          "cudaMemGetInfo",       "cudaMemcpyAsync",      "cudaMemsetAsync",
                             "cudaEventRecord",    "cudaEventCreateWithFlags", "cudaStreamWaitEvent", "cudaEventSynchronize", "cudaGraphLaunch",
                             "cudaStreamSynchronize"};
  const auto session = [] {
    const auto backend = make_cuda_backend({});
    Work work(*backend);
    for (int i = 0; i < 5; ++i) {
      work.upload();
      work.run();
    }
    const std::vector<float> result = work.result();
    for (size_t i = 0; i < result.size(); ++i) CHECK(result[i] == 5 * work.host[i]);
  };
  session();
  for (const char* function : functions) {
    int failed = 0;
    for (int call = 1; call <= 12; ++call) {
      grus_sim_reset();
      set("FAIL", std::string(function) + ":" + std::to_string(call) + (function == std::string("cudaMalloc") ? ":2" : ":1"));
      const std::string text = thrown_by(session);
      set("FAIL", "");
      if (text.empty()) continue;
      ++failed;
      CHECK(has(text, function == std::string("cudaMalloc") ? "OUT_OF_MEMORY [cuda:0] " : "DEVICE [cuda:0] "));
      CHECK(has(text, function == std::string("cudaMalloc") ? "lower the batch size" : function));
      CHECK(thrown_by(session).empty());
    }
    if (!CHECK(failed > 0)) std::printf("  %s\n", function);
  }
  CHECK(grus_sim_misuses() == 0);
}

// The engine goes on without graphs where CUDA refuses them.
void graphs_that_cannot_be_made() {
  for (const char* rule : {"cudaStreamBeginCapture:every:1", "cudaGraphInstantiate:every:2"}) {
    set("FAIL", rule);
    const auto backend = make_cuda_backend({});
    Work work(*backend);
    for (int i = 1; i <= 6; ++i) {
      work.upload();
      work.run();
      CHECK(work.result()[7] == static_cast<float>(i) * work.host[7]);
    }
    set("FAIL", "");
  }
}

void a_memory_that_is_full() {
  set("MEMORY", std::to_string(size_t{428} << 20));   // 300 are the context's
  const auto backend = make_cuda_backend({});
  Work work(*backend);
  std::vector<Buffer> held;
  std::string text;
  for (int i = 0; i < 40 && text.empty(); ++i) text = thrown_by([&] { held.push_back(backend->allocate(size_t{8} << 20)); });
  CHECK(!held.empty());
  CHECK(has(text, "OUT_OF_MEMORY [cuda:0] 8.0 MiB of GPU memory are needed, "));
  CHECK(has(text, " of 428.0 MiB are free (Simulated GPU)"));
  work.upload();
  work.run();
  CHECK(work.result() == work.host);
  held.clear();
  CHECK(thrown_by([&] { held.push_back(backend->allocate(size_t{64} << 20)); }).empty());
}

// What a library fails with says little: a GPU that has hardly any memory left is named as the likely cause, and only then.
void a_failure_on_a_full_gpu() {
  const auto backend = make_cuda_backend({});
  Work work(*backend);
  const std::pair<const char*, const char*> products[] = {{"13", "DEVICE"}, {"14", "DEVICE"}, {"15", "UNSUPPORTED"}};
  const std::pair<const char*, const char*> answers[] = {
      {"1001", "DEVICE"}, {"3000", "UNSUPPORTED"}, {"4004", "DEVICE"}, {"5003", "DEVICE"}};
  for (const bool full : {false, true}) {
    size_t free = 0, total = 0;
    CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
    if (full) set("MEMORY", std::to_string(total - free + (size_t{1} << 20)));   // so much is left
    for (const auto& [status, code] : products) {
      set("FAIL", std::string("cublasSgemm_v2:every:") + status);
      const std::string text = thrown_by([&] { work.multiply(); });
      CHECK(has(text, full ? "OUT_OF_MEMORY [cuda:0] cublasSgemm failed: " : code));
      CHECK((text.find("perhaps for lack of memory, 1.0 MiB of ") != std::string::npos) == full);
      if (full) CHECK(has(text, "; lower the batch size"));
    }
    for (const auto& [status, code] : answers) {
      cuda::Context context({});
      const auto answered = static_cast<cudnn::Status>(std::atoi(status));
      const std::string text = thrown_by([&] { context.check(answered, "cudnnRNNForward"); });
      CHECK(has(text, full ? "OUT_OF_MEMORY [cuda:0] cudnnRNNForward failed: " : code));
      CHECK(has(text, (std::string("(") + status + ")").c_str()));
    }
    cuda::Context context({});
    CHECK(has(thrown_by([&] { context.check(static_cast<cudnn::Status>(2000), "cudnnRNNForward"); }), "DEVICE [cuda:0] "));
    set("FAIL", "cublasSgemm_v2:every:7");   // an invalid value is no matter of memory
    CHECK(has(thrown_by([&] { work.multiply(); }), "DEVICE [cuda:0] "));
    set("FAIL", "");
  }
}

// A session that cannot be made leaves other sessions' captures alone.
void a_lane_that_fails_breaks_no_capture() {
  const long long before = grus_sim_calls("cublasCreate_v2");
  for (const char* rule : {"cublasCreate_v2:every:1", "cublasSetStream_v2:every:1", "cublasSetWorkspace_v2:every:1"}) {
    cuda::Context context({});
    cuda::Graphs graphs(context);
    const Buffer y = context.allocate(64);
    for (int i = 0; i < 4; ++i) {
      graphs.run("a", [&] {
        cudaMemsetAsync(y.as<void>(), 0, 64, context.stream());
        if (!context.capturing()) return;
        set("FAIL", rule);
        std::thread([&] { CHECK(has(thrown_by([] { cuda::Context another({}); }), "[cuda:0] cublas")); }).join();
        set("FAIL", "");
      });
    }
    const GraphCounters& counters = context.graph_counters();
    if (!CHECK(counters.captures == 1 && counters.refusals == 0)) std::printf("  %s: %s\n", rule, counters.last_refusal().c_str());
  }
  CHECK(grus_sim_calls("cublasCreate_v2") == before + 3);   // the first session's, one that failed, one that the next two took over
}

// Graphs take memory that CUDA does not tell of; where there is no room for an allocation they are given up.
void graphs_make_room() {
  set("MEMORY", std::to_string(size_t{428} << 20));   // 300 are the context's
  cuda::Context context({});
  cuda::Graphs graphs(context);
  const GraphCounters& counters = context.graph_counters();
  const Buffer y = context.allocate(64);
  const auto run = [&](int key, int nodes) {
    for (int i = 0; i < 3; ++i) {
      graphs.run(std::to_string(key), [&] {
        for (int node = 0; node < nodes; ++node) cudaMemsetAsync(y.as<void>(), 0, 64, context.stream());
      });
    }
  };
  for (int key = 0; key < 5; ++key) run(key, 1000);
  CHECK(counters.captures == 5 && counters.nodes == 5000 && counters.bytes == 51200000);
  size_t free = 0, total = 0;
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(thrown_by([&] { context.allocate(free + (size_t{20} << 20)); }).empty());
  CHECK(counters.nodes == 0 && counters.bytes == 0);
  for (int key = 0; key < 5; ++key) run(key, 1000);   // as keys that have never come
  CHECK(counters.captures == 10 && counters.nodes == 5000);
  const std::string text = thrown_by([&] { context.allocate(size_t{120} << 20); });
  CHECK(has(text, "OUT_OF_MEMORY [cuda:0] 120.0 MiB of GPU memory are needed, "));
  CHECK(has(text, ", 48.8 MiB in captured graphs were given up ("));
  for (int key = 0; key < 5; ++key) run(key, 1000);
  // what no GPU of this size could hold costs no graph
  CHECK(has(thrown_by([&] { context.allocate(size_t{1} << 40); }), "48.8 MiB in captured graphs were kept"));
  CHECK(counters.nodes == 5000);
  // a graph for which there is no room is refused, and tried again
  run(7, 9000);
  CHECK(counters.captures == 15 && counters.refusals == 1);
  CHECK(has(counters.last_refusal(), "cudaGraphInstantiate failed: cudaErrorMemoryAllocation (2)"));
}

// The oldest graph goes without a wait, and not before the GPU has passed it.
void a_graph_goes_when_it_has_passed() {
  cuda::Context context({});
  cuda::Graphs graphs(context);
  const GraphCounters& counters = context.graph_counters();
  const Buffer y = context.allocate(64);
  const auto run = [&](int key) {
    graphs.run(std::to_string(key), [&] {
      for (int node = 0; node < 30; ++node) cudaMemsetAsync(y.as<void>(), 0, 64, context.stream());
    });
  };
  for (int i = 0; i < 4; ++i) run(0);
  context.synchronize();
  const long long waits = grus_sim_waits();
  for (int i = 0; i < 3; ++i) run(1);
  CHECK(counters.captures == 2 && counters.nodes == 60);   // one of them no longer in use, but perhaps still running
  run(1);
  CHECK(counters.nodes == 60 && grus_sim_waits() == waits);
  context.synchronize();
  run(1);
  CHECK(counters.nodes == 30);
}

void what_a_gpu_or_its_libraries_lack() {
  set("CAPABILITY", "70");
  CHECK(has(thrown_by([] { make_cuda_backend({}); }), "BACKEND_UNAVAILABLE"));
  set("CAPABILITY", "75");
  CHECK(has(thrown_by([] { make_cuda_backend(on(0, Precision::bfloat16)); }), "UNSUPPORTED [cuda:0] precision 'bfloat16' needs a GPU"));
  CHECK(has(make_cuda_backend(on(0, Precision::tf32))->engine(), ", float32, "));
  CHECK(has(make_cuda_backend(on(0, Precision::float16))->engine(), ", float16, "));
  set("CAPABILITY", "80");
  CHECK(has(make_cuda_backend(on(0, Precision::tf32))->engine(), ", tf32, "));
  CHECK(has(make_cuda_backend(on(0, Precision::bfloat16))->engine(), ", bfloat16, "));
}

void an_old_cudnn_has_no_bfloat16() {
  CHECK(has(thrown_by([] { make_cuda_backend(on(0, Precision::bfloat16)); }), "UNSUPPORTED [cuda:0] precision 'bfloat16' needs cuDNN 9.13.0"));
  CHECK(has(make_cuda_backend({})->engine(), "9.6.0"));
}

void blackwell_has_one_stream() {
  cuda::Context context({});
  CHECK(context.copies() == context.stream());
  const auto backend = make_cuda_backend({});
  Work work(*backend);
  for (int i = 1; i <= 4; ++i) {
    work.upload();
    work.run();
  }
  CHECK(work.result()[5] == 4 * work.host[5]);
}

// The host waits for a slot that comes free, once for each batch, and for nothing else.
void a_step_waits_for_nothing() {
  const auto backend = make_cuda_backend({});
  Work work(*backend);
  const auto step = [&] {
    work.upload();
    backend->upload(work.y.as<void>(), work.host.data(), 128);
    work.run();
  };
  for (int i = 0; i < 4; ++i) step();
  const long long before = grus_sim_waits();
  for (int i = 0; i < 50; ++i) step();
  CHECK(grus_sim_waits() - before <= 50);
  work.result();
}

void cuda_that_has_gone() {
  auto backend = make_cuda_backend({});
  auto work = std::make_unique<Work>(*backend);
  work->upload();
  work->run();
  work->run();
  std::string rules;
  for (const char* function : {"cudaFree", "cudaFreeHost", "cudaStreamSynchronize", "cudaEventDestroy", "cudaSetDevice", "cudaGetDevice",
                               "cudaGraphExecDestroy"}) {
    rules += std::string(function) + ":every:4,";
  }
  set("FAIL", rules);
  work.reset();
  backend.reset();
  CHECK(true);   // it came to here
}

std::unique_ptr<Backend> at_exit;

void the_process_ends_with_work_in_flight() {
  at_exit = make_cuda_backend({});
  auto* work = new Work(*at_exit);   // nobody frees it
  for (int i = 0; i < 20; ++i) {
    work->upload();
    work->run();
  }
  CHECK(true);
}

struct Scenario {
  const char* name;
  void (*run)();
  const char* settings;
};

const Scenario scenarios[] = {
    {"fault", a_fault_lasts_and_names_its_first_cause, ""},
    {"deferred fault", a_fault_lasts_and_names_its_first_cause, "GRUS_SIM_DEFER=2"},
    {"library", a_library_that_fails_once_is_usable_after, ""},
    {"calls", every_call_may_fail_once, ""},
    {"graphs", graphs_that_cannot_be_made, ""},
    {"memory", a_memory_that_is_full, ""},
    {"full", a_failure_on_a_full_gpu, ""},
    {"lane", a_lane_that_fails_breaks_no_capture, ""},
    {"room for graphs", graphs_make_room, ""},
    {"room for graphs, deferred", graphs_make_room, "GRUS_SIM_DEFER=2"},
    {"retired", a_graph_goes_when_it_has_passed, "GRUS_SIM_DEFER=2 GRUS_CUDA_GRAPH_NODES=50"},
    {"lack", what_a_gpu_or_its_libraries_lack, ""},
    {"old cudnn", an_old_cudnn_has_no_bfloat16, "GRUS_SIM_CUDNN_VERSION=90600"},
    {"blackwell", blackwell_has_one_stream, "GRUS_SIM_CAPABILITY=100 GRUS_SIM_DEFER=7"},
    {"waits", a_step_waits_for_nothing, "GRUS_SIM_DEFER=2"},
    {"gone", cuda_that_has_gone, ""},
    {"exit", the_process_ends_with_work_in_flight, "GRUS_SIM_DEFER=2"},
};

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) {
    for (const Scenario& scenario : scenarios) {
      if (std::string(arguments[1]) == scenario.name) scenario.run();
    }
    return checks().report();
  }
  for (const Scenario& scenario : scenarios) {
    const ChildResult child = run_child(scenario.settings, arguments[0], "'" + std::string(scenario.name) + "'");
    if (!CHECK(child.status == 0 && child.output.find(" passed, 0 failed") != std::string::npos)) {
      std::printf("%s (status %d):\n%s\n", scenario.name, child.status, child.output.c_str());
    }
    CHECK(child.output.find("grus-sim misuse") == std::string::npos);
  }
  return checks().report();
}
