#include "stopwatch.h"

#include <algorithm>
#include <vector>

#include "../graphs.h"

namespace grus::cuda {
namespace {

Event make_event(Context& context) {
  Event event;
  context.check(cudaEventCreate(event.out()), "cudaEventCreate");
  return event;
}

// What was enqueued, as a graph; none when it cannot be captured, or has more nodes than the engine would replay.
GraphExec capture(cudaStream_t stream, const std::function<void()>& enqueue) {
  GraphExec replay;
  if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
    cudaGetLastError();
    return replay;
  }
  bool good = true;
  try {
    enqueue();
  } catch (...) {
    good = false;
  }
  Graph graph;
  size_t nodes = 0;
  good = cudaStreamEndCapture(stream, graph.out()) == cudaSuccess && good;
  good = good && cudaGraphGetNodes(graph.get(), nullptr, &nodes) == cudaSuccess;
  good = good && static_cast<int64_t>(nodes) <= Graphs::most_nodes_of_one();
  if (good && cudaGraphInstantiate(replay.out(), graph.get(), 0) != cudaSuccess) replay = GraphExec();
  cudaGetLastError();   // a capture that failed is no fault of the GPU
  return replay;
}

}  // namespace

double median_microseconds(Context& context, const std::function<void()>& enqueue) {
  const Event start = make_event(context), stop = make_event(context);
  GraphExec replay;
  if (context.options().graphs && Graphs::most_nodes_of_one() > 0) replay = capture(context.stream(), enqueue);
  std::vector<double> times;
  double total = 0;
  for (int run = 0; run < 26 && (run < 6 || total < 50e3); ++run) {
    context.check(cudaEventRecord(start.get(), context.stream()), "cudaEventRecord");
    if (replay) context.check(cudaGraphLaunch(replay.get(), context.stream()), "cudaGraphLaunch");
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
