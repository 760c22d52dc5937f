// Graphs: what a capture records, what it refuses, and what a replay reads.
#include <thread>

#include "sim_support.h"

namespace {

cudaGraphExec_t instantiate(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  return exec;
}

void begin(cudaStream_t stream, cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
  CHECK(cudaStreamBeginCapture(stream, mode) == cudaSuccess);
}

// The capture is broken: nothing more is taken, and its end says so.
void expect_broken(cudaStream_t stream, cudaError_t at_end = cudaErrorStreamCaptureInvalidated) {
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(stream, &graph) == at_end && graph == nullptr);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
  CHECK(cudaStreamIsCapturing(stream, &status) == cudaSuccess && status == cudaStreamCaptureStatusNone);
  cudaGetLastError();
}

void replays_read_memory_anew(const char* order) {
  const Knob deferred("DEFER", order);
  Stream stream;
  Floats source(2, true), y(2);
  source.at[0] = source.at[1] = 1;
  y.set({9, 9});
  const long long launched = grus_sim_launches();
  begin(stream);
  CHECK(cudaMemcpyAsync(y.at, source.at, y.bytes(), cudaMemcpyHostToDevice, stream) == cudaSuccess);
  affine(stream, y, 2, 1);
  affine(stream, y, 10, 0);
  const cudaGraphExec_t exec = instantiate(stream);
  CHECK(grus_sim_launches() == launched && y.get()[0] == 9);   // nothing has run
  for (const float value : {1.f, 4.f}) {
    source.at[1] = value;
    CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess && cudaStreamSynchronize(stream) == cudaSuccess);
    CHECK(y.get()[1] == (2 * value + 1) * 10);
  }
  CHECK(grus_sim_launches() == launched + 4);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
  CHECK(misuses_of([&] { CHECK(cudaGraphLaunch(exec, stream) == cudaErrorInvalidValue); }) == 1);
  cudaGetLastError();
}

void forks_and_joins(const char* order) {
  const Knob deferred("DEFER", order);
  Stream stream, side;
  Event forked, joined;
  Floats x(1), y(1);
  x.set({1});
  y.set({1});
  begin(stream);
  affine(stream, x, 3, 0);
  CHECK(cudaEventRecord(forked, stream) == cudaSuccess && cudaStreamWaitEvent(side, forked) == cudaSuccess);
  affine(side, x, 1, 4);
  affine(stream, y, 2, 0);
  CHECK(cudaEventRecord(joined, side) == cudaSuccess && cudaStreamWaitEvent(stream, joined) == cudaSuccess);
  affine(stream, x, 10, 0);
  const cudaGraphExec_t exec = instantiate(stream);
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess && cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(x.get()[0] == 70 && y.get()[0] == 2);
  CHECK(cudaEventQuery(joined) == cudaErrorCapturedEvent);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
  cudaGetLastError();
}

void refuses_what_allocates_or_waits() {
  Stream stream, other;
  Floats y(4);
  Event event;
  float host[4] = {};
  void* pointer = nullptr;
  const std::function<cudaError_t()> forbidden[] = {
      [&] { return cudaMalloc(&pointer, 16); },
      [&] { return cudaMallocHost(&pointer, 16); },
      [&] { return cudaFree(y.at); },
      [&] { return cudaStreamSynchronize(stream); },
      [&] { return cudaStreamSynchronize(other); },
      [&] { return cudaDeviceSynchronize(); },
      [&] { return cudaStreamQuery(stream); },
      [&] { return cudaEventQuery(event); },
      [&] { return cudaMemcpyAsync(y.at, host, 16, cudaMemcpyHostToDevice, stream); },
      [&] { return cudaMemcpyAsync(host, y.at, 16, cudaMemcpyDeviceToHost, stream); },
  };
  for (const auto& call : forbidden) {
    begin(stream);
    affine(stream, y, 1, 1);
    CHECK(call() == cudaErrorStreamCaptureUnsupported);
    affine(stream, y, 1, 1);
    CHECK(cudaGetLastError() == cudaErrorStreamCaptureInvalidated);
    CHECK(cudaStreamSynchronize(stream) == cudaErrorStreamCaptureInvalidated);
    expect_broken(stream);
  }
  begin(stream, cudaStreamCaptureModeRelaxed);
  CHECK(cudaMalloc(&pointer, 16) == cudaSuccess && cudaFree(pointer) == cudaSuccess);
  CHECK(cudaGraphExecDestroy(instantiate(stream)) == cudaSuccess);
}

