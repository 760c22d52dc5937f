// A kernel that does not end: what waits for it waits for as long as the knob is set, and nothing else does.
#include <atomic>
#include <thread>

#include "sim_support.h"

namespace {

void waits_last_as_long_as_the_hang(const char* order, const std::function<cudaError_t(cudaStream_t, cudaEvent_t, float*)>& wait) {
  grus_sim_reset();
  const Knob deferred("DEFER", order);
  Stream stream, beside;
  Event before, after;
  Floats y(1), z(1), other(1);
  y.set({1});
  z.set({1});
  auto hang = std::make_unique<Knob>("HANG", "2");
  affine(stream, y, 1, 1);
  CHECK(cudaEventRecord(before, stream) == cudaSuccess && cudaEventSynchronize(before) == cudaSuccess);
  affine(stream, y, 2, 0);   // does not end
  affine(stream, y, 1, 1);
  CHECK(cudaEventRecord(after, stream) == cudaSuccess);
  affine(beside, z, 1, 1);
  for (int i = 0; i < 5; ++i) CHECK(cudaStreamQuery(stream) == cudaErrorNotReady && cudaEventQuery(after) == cudaErrorNotReady);
  CHECK(cudaEventQuery(before) == cudaSuccess);
  cudaGetLastError();

  CHECK(cudaSetDevice(1) == cudaSuccess);   // another device goes on
  {
    Stream elsewhere;
    Floats w(1);
    w.set({5});
    affine(elsewhere, w, 1, 1);
    CHECK(cudaStreamSynchronize(elsewhere) == cudaSuccess && w.get()[0] == 6);
  }
  CHECK(cudaSetDevice(0) == cudaSuccess);

  std::atomic<bool> returned{false};
  cudaError_t result = cudaErrorUnknown;
  std::thread waiting([&] {
    result = wait(stream, after, other.at);
    returned = true;
  });
  for (int i = 0; i < 50; ++i) CHECK(cudaStreamQuery(stream) == cudaErrorNotReady && !returned);   // the waiting thread lets others in
  cudaGetLastError();
  hang.reset();
  waiting.join();
  CHECK(result == cudaSuccess && y.get()[0] == 5);
  CHECK(cudaStreamSynchronize(beside) == cudaSuccess && z.get()[0] == 2);
}

}  // namespace

int main() {
  for (const char* order : {"0", "1", "2", "9"}) {
    waits_last_as_long_as_the_hang(order, [](cudaStream_t stream, cudaEvent_t, float*) { return cudaStreamSynchronize(stream); });
    waits_last_as_long_as_the_hang(order, [](cudaStream_t, cudaEvent_t event, float*) { return cudaEventSynchronize(event); });
    waits_last_as_long_as_the_hang(order, [](cudaStream_t, cudaEvent_t, float*) { return cudaDeviceSynchronize(); });
    waits_last_as_long_as_the_hang(order, [](cudaStream_t, cudaEvent_t, float*) {
      void* room = nullptr;
      const cudaError_t error = cudaMalloc(&room, 64);
      return error == cudaSuccess ? cudaFree(room) : error;
    });
    waits_last_as_long_as_the_hang(order, [](cudaStream_t stream, cudaEvent_t, float* data) {
      float value = 0;
      return cudaMemcpyAsync(&value, data, 4, cudaMemcpyDeviceToHost, stream);
    });
  }
  return report();
}
