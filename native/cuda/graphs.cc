#include "graphs.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iterator>

#include "../core/error.h"
#include "faults.h"

namespace grus::cuda {
namespace {

constexpr int64_t kMostNodes = 100000;        // of all graphs of a session: about 1 GB
constexpr int64_t kMostNodesOfOne = 20000;    // a pass of so many kernels keeps the GPU busy for longer than the host takes to enqueue it
// NVIDIA's own cache of graphs reckons with "around 10KB per kernel node" (NVIDIA/cccl, pull request 3768). CUDA does not tell.
constexpr int64_t kBytesPerNode = 10 << 10;
constexpr int64_t kRetries[] = {16, 256, 4096};

class Running {
 public:
  Running(Context& context, bool capturing) : context_(context) { context_.set_running(true, capturing); }
  ~Running() { context_.set_running(false, false); }

 private:
  Context& context_;
};

int64_t look() {
  const char* text = std::getenv("GRUS_CUDA_GRAPH_NODES");
  if (!text || !*text) return kMostNodes;
  constexpr int64_t limit = 1000000000;
  char* end = nullptr;
  const long long number = std::strtoll(text, &end, 10);
  if (*end != '\0' || number < 0 || number > limit) {
    throw Error(ErrorCode::invalid_argument, "[device] GRUS_CUDA_GRAPH_NODES must be 0 (no graphs) to " + std::to_string(limit) +
                                                 ", got '" + text + "'");
  }
  return number;
}

// Once, since getenv beside a thread that sets the environment is a race.
int64_t most_nodes() {
  static const int64_t number = look();
  return number;
}

// What an error of CUDA or its libraries says, which may come from the capture alone; empty: the error is the pass' own.
std::string reason_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const ErrorCode code = error.code();
    const bool may_be = code == ErrorCode::device || code == ErrorCode::unsupported || code == ErrorCode::out_of_memory;
    return may_be ? error.what() : "";
  } catch (...) {
    return "";
  }
}

std::string failed(const char* call, cudaError_t error) {
  cudaGetLastError();   // so that no later call is blamed for it
  return std::string(call) + " failed: " + words(error);
}

}  // namespace

int64_t Graphs::most_nodes_of_one() { return std::min(kMostNodesOfOne, most_nodes()); }

Graphs::Graphs(Context& context) : context_(context), counters_(context.graph_counters()), most_nodes_(most_nodes()) {
  context_.set_reclaim([this] { return drop(); });
}

Graphs::~Graphs() {
  context_.set_reclaim(nullptr);
  const OnDevice on(context_.device());
  drop();
}

void Graphs::run(const std::string& key, const std::function<void()>& enqueue) {
  if (!retired_.empty()) destroy_passed();
  if (!context_.options().graphs || most_nodes_ == 0) {
    enqueue_plainly(enqueue);
    return;
  }
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    order_.emplace_front();
    order_.front().key = key;
    entries_.emplace(key, order_.begin());
  } else {
    order_.splice(order_.begin(), order_, found->second);
  }
  Entry& entry = order_.front();
  if (!entry.graph && entry.wait == 0) capture(entry, enqueue);
  if (entry.graph) {
    context_.check(cudaGraphLaunch(entry.graph.get(), context_.stream()), "cudaGraphLaunch");
    ++counters_.replays;
  } else {
    enqueue_plainly(enqueue);
    if (entry.wait > 0) --entry.wait;
  }
  make_room();
}

void Graphs::enqueue_plainly(const std::function<void()>& enqueue) {
  const Running running(context_, false);
  ++counters_.eager;
  enqueue();
}

