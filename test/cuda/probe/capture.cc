#include <fstream>
#include <set>

#include "captured.h"
#include "groups.h"

namespace probe {

Captured record(Network& n, Passes passes, const std::function<void()>& meanwhile) {
  const cudaStream_t stream = n.context().stream();
  const auto broken = [](const std::string& call, cudaError_t error) { return Outcome{false, call + ": " + cudaGetErrorName(error)}; };
  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error != cudaSuccess) return {broken("cudaStreamBeginCapture", error)};
  std::string failed;
  const auto good = [&](const char* call, Status status) {
    if (status != Status::success) failed = std::string(call) + ": " + status_text(n.context(), status);
    return status == Status::success;
  };
  if (passes != Passes::backward) good("cudnnRNNForward", n.forward(true));
  if (meanwhile) meanwhile();
  if (passes != Passes::forward && failed.empty()) {
    (void)(cudaMemsetAsync(n.at(DWEIGHTS), 0, n.weight_bytes, stream) == cudaSuccess &&
           good("cudnnRNNBackwardData_v8", n.backward_data()) && good("cudnnRNNBackwardWeights_v8", n.backward_weights()));
  }
  Captured captured;
  error = cudaStreamEndCapture(stream, &captured.graph);
  if (!failed.empty()) captured.outcome = {false, failed};
  else if (error != cudaSuccess) captured.outcome = broken("cudaStreamEndCapture", error);
  return captured;
}

namespace {

Outcome replay(Network& n, cudaGraph_t graph, size_t* nodes) {
  cudaGraphExec_t exec = nullptr;
  cudaGraphGetNodes(graph, nullptr, nodes);
  cudaError_t error = cudaGraphInstantiate(&exec, graph, 0);
  if (error != cudaSuccess) return {false, std::string("cudaGraphInstantiate: ") + cudaGetErrorName(error)};
  for (int i = 0; i < 3 && error == cudaSuccess; ++i) error = cudaGraphLaunch(exec, n.context().stream());
  if (error == cudaSuccess) error = cudaStreamSynchronize(n.context().stream());
  cudaGraphExecDestroy(exec);
  if (error != cudaSuccess) return {false, std::string("replay: ") + cudaGetErrorName(error)};
  return {};
}

// Three calls captured, replayed three times, next to the same calls made plainly.
void capture(Context& context, bool warm, const Shape& shape, const std::string& what) {
  const std::string question = std::string("the three calls captured ") + (warm ? "after a warm-up, " : "with a fresh handle, ") + what;
  trying(question);
  Network n(context, shape);
  if (!n.refused().good) return answer("8.13", question, n.refused().text);
  if (warm) {
    const Outcome usual = n.pass(true);
    if (!usual.good) return answer("8.13", question, usual.text);
  }
  Captured captured = record(n);
  if (!captured.outcome.good) return answer("8.13", question, captured.outcome.text);
  size_t nodes = 0;
  const Outcome outcome = replay(n, captured.graph, &nodes);
  cudaGraphDestroy(captured.graph);
  Network plain(context, shape);
  const Outcome usual = plain.pass(true);
  answer("8.13", question, {{"outcome", outcome.good ? usual.text : outcome.text}, {"nodes", nodes},
                            {"same bits as plain calls", outcome.good && usual.good && same_bits(n, plain, true)}});
}

std::vector<Json> libraries() {
  std::ifstream maps("/proc/self/maps");
  std::set<std::string> names;
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.rfind('/');
    if (slash == std::string::npos || line.find(".so", slash) == std::string::npos) continue;
    const std::string name = line.substr(slash + 1);
    for (const char* ours : {"cuda", "cudnn", "cublas", "nv"}) {
      if (name.find(ours) != std::string::npos) names.insert(name);
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace

void capture_cold(Context& context) { capture(context, false, Shape{}, "float32"); }

void capture_warm(Context& context) {
  Shape shape;
  for (const Kind& kind : {kFloat32, kTf32, kFloat16, kBfloat16}) {
    shape.kind = kind;
    capture(context, true, shape, kind.name);
  }
  shape = Shape();
  shape.algo = cudnn::RnnAlgo::persist_static_small_h;
  capture(context, true, shape, "float32 SMALL_H");
  shape.algo = cudnn::RnnAlgo::persist_static;
  shape.hidden = 64;
  capture(context, true, shape, "float32 PERSIST_STATIC H 64");
  shape = Shape();
  shape.lengths = {8, 3, 5, 1};
  capture(context, true, shape, "float32 ragged");
  shape.lengths.clear();
  shape.layers = 3, shape.directions = 2;
  capture(context, true, shape, "float32 L 3 D 2");
}

void mapped(Context& context) {
  answer("8.14", "libraries mapped once there are handles", libraries());
  trying("a step");
  Network n(context, Shape{});
  const Outcome forward = n.pass(false);
  answer("8.14", "libraries mapped after a forward pass", forward.good ? Json(libraries()) : Json(forward.text));
  const Outcome training = n.pass(true);
  answer("8.14", "libraries mapped after a training step", training.good ? Json(libraries()) : Json(training.text));
}

}  // namespace probe
