// Versions, failures on demand, sizes and pointers, streams and captures.
#include <atomic>
#include <set>
#include <thread>

#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

int misuses_since() {
  const int count = grus_sim_misuses();
  grus_sim_reset();
  return count;
}

void versions() {
  CHECK(api().GetVersion() == 92400 && api().GetCudartVersion() == 13030);
  CHECK(api().AdvVersionCheck() == Status::success && api().OpsVersionCheck() == Status::success);
  const Knob version("CUDNN_VERSION", "8904"), cudart("CUDNN_CUDART", "12090");
  CHECK(api().GetVersion() == 8904 && api().GetCudartVersion() == 12090);
  {
    const Knob check("CUDNN_ADV_CHECK", "1002");
    CHECK(static_cast<int>(api().AdvVersionCheck()) == 1002);
  }
  const Knob adv("CUDNN_ADV", "missing");
  RnnDescriptor descriptor = nullptr;
  const int code = static_cast<int>(api().CreateRNNDescriptor(&descriptor));
  CHECK(code == 1008 || code == 3009);
  CHECK(last_error().find("libcudnn_adv") != std::string::npos);
  CHECK(std::string(api().GetErrorString(static_cast<Status>(2006))) == "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT");
}

void failures_on_demand() {
  Gru gru({});
  const Knob fail("CUDNN_FAIL", "RNNForward:2:5000,RNNBackwardData_v8:1+:4004");
  CHECK(category_of(gru.forward()) == 0 && category_of(gru.forward()) == 5 && category_of(gru.forward()) == 0);
  CHECK(category_of(gru.backward_data()) == 4 && category_of(gru.backward_data()) == 4);
  const Knob other("FAIL", "cudnnRNNForward:every:3000");
  CHECK(category_of(gru.forward()) == 3);
}

// the same refusal comes with different codes of one category
void codes() {
  std::set<int> seen;
  for (int i = 0; i < 40; ++i) seen.insert(static_cast<int>(api().CreateRNNDescriptor(nullptr)));
  CHECK(seen.size() > 2 && *seen.begin() == 2000 && *seen.rbegin() < 3000);
}

void sizes() {
  Options o;
  std::set<size_t> remainders;
  bool shrinks = false;
  size_t before = 0;
  for (o.steps = 1; o.steps < 40; ++o.steps) {
    Gru gru(o);
    shrinks = shrinks || gru.workspace_bytes < before;
    before = gru.workspace_bytes;
    remainders.insert(gru.reserve_bytes % 16);
  }
  CHECK(shrinks && remainders.size() > 4);
  o.steps = 5;
  Gru gru(o);
  size_t workspace = 0, reserve = 1;
  CHECK(api().GetRNNTempSpaceSizes(gru.handle, gru.rnn, ForwardMode::inference, gru.x_desc, &workspace, &reserve) == Status::success);
  CHECK(reserve == 0 && workspace > 0);
  for (size_t* size : {&gru.workspace_bytes, &gru.reserve_bytes, &gru.weight_bytes}) {
    const size_t enough = *size;
    *size /= 3;
    CHECK(category_of(gru.forward()) == 2);
    CHECK(last_error().find("too small") != std::string::npos);
    *size = enough;
  }
  CHECK(gru.train() == 0);
  Values workspace_after(gru.workspace_bytes / 8);
  cudaMemcpy(workspace_after.data(), gru.workspace, workspace_after.size() * 8, cudaMemcpyDeviceToHost);
  CHECK(std::all_of(workspace_after.begin(), workspace_after.end(), [](double v) { return std::isnan(v); }));
}

Status forward_from(Gru& g, const void* x, void* y) {
  return api().RNNForward(g.handle, g.rnn, ForwardMode::training, nullptr, g.x_desc, x, g.y_desc, y, g.h_desc, g.hx->data(), nullptr,
                          nullptr, nullptr, nullptr, g.weight_bytes, g.weights->data(), g.workspace_bytes, g.workspace, g.reserve_bytes,
                          g.reserve);
}

void pointers() {
  Gru gru({});
  std::vector<double> host(1000);
  char* x = static_cast<char*>(gru.x->data());
  CHECK(category_of(forward_from(gru, nullptr, gru.y->data())) == 2);
  CHECK(category_of(forward_from(gru, x + 8, gru.y->data())) == 2);
  CHECK(misuses_since() == 0);
  CHECK(category_of(forward_from(gru, x + 16, gru.y->data())) == 2 && misuses_since() > 0);   // runs over the end
  const auto aligned = (reinterpret_cast<uintptr_t>(host.data()) + 15) / 16 * 16;
  CHECK(category_of(forward_from(gru, reinterpret_cast<void*>(aligned), gru.y->data())) == 2 && misuses_since() > 0);
  Options square;
  square.inputs = square.hidden;
  Gru overlapping(square);
  CHECK(category_of(forward_from(overlapping, overlapping.y->data(), overlapping.y->data())) == 2 && misuses_since() == 1);
  const int32_t lengths[3] = {5, 5, 5};
  api().RNNForward(gru.handle, gru.rnn, ForwardMode::training, lengths, gru.x_desc, x, gru.y_desc, gru.y->data(), gru.h_desc,
                   gru.hx->data(), nullptr, nullptr, nullptr, nullptr, gru.weight_bytes, gru.weights->data(), gru.workspace_bytes,
                   gru.workspace, gru.reserve_bytes, gru.reserve);
  CHECK(misuses_since() == 1);
}