// A thread-local capture leaves other threads alone, a global one does not.
void other_threads_may_go_on() {
  for (const auto mode : {cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeGlobal}) {
    Stream stream;
    begin(stream, mode);
    cudaError_t elsewhere = cudaSuccess, ended = cudaSuccess;
    std::thread([&] {
      void* pointer = nullptr;
      elsewhere = cudaMalloc(&pointer, 16);
      if (elsewhere == cudaSuccess) cudaFree(pointer);
      cudaGraph_t graph = nullptr;
      ended = cudaStreamEndCapture(stream, &graph);
    }).join();
    CHECK(elsewhere == (mode == cudaStreamCaptureModeGlobal ? cudaErrorStreamCaptureUnsupported : cudaSuccess));
    CHECK(ended == cudaErrorStreamCaptureWrongThread);
    if (mode == cudaStreamCaptureModeGlobal) expect_broken(stream);
    else CHECK(cudaGraphExecDestroy(instantiate(stream)) == cudaSuccess);
  }
}

// What waits for the whole device breaks every capture, whichever thread's and in whichever mode.
void a_wait_for_the_device_breaks_every_capture() {
  for (const auto mode : {cudaStreamCaptureModeRelaxed, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeGlobal}) {
    Stream stream;
    Floats y(1);
    begin(stream, mode);
    affine(stream, y, 1, 1);
    cudaError_t elsewhere = cudaSuccess;
    std::thread([&] { elsewhere = cudaDeviceSynchronize(); }).join();
    CHECK(elsewhere == cudaErrorStreamCaptureUnsupported);
    affine(stream, y, 1, 1);
    CHECK(cudaGetLastError() == cudaErrorStreamCaptureInvalidated);
    expect_broken(stream);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
  }
}

// 10 KiB a node, from when the graph is instantiated until it is destroyed.
void graphs_take_memory() {
  const auto used = [] {
    size_t free = 0, total = 0;
    CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
    return total - free;
  };
  Stream stream;
  Floats y(1);
  const auto captured = [&](int nodes) {
    cudaGraph_t graph = nullptr;
    begin(stream);
    for (int i = 0; i < nodes; ++i) affine(stream, y, 1, 1);
    CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
    return graph;
  };
  const size_t before = used();
  const cudaGraph_t graph = captured(30);
  CHECK(used() == before);
  cudaGraphExec_t exec = nullptr, other = nullptr;
  CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess && used() == before + 30 * 10240);
  {
    const Knob memory("MEMORY", std::to_string(used() + 29 * 10240).c_str());
    CHECK(cudaGraphInstantiate(&other, graph, 0) == cudaErrorMemoryAllocation && cudaGetLastError() == cudaErrorMemoryAllocation);
    const Knob node("GRAPH_NODE", "9000");
    CHECK(cudaGraphInstantiate(&other, graph, 0) == cudaSuccess && cudaGraphExecDestroy(other) == cudaSuccess);
  }
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess && used() == before && cudaGraphDestroy(graph) == cudaSuccess);
}

