#include "stopwatch.h"

#include <algorithm>
#include <vector>

namespace grus::cuda {
namespace {

class Event {
 public:
  explicit Event(Context& context) { context.check(cudaEventCreate(&event_), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// What was enqueued, as a graph; empty when it cannot be captured.
class Replay {
 public:
  Replay(cudaStream_t stream, const std::function<void()>& enqueue) {
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
      cudaGetLastError();
      return;
    }
    bool good = true;
    try {
      enqueue();
    } catch (...) {
      good = false;
    }
    cudaGraph_t graph = nullptr;
    good = cudaStreamEndCapture(stream, &graph) == cudaSuccess && good;
    if (good && cudaGraphInstantiate(&graph_, graph, 0) != cudaSuccess) graph_ = nullptr;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();   // a capture that failed is no fault of the GPU
  }
  ~Replay() {
    if (graph_) cudaGraphExecDestroy(graph_);
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  cudaGraphExec_t get() const { return graph_; }

 private:
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace

double median_microseconds(Context& context, const std::function<void()>& enqueue) {
  const Event start(context), stop(context);
  std::unique_ptr<Replay> replay;
  if (context.options().graphs) {
    replay = std::make_unique<Replay>(context.stream(), enqueue);
    if (!replay->get()) replay.reset();
  }
  std::vector<double> times;
  double total = 0;
  for (int run = 0; run < 26 && (run < 6 || total < 50e3); ++run) {
    context.check(cudaEventRecord(start.get(), context.stream()), "cudaEventRecord");
    if (replay) context.check(cudaGraphLaunch(replay->get(), context.stream()), "cudaGraphLaunch");
    else enqueue();
    context.check(cudaEventRecord(stop.get(), context.stream()), "cudaEventRecord");
    context.check(cudaEventSynchronize(stop.get()), "cudaEventSynchronize");
    float milliseconds = 0;
    context.check(cudaEventElapsedTime(&milliseconds, start.get(), stop.get()), "cudaEventElapsedTime");
    if (run == 0) continue;   // a graph's first launch also uploads it
    times.push_back(1e3 * static_cast<double>(milliseconds));
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace grus::cuda
