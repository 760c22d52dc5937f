#include "graphs.h"

#include <exception>

#include "../core/error.h"

namespace grus::cuda {
namespace {

class Running {
 public:
  Running(Context& context, bool capturing) : context_(context) { context_.set_running(true, capturing); }
  ~Running() { context_.set_running(false, false); }

 private:
  Context& context_;
};

// Errors that come from CUDA or its libraries, and so perhaps from the capture alone.
bool may_be_refusal(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error.code() == ErrorCode::device || error.code() == ErrorCode::unsupported || error.code() == ErrorCode::out_of_memory;
  } catch (...) {
    return false;
  }
}

}  // namespace

Graphs::~Graphs() {
  if (graphs_ == 0) return;
  const OnDevice on(context_.device());
  if (cudaStreamSynchronize(context_.stream()) != cudaSuccess) cudaGetLastError();   // a graph must not go while it runs
  order_.clear();
}

void Graphs::run(const std::string& key, const std::function<void()>& enqueue) {
  if (!context_.options().graphs) {
    enqueue_plainly(enqueue);
    return;
  }
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    enqueue_plainly(enqueue);
    order_.push_front({key, {}, false});
    entries_.emplace(key, order_.begin());
    forget_oldest();
    return;
  }
  order_.splice(order_.begin(), order_, found->second);
  Entry& entry = order_.front();
  if (!entry.graph && !entry.refused) capture(entry, enqueue);
  if (entry.graph) {
    context_.check(cudaGraphLaunch(entry.graph.get(), context_.stream()), "cudaGraphLaunch");
    ++replays_;
  } else {
    enqueue_plainly(enqueue);
  }
  forget_oldest();
}

void Graphs::enqueue_plainly(const std::function<void()>& enqueue) {
  const Running running(context_, false);
  enqueue();
}

// Leaves the entry with a graph that has not been launched yet, or refused. An error of the pass itself goes to the caller.
void Graphs::capture(Entry& entry, const std::function<void()>& enqueue) {
  const cudaStream_t stream = context_.stream();
  entry.refused = true;
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
    cudaGetLastError();
    return;
  }
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
    if (may_be_refusal(thrown)) return;
    entry.refused = false;
    std::rethrow_exception(thrown);
  }
  if (ended != cudaSuccess || last != cudaSuccess || !graph) return;
  GraphExec exec;
  if (cudaGraphInstantiate(exec.out(), graph.get(), 0) != cudaSuccess) {
    cudaGetLastError();
    return;
  }
  entry.graph = std::move(exec);
  entry.refused = false;
  ++graphs_;
  ++captures_;
}

void Graphs::forget_oldest() {
  while (order_.size() > kMostKeys || graphs_ > kMostGraphs) {
    Entry& oldest = order_.back();
    if (oldest.graph) {
      context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");   // it may still run
      --graphs_;
    }
    entries_.erase(oldest.key);
    order_.pop_back();
  }
}

}  // namespace grus::cuda
