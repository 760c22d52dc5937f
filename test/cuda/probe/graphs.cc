#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "captured.h"
#include "groups.h"

namespace probe {
namespace {

using cudnn::RnnAlgo;

constexpr std::pair<RnnAlgo, const char*> kAlgorithms[] = {
    {RnnAlgo::standard, "STANDARD"}, {RnnAlgo::persist_static_small_h, "SMALL_H"}, {RnnAlgo::persist_static, "PERSIST_STATIC"}};

// A network that has run once, or the answer why there is none.
bool warm(Network& n, const std::string& question) {
  const Outcome usual = n.pass(true);
  if (!usual.good) answer("8.13", question, usual.text);
  return usual.good;
}

Shape ragged() {
  Shape shape;
  shape.lengths = {8, 3, 5, 1};
  return shape;
}

// Whether a graph keeps what its calls were told: the lengths are given by a descriptor, which may change or go before a replay.
void replay_without_descriptors(Context& context) {
  const std::string question = "replay of a ragged graph after its descriptors have changed";
  trying(question);
  Network n(context, ragged());
  if (!warm(n, question)) return;
  const uint64_t expected = fingerprint(n, true);
  const Captured captured = record(n);
  if (!captured.outcome.good) return answer("8.13", question, captured.outcome.text);
  cudaGraphExec_t exec = nullptr;
  context.check(cudaGraphInstantiate(&exec, captured.graph, 0), "cudaGraphInstantiate");
  cudaGraphDestroy(captured.graph);
  const auto replay = [&](const char* when) -> Json {
    trying(question + ", " + when);
    cudaError_t error = cudaGraphLaunch(exec, context.stream());
    if (error == cudaSuccess) error = cudaStreamSynchronize(context.stream());
    if (error != cudaSuccess) return cudaGetErrorName(error);
    return fingerprint(n, true) == expected ? "same bits" : "other bits";
  };
  Json found = Json::object();
  found.add("unchanged", replay("unchanged"));
  Shape other = n.shape();
  other.lengths = {2, 8, 8, 8};
  n.describe_data(n.x_data(), other, other.inputs), n.describe_data(n.y_data(), other, other.hidden);
  found.add("other lengths", replay("other lengths"));
  n.forget_descriptors();
  found.add("destroyed", replay("destroyed"));
  cudaGraphExecDestroy(exec);
  answer("8.13", question, found);
}

std::vector<cudaGraphNode_t> nodes_of(cudaGraph_t graph) {
  size_t count = 0;
  cudaGraphGetNodes(graph, nullptr, &count);
  std::vector<cudaGraphNode_t> nodes(count);
  if (count > 0) cudaGraphGetNodes(graph, nodes.data(), &count);
  return nodes;
}

// What a graph costs, in memory and to instantiate, goes with its nodes.
void nodes_by_steps(Context& context) {
  for (const auto& [algorithm, name] : kAlgorithms) {
    const std::string question = std::string("graph nodes by steps, ") + name + ", forward and backward";
    Json found = Json::object();
    for (const int steps : full_sizes() ? std::vector<int>{1, 10, 100, 1000} : std::vector<int>{1, 2, 4}) {
      const std::string at = "T " + std::to_string(steps);
      trying(question + ", " + at);
      Shape shape;
      shape.algo = algorithm, shape.steps = steps;
      Network n(context, shape);
      const Outcome usual = n.pass(true);
      std::vector<Json> counts;
      for (const Passes passes : {Passes::forward, Passes::backward}) {
        if (!usual.good) break;
        const Captured captured = record(n, passes);
        counts.push_back(captured.outcome.good ? Json(nodes_of(captured.graph).size()) : Json(captured.outcome.text));
        if (captured.graph) cudaGraphDestroy(captured.graph);
        context.check(n.forward(true), "cudnnRNNForward");   // for the backward, if its forward was captured and never ran
      }
      found.add(at, usual.good ? Json(counts) : Json(usual.text));
    }
    answer("8.13", question, found);
  }
}

const char* name_of(cudaGraphNodeType type) {
  switch (type) {
    case cudaGraphNodeTypeKernel: return "kernel";
    case cudaGraphNodeTypeMemcpy: return "memcpy";
    case cudaGraphNodeTypeMemset: return "memset";
    case cudaGraphNodeTypeHost: return "host";
    case cudaGraphNodeTypeGraph: return "graph";
    case cudaGraphNodeTypeEmpty: return "empty";
    case cudaGraphNodeTypeMemAlloc: return "memory allocation";
    case cudaGraphNodeTypeMemFree: return "memory free";
    default: return "another";
  }
}

bool copies_from_host(cudaGraphNode_t node) {
  cudaMemcpy3DParms copy{};
  if (cudaGraphMemcpyNodeGetParams(node, &copy) != cudaSuccess) return false;
  cudaPointerAttributes source{};
  const bool known = copy.srcPtr.ptr && cudaPointerGetAttributes(&source, copy.srcPtr.ptr) == cudaSuccess;
  cudaGetLastError();   // of a pointer that CUDA does not know
  return copy.kind == cudaMemcpyHostToDevice || (known && source.type != cudaMemoryTypeDevice && source.type != cudaMemoryTypeManaged);
}

// A copy from the host, or a function on it, would read at every replay what the call's own memory holds by then.
void kinds_of_nodes(Context& context) {
  Shape layers = ragged();
  layers.layers = 2, layers.directions = 2;
  Shape fast;
  fast.algo = RnnAlgo::persist_static_small_h;
  for (const auto& [shape, name] : {std::pair{Shape(), "STANDARD"}, {ragged(), "STANDARD ragged"}, {layers, "STANDARD ragged L 2 D 2"},
                                    {fast, "SMALL_H"}}) {
    const std::string question = std::string("kinds of nodes of the three calls captured, ") + name;
    trying(question);
    Network n(context, shape);
    if (!warm(n, question)) continue;
    const Captured captured = record(n);
    if (!captured.outcome.good) {
      answer("8.13", question, captured.outcome.text);
      continue;
    }
    std::map<std::string, int> counts;
    int from_host = 0;
    for (const cudaGraphNode_t node : nodes_of(captured.graph)) {
      cudaGraphNodeType type{};
      ++counts[cudaGraphNodeGetType(node, &type) == cudaSuccess ? name_of(type) : "unknown"];
      from_host += type == cudaGraphNodeTypeMemcpy && copies_from_host(node);
    }
    cudaGraphDestroy(captured.graph);
    Json found = Json::object();
    for (const auto& [kind, count] : counts) found.add(kind, count);
    answer("8.13", question, found.add("copies from the host", from_host));
  }
}

// Allocates and frees on a thread of its own until it goes.
class Freeing {
 public:
  explicit Freeing(int device)
      : thread_([this, device] {
          cudaSetDevice(device);
          while (!done_) {
            void* memory = nullptr;
            cudaError_t error = cudaMalloc(&memory, 1 << 20);
            if (error == cudaSuccess) error = cudaFree(memory);
            if (error != cudaSuccess && first_ == cudaSuccess) first_ = error;
            ++rounds_;
          }
        }) {}
  ~Freeing() {
    done_ = true;
    thread_.join();
  }
  // Until it has freed once more than before; false: not in two seconds.
  bool wait() const {
    const int enough = rounds_ + 2;   // the round under way may have freed already
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (rounds_ < enough) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  const char* error() const { return cudaGetErrorName(first_); }

 private:
  std::atomic<bool> done_{false};
  std::atomic<int> rounds_{0};
  std::atomic<cudaError_t> first_{cudaSuccess};
  std::thread thread_;
};

}  // namespace

void graphs(Context& context) {
  replay_without_descriptors(context);
  nodes_by_steps(context);
  kinds_of_nodes(context);
}

void capture_beside_frees(Context& context) {
  const std::string question = "capture while another thread allocates and frees";
  trying(question);
  Network n(context, Shape{});
  if (!warm(n, question)) return;
  const uint64_t expected = fingerprint(n, true);
  int broken = 0, waited_in_vain = 0, differ = 0;
  std::string first = "none";
  const Freeing freeing(context.device());
  for (int round = 0; round < 10; ++round) {
    const Captured captured = record(n, Passes::both, [&] { waited_in_vain += !freeing.wait(); });
    if (!captured.outcome.good) {
      if (broken++ == 0) first = captured.outcome.text;
    } else {
      cudaGraphExec_t exec = nullptr;
      const bool good = cudaGraphInstantiate(&exec, captured.graph, 0) == cudaSuccess &&
                        cudaGraphLaunch(exec, context.stream()) == cudaSuccess && cudaStreamSynchronize(context.stream()) == cudaSuccess;
      differ += !good || fingerprint(n, true) != expected;
      if (exec) cudaGraphExecDestroy(exec);
    }
    if (captured.graph) cudaGraphDestroy(captured.graph);
    if (waited_in_vain > 2) break;   // it frees when the capture has ended, and that is the answer
  }
  answer("8.13", question, {{"captures that broke, of 10", broken}, {"the first", first}, {"replays that differ", differ},
                            {"captures in which nothing was freed", waited_in_vain}, {"the other thread's first error", freeing.error()}});
}

}  // namespace probe