// Leaves the entry with a graph that has not been launched yet, or refused. An error of the pass itself goes to the caller.
void Graphs::capture(Entry& entry, const std::function<void()>& enqueue) {
  const cudaStream_t stream = context_.stream();
  const cudaError_t began = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  std::string refusal;
  if (began != cudaSuccess) {
    refusal = failed("cudaStreamBeginCapture", began);
  } else {
    std::exception_ptr thrown;
    {
      const Running running(context_, true);
      try {
        enqueue();
      } catch (...) {
        thrown = std::current_exception();
      }
    }
    Graph graph;
    const cudaError_t ended = cudaStreamEndCapture(stream, graph.out());
    const cudaError_t last = cudaGetLastError();
    if (thrown) {
      refusal = reason_of(thrown);
      if (refusal.empty()) std::rethrow_exception(thrown);
    } else if (ended != cudaSuccess) {
      refusal = failed("cudaStreamEndCapture", ended);
    } else if (last != cudaSuccess) {
      refusal = failed("a kernel's launch", last);
    } else {
      refusal = instantiate(entry, graph.get());
    }
  }
  if (refusal.empty()) return;
  if (entry.wait >= 0) {   // it may go well another time
    entry.wait = kRetries[std::min<size_t>(static_cast<size_t>(entry.refusals), std::size(kRetries) - 1)];
  }
  ++entry.refusals;
  counters_.refuse(refusal);
}

// The reason why there is none, or empty.
std::string Graphs::instantiate(Entry& entry, cudaGraph_t graph) {
  size_t count = 0;
  const cudaError_t counted = cudaGraphGetNodes(graph, nullptr, &count);
  if (counted != cudaSuccess) return failed("cudaGraphGetNodes", counted);
  const auto nodes = static_cast<int64_t>(std::max<size_t>(count, 1));
  if (const int64_t most = most_nodes_of_one(); nodes > most) {
    entry.wait = -1;
    return where(context_.device()) + "a pass of " + std::to_string(nodes) + " nodes is enqueued as it is, graphs have " +
           std::to_string(most) + " at most";
  }
  GraphExec made;
  const cudaError_t instantiated = cudaGraphInstantiate(made.out(), graph, 0);
  if (instantiated != cudaSuccess) return failed("cudaGraphInstantiate", instantiated);
  // else the first launch does it, and a lack of memory would be the pass' failure
  const cudaError_t uploaded = cudaGraphUpload(made.get(), context_.stream());
  if (uploaded != cudaSuccess) return failed("cudaGraphUpload", uploaded);
  entry.graph = std::move(made);
  entry.nodes = nodes;
  entry.refusals = 0;
  nodes_ += nodes;
  count_held(nodes);
  ++counters_.captures;
  return "";
}

// The latest stays.
void Graphs::make_room() {
  while (order_.size() > kMostKeys) {
    retire(order_.back());
    entries_.erase(order_.back().key);
    order_.pop_back();
  }
  for (auto entry = std::prev(order_.end()); nodes_ > most_nodes_ && entry != order_.begin(); --entry) {
    if (!entry->graph) continue;
    retire(*entry);
    entry->wait = kRetries[0];
  }
}

// Without waiting for the GPU: the graph goes once everything enqueued so far has passed.
void Graphs::retire(Entry& entry) {
  if (!entry.graph) return;
  Event passed;
  context_.check(cudaEventCreateWithFlags(passed.out(), cudaEventDisableTiming), "cudaEventCreateWithFlags");
  context_.check(cudaEventRecord(passed.get(), context_.stream()), "cudaEventRecord");
  nodes_ -= entry.nodes;
  retired_.push_back({std::move(entry.graph), entry.nodes, std::move(passed)});
  entry.graph = GraphExec();
}

void Graphs::destroy_passed() {
  while (!retired_.empty()) {
    const cudaError_t passed = cudaEventQuery(retired_.front().passed.get());
    if (passed == cudaErrorNotReady) {
      cudaGetLastError();
      return;
    }
    context_.check(passed, "cudaEventQuery");
    const int64_t nodes = retired_.front().nodes;
    retired_.pop_front();
    count_held(-nodes);
  }
}

// Each key waits as a new one does, so that a GPU that is full does not capture and drop in turn.
int64_t Graphs::drop() {
  const int64_t held = counters_.bytes;
  if (held == 0) return 0;
  if (cudaStreamSynchronize(context_.stream()) != cudaSuccess) cudaGetLastError();   // a graph must not go while it runs
  retired_.clear();
  order_.clear();
  entries_.clear();
  nodes_ = 0;
  count_held(-counters_.nodes);
  return held;
}

void Graphs::count_held(int64_t nodes) {
  counters_.nodes += nodes;
  counters_.bytes += nodes * kBytesPerNode;
}

}  // namespace grus::cuda