// captured after a warm-up, replayed with the same bits; without one the capture breaks
void captures() {
  const Knob warm("CUDNN_WARMUP", "1");
  Gru cold({}), gru({});
  cudaGraph_t graph = nullptr;
  cudaStreamBeginCapture(cold.stream, cudaStreamCaptureModeThreadLocal);
  CHECK(category_of(cold.forward()) == 5);
  CHECK(cudaStreamEndCapture(cold.stream, &graph) != cudaSuccess);
  cudaGetLastError();

  CHECK(gru.train() == 0);
  const Values y = gru.y->get(), dx = gru.dx->get(), dweights = gru.dweights->get();
  CHECK(cudaStreamBeginCapture(gru.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(category_of(gru.forward()) == 0 && category_of(gru.backward_data()) == 0 && category_of(gru.backward_weights()) == 0);
  CHECK(cudaStreamEndCapture(gru.stream, &graph) == cudaSuccess);
  cudaGraphExec_t exec = nullptr;
  CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
  for (int replay = 0; replay < 2; ++replay) {
    gru.dweights->set(Values(dweights.size(), 0.0));
    gru.y->set(Values(y.size(), 0.0));
    CHECK(cudaGraphLaunch(exec, gru.stream) == cudaSuccess);
    gru.synchronize();
    CHECK(gru.y->get() == y && gru.dx->get() == dx && gru.dweights->get() == dweights);
  }
  cudaGraphExecDestroy(exec);
  cudaGraphDestroy(graph);
  CHECK(misuses_since() == 0);
}

void costs() {
  const Knob cost("CUDNN_COST", "0:10,3:4");
  Gru gru({});
  cudaEvent_t before = nullptr, after = nullptr;
  cudaEventCreate(&before);
  cudaEventCreate(&after);
  cudaEventRecord(before, gru.stream);
  gru.forward();
  cudaEventRecord(after, gru.stream);
  gru.synchronize();
  float milliseconds = 0;
  cudaEventElapsedTime(&milliseconds, before, after);
  CHECK(milliseconds >= 0.05f);   // five steps
  cudaEventDestroy(before);
  cudaEventDestroy(after);
}

void only_accumulates() {
  Gru gru({});
  CHECK(
      category_of(api().RNNBackwardWeights_v8(gru.handle, gru.rnn, static_cast<WgradMode>(1), nullptr, gru.x_desc, gru.x->data(),
                                              gru.h_desc, gru.hx->data(), gru.y_desc, gru.y->data(), gru.weight_bytes, gru.dweights->data(),
                                              gru.workspace_bytes, gru.workspace, gru.reserve_bytes, gru.reserve)) == 3);
}

// a handle is for one call at a time, on its own device
void handles() {
  int devices = 0;
  cudaGetDeviceCount(&devices);
  CHECK(devices == 2);
  Gru gru({});
  cudaSetDevice(1);
  cudaStream_t elsewhere = nullptr;
  cudaStreamCreate(&elsewhere);
  size_t bytes = 0;
  api().GetRNNWeightSpaceSize(gru.handle, gru.rnn, &bytes);
  CHECK(misuses_since() == 1);
  cudaSetDevice(0);
  CHECK(category_of(api().SetStream(gru.handle, elsewhere)) == 2 && misuses_since() == 1);
  cudaStreamDestroy(elsewhere);

  std::atomic<bool> go{false};
  const auto use = [&] {
    while (!go) {
    }
    size_t size = 0;
    for (int i = 0; i < 10000000 && grus_sim_misuses() == 0; ++i) api().GetRNNWeightSpaceSize(gru.handle, gru.rnn, &size);
  };
  std::thread first(use), second(use);
  go = true;
  first.join();
  second.join();
  CHECK(misuses_since() > 0);
}

// A fault that cuDNN's runtime has met is not the program's last error; the stream tells of it.
void errors_stay_in_the_library() {
  Gru gru({});
  {
    const Knob fault("KERNEL_FAULT", "1");
    grus_sim_reset();
    gru.forward();
  }
  CHECK(category_of(gru.forward()) == 5 && cudaGetLastError() == cudaSuccess);
  CHECK(cudaStreamQuery(gru.stream) == cudaErrorIllegalAddress && cudaGetLastError() == cudaErrorIllegalAddress);
  grus_sim_reset();
  const Knob fail("FAIL", "cudaGetDeviceCount:1:cudaErrorInitializationError");
  Handle handle = nullptr;
  CHECK(category_of(api().Create(&handle)) == 1 && cudaGetLastError() == cudaSuccess);
}

}   // namespace

int main() {
  setenv("GRUS_SIM_DEVICES", "2", 1);
  setenv("GRUS_SIM_MISUSE", "report", 1);
  versions();
  failures_on_demand();
  codes();
  sizes();
  pointers();
  captures();
  costs();
  only_accumulates();
  handles();
  errors_stay_in_the_library();
  return checks().report();
}
