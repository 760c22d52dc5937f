// Streams and events: the order that holds, and everything that does not.
#include "sim_support.h"

namespace {

const char* const kOrders[] = {"0", "1", "2", "7", "8", "9"};

void work_waits_until_the_host_does(const char* order) {
  const Knob deferred("DEFER", order);
  Stream stream;
  Floats y(8), result(8, true);
  CHECK(cudaMemsetAsync(y.at, 0, y.bytes(), stream) == cudaSuccess);
  affine(stream, y, 1, 3);
  affine(stream, y, 2, 1);
  std::memset(result.at, 0, result.bytes());
  CHECK(cudaMemcpyAsync(result.at, y.at, y.bytes(), cudaMemcpyDeviceToHost, stream) == cudaSuccess);
  CHECK(result.at[7] == (order[0] == '0' ? 7 : 0));
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(result.at[0] == 7 && result.at[7] == 7);
}

// A pinned source is read when the copy runs, a pageable one at the call.
void early_rewrites_are_seen() {
  const Knob deferred("DEFER", "1");
  Stream stream;
  Floats source(4, true), y(4);
  for (int i = 0; i < 4; ++i) source.at[i] = 1;
  CHECK(cudaMemcpyAsync(y.at, source.at, y.bytes(), cudaMemcpyHostToDevice, stream) == cudaSuccess);
  source.at[2] = 5;
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess && y.get()[2] == 5);
  std::vector<float> pageable(4, 1);
  CHECK(cudaMemcpyAsync(y.at, pageable.data(), y.bytes(), cudaMemcpyHostToDevice, stream) == cudaSuccess);
  pageable[2] = 5;
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess && y.get()[2] == 1);
  float* early = nullptr;
  CHECK(cudaMallocHost(&early, 16) == cudaSuccess);
  CHECK(cudaMemcpyAsync(y.at, early, 16, cudaMemcpyHostToDevice, stream) == cudaSuccess && cudaFreeHost(early) == cudaSuccess);
  CHECK(misuses_of([&] { CHECK(cudaStreamSynchronize(stream) == cudaSuccess); }) == 1);
}

void events_order_streams(const char* order) {
  const Knob deferred("DEFER", order);
  Stream first, second;
  Event between(cudaEventDisableTiming);
  Floats y(1);
  CHECK(cudaStreamWaitEvent(second, between) == cudaSuccess);   // never recorded: nothing to wait for
  CHECK(cudaMemsetAsync(y.at, 0, y.bytes(), first) == cudaSuccess);
  affine(first, y, 1, 3);
  CHECK(cudaEventRecord(between, first) == cudaSuccess && cudaStreamWaitEvent(second, between) == cudaSuccess);
  affine(second, y, 2, 0);
  CHECK(cudaEventRecord(between, second) == cudaSuccess && cudaStreamWaitEvent(first, between) == cudaSuccess);
  affine(first, y, 1, 1);
  CHECK(cudaStreamSynchronize(first) == cudaSuccess && y.get()[0] == 7);
}

// Without an event the other stream comes first, or last: nothing may rely on either.
void streams_without_events_race() {
  float result[2];
  for (const char* order : {"1", "2"}) {
    const Knob deferred("DEFER", order);
    Stream first, second;
    Floats y(1);
    y.set({1});
    affine(first, y, 1, 3);
    affine(second, y, 2, 0);
    CHECK(cudaStreamSynchronize(first) == cudaSuccess);
    Floats copy(1);
    CHECK(cudaMemcpy(&result[order[0] - '1'], y.at, 4, cudaMemcpyDeviceToHost) == cudaSuccess);
    CHECK(cudaStreamSynchronize(second) == cudaSuccess);
  }
  CHECK(result[0] == 5);   // doubled first
  CHECK(result[1] == 4);   // not yet doubled
}

// Blocking streams and the null stream wait for each other; non-blocking ones do not.
void null_stream_orders_blocking_ones() {
  const Knob deferred("DEFER", "1");
  Stream blocking(cudaStreamDefault);
  Floats y(1);
  y.set({1});
  affine(blocking, y, 2, 0);
  CHECK(y.get()[0] == 2);   // cudaMemcpy
  Stream free;
  affine(free, y, 2, 0);
  CHECK(cudaStreamQuery(free) == cudaErrorNotReady);
  while (cudaStreamQuery(free) == cudaErrorNotReady) {}
  CHECK(y.get()[0] == 4);
  cudaGetLastError();
}