void streams_must_be_joined_and_apart() {
  Stream stream, side;
  Event event;
  Floats y(1);
  begin(stream);
  CHECK(cudaEventRecord(event, stream) == cudaSuccess && cudaStreamWaitEvent(side, event) == cudaSuccess);
  affine(side, y, 1, 1);
  expect_broken(stream, cudaErrorStreamCaptureUnjoined);

  Event outside;
  CHECK(cudaEventRecord(outside, side) == cudaSuccess);
  begin(stream);
  CHECK(cudaStreamWaitEvent(stream, outside) == cudaErrorStreamCaptureIsolation);
  expect_broken(stream);

  begin(stream);
  begin(side);
  CHECK(cudaEventRecord(event, stream) == cudaSuccess && cudaStreamWaitEvent(side, event) == cudaErrorStreamCaptureMerge);
  expect_broken(stream);
  expect_broken(side);

  begin(stream);
  CHECK(cudaEventRecord(event, stream) == cudaSuccess && cudaStreamWaitEvent(side, event) == cudaSuccess);
  cudaGraph_t graph = nullptr;
  CHECK(cudaStreamEndCapture(side, &graph) == cudaErrorStreamCaptureUnmatched);
  expect_broken(stream);
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorIllegalState);
  cudaGetLastError();
}

void null_stream_breaks_blocking_captures() {
  Floats y(1);
  for (const unsigned flags : {cudaStreamDefault, cudaStreamNonBlocking}) {
    Stream stream(flags);
    begin(stream);
    affine(nullptr, y, 1, 1);
    const bool blocking = flags == cudaStreamDefault;
    CHECK(cudaGetLastError() == (blocking ? cudaErrorStreamCaptureImplicit : cudaSuccess));
    if (blocking) expect_broken(stream);
    else CHECK(cudaGraphExecDestroy(instantiate(stream)) == cudaSuccess);
  }
  CHECK(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal) == cudaErrorStreamCaptureUnsupported);
  cudaGetLastError();
}

struct Fill {
  float* y;
  GRUS_DEVICE void operator()(int64_t i) const { y[i] = 7; }
};

// With WARMUP the first launch of a kernel takes memory and time, and breaks a capture.
void first_launches_load_code() {
  const Knob warmup("WARMUP", "1");
  Stream stream;
  Floats y(4);
  size_t before = 0, after = 0, total = 0;
  CHECK(cudaMemGetInfo(&before, &total) == cudaSuccess);
  begin(stream);
  grus::cuda::for_each(stream, 4, Fill{y.at});
  CHECK(cudaGetLastError() == cudaErrorStreamCaptureUnsupported);
  expect_broken(stream);
  Event start, loaded, end;
  CHECK(cudaEventRecord(start, stream) == cudaSuccess);
  grus::cuda::for_each(stream, 4, Fill{y.at});
  CHECK(cudaEventRecord(loaded, stream) == cudaSuccess);
  grus::cuda::for_each(stream, 4, Fill{y.at});
  CHECK(cudaEventRecord(end, stream) == cudaSuccess && cudaEventSynchronize(end) == cudaSuccess);
  float first = 0, second = 0;
  CHECK(cudaEventElapsedTime(&first, start, loaded) == cudaSuccess && cudaEventElapsedTime(&second, loaded, end) == cudaSuccess);
  CHECK(first > 10 * second);
  CHECK(cudaMemGetInfo(&after, &total) == cudaSuccess && after < before);
  begin(stream);
  grus::cuda::for_each(stream, 4, Fill{y.at});
  CHECK(cudaGetLastError() == cudaSuccess && cudaGraphExecDestroy(instantiate(stream)) == cudaSuccess);
}

}  // namespace

int main() {
  for (const char* order : {"0", "1", "2", "5", "6"}) {
    replays_read_memory_anew(order);
    forks_and_joins(order);
  }
  refuses_what_allocates_or_waits();
  other_threads_may_go_on();
  streams_must_be_joined_and_apart();
  null_stream_breaks_blocking_captures();
  first_launches_load_code();
  a_wait_for_the_device_breaks_every_capture();
  graphs_take_memory();
  return report();
}
