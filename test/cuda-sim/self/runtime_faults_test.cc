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