void events_tell_when() {
  const Knob deferred("DEFER", "2");
  Stream stream;
  Event start, end;
  Floats y(1);
  float milliseconds = 0;
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorInvalidResourceHandle);
  y.set({0});
  CHECK(cudaEventRecord(start, stream) == cudaSuccess);
  affine(stream, y, 1, 1);
  grus_sim_advance(stream, 5000);
  CHECK(cudaEventRecord(end, stream) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorNotReady && cudaEventQuery(end) == cudaErrorNotReady);
  CHECK(cudaEventSynchronize(end) == cudaSuccess && cudaEventQuery(end) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaSuccess);
  CHECK_CLOSE(milliseconds, 5.002, 1e-3);
  cudaGetLastError();
}

void destroyed_objects_are_refused() {
  Stream stream;
  cudaStream_t gone = nullptr;
  cudaEvent_t event = nullptr;
  CHECK(cudaStreamCreateWithFlags(&gone, cudaStreamNonBlocking) == cudaSuccess && cudaStreamDestroy(gone) == cudaSuccess);
  CHECK(misuses_of([&] { CHECK(cudaStreamSynchronize(gone) == cudaErrorInvalidResourceHandle); }) == 1);
  CHECK(misuses_of([&] { CHECK(cudaStreamDestroy(gone) == cudaErrorInvalidResourceHandle); }) == 1);
  CHECK(cudaEventCreate(&event) == cudaSuccess && cudaEventDestroy(event) == cudaSuccess);
  CHECK(misuses_of([&] { CHECK(cudaEventRecord(event, stream) == cudaErrorInvalidResourceHandle); }) == 1);
  Floats y(1);
  CHECK(misuses_of([&] { affine(gone, y, 0, 0); }) == 1);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
}

void devices_are_apart() {
  Stream here;
  Event event;
  Floats y(1);
  CHECK(cudaSetDevice(1) == cudaSuccess);
  Stream there;
  CHECK(misuses_of([&] { affine(here, y, 0, 0); }) == 1);
  CHECK(misuses_of([&] { affine(there, y, 0, 0); }) == 1);   // the other device's memory
  CHECK(misuses_of([&] { CHECK(cudaMemsetAsync(y.at, 0, 4, here) == cudaErrorInvalidResourceHandle); }) == 1);
  CHECK(misuses_of([&] { CHECK(cudaEventRecord(event, there) == cudaErrorInvalidResourceHandle); }) == 1);
  CHECK(cudaSetDevice(0) == cudaSuccess);
  CHECK(cudaEventRecord(event, here) == cudaSuccess && cudaStreamWaitEvent(there, event) == cudaSuccess);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  cudaGetLastError();
}

// Independent indices come in another order where work is deferred: each once.
void indices_are_scrambled() {
  const Knob deferred("DEFER", "1");
  Stream stream;
  for (const int count : {1, 2, 3, 7, 64, 1000}) {
    Floats y(count);
    CHECK(cudaMemsetAsync(y.at, 0, y.bytes(), stream) == cudaSuccess);
    affine(stream, y, 1, 1);
    CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
    for (const float value : y.get()) CHECK(value == 1);
  }
  CHECK(grus::cuda::detail::Order(1000)(0) != 0);
}

// Memory that was closed to the host while work was deferred opens for eager work.
void knobs_may_change_under_way() {
  Stream stream;
  auto knob = std::make_unique<Knob>("DEFER", "1"), closed = std::make_unique<Knob>("PROTECT", "1");
  Floats y(1);
  CHECK(cudaMemsetAsync(y.at, 0, 4, stream) == cudaSuccess && cudaStreamSynchronize(stream) == cudaSuccess);
  affine(stream, y, 1, 1);
  knob.reset();
  closed.reset();
  affine(stream, y, 2, 0);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  affine(stream, y, 2, 0);
  CHECK(y.get()[0] == 4);
}

}  // namespace

int main() {
  knobs_may_change_under_way();
  for (const char* order : kOrders) {
    work_waits_until_the_host_does(order);
    events_order_streams(order);
  }
  early_rewrites_are_seen();
  streams_without_events_race();
  null_stream_orders_blocking_ones();
  events_tell_when();
  destroyed_objects_are_refused();
  devices_are_apart();
  indices_are_scrambled();
  return report();
}
