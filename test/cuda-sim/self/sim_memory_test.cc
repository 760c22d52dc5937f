// Memory of the simulated device: what is filled, bounded, counted and watched.
#include <cmath>

#include "sim_support.h"

namespace {

void fresh_memory_is_nan() {
  Floats y(100);
  for (const float value : y.get()) CHECK(std::isnan(value));
  CHECK(reinterpret_cast<uintptr_t>(y.at) % 256 == 0);
}

#if !defined(__SANITIZE_ADDRESS__)   // which stops the program at the first of these
void strays_are_seen() {
  Stream stream;
  Floats y(100);
  y.set(std::vector<float>(100, 1));
  CHECK(misuses_of([&] {
    grus::cuda::for_each(stream, 101, Affine{y.at, 0, 1});
    cudaStreamSynchronize(stream);
  }) == 1);
  CHECK(misuses_of([&] {
    grus::cuda::for_each(stream, 1, Affine{y.at - 1, 0, 1});
    cudaDeviceSynchronize();
  }) == 1);
  CHECK(misuses_of([&] { CHECK(cudaStreamSynchronize(stream) == cudaSuccess); }) == 0);
}
#endif

void copies_stay_inside() {
  Floats y(64);
  std::vector<float> host(65, 1), other(65, 1);
  auto refused = [](void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    return misuses_of([=] { CHECK(cudaMemcpy(to, from, bytes, kind) == cudaErrorInvalidValue); }) == 1;
  };
  CHECK(refused(y.at, host.data(), 65 * 4, cudaMemcpyHostToDevice));
  CHECK(refused(y.at + 60, host.data(), 5 * 4, cudaMemcpyHostToDevice));
  CHECK(refused(host.data(), other.data(), 4, cudaMemcpyHostToDevice));
  CHECK(refused(host.data(), other.data(), 4, cudaMemcpyDeviceToHost));
  CHECK(refused(y.at, host.data(), 4, cudaMemcpyDeviceToDevice));
  CHECK(refused(host.data(), y.at, 4, cudaMemcpyHostToDevice));
  cudaGetLastError();
  CHECK(misuses_of([&] { CHECK(cudaMemset(host.data(), 0, 4) == cudaErrorInvalidValue); }) == 1);
  CHECK(misuses_of([&] { CHECK(cudaMemcpy(y.at, host.data(), 64 * 4, cudaMemcpyDefault) == cudaSuccess); }) == 0);
  cudaGetLastError();
}

void freed_memory_is_gone() {
  Stream stream;
  float* gone = nullptr;
  float host = 0;
  CHECK(cudaMalloc(&gone, 4) == cudaSuccess && cudaFree(gone) == cudaSuccess);
  CHECK(misuses_of([&] { CHECK(cudaFree(gone) == cudaErrorInvalidValue); }) == 1);
  CHECK(misuses_of([&] { CHECK(cudaFree(&host) == cudaErrorInvalidValue); }) == 1);
  CHECK(misuses_of([&] { cudaMemcpy(&host, gone, 4, cudaMemcpyDeviceToHost); }) == 1);
  CHECK(misuses_of([&] { CHECK(!grus::sim::check_device("test", "x", gone, 4, 1)); }) == 1);
  const Knob deferred("DEFER", "1");   // so that the kernel, which would crash, is only looked at
  CHECK(misuses_of([&] { grus::cuda::for_each(stream, 1, Affine{gone, 0, 1}); }) == 1);
  const Knob faulty("KERNEL_FAULT", "1");
  grus_sim_reset();
  CHECK(cudaStreamSynchronize(stream) == cudaErrorIllegalAddress);
  grus_sim_reset();
}

void host_pointers_are_no_device_pointers() {
  Stream stream;
  float local[4] = {};
  auto heap = std::make_unique<float[]>(4);
  CHECK(misuses_of([&] { grus::cuda::for_each(stream, 4, Affine{local, 0, 1}); }) == 1);
  CHECK(misuses_of([&] { grus::cuda::for_each(stream, 4, Affine{heap.get(), 0, 1}); }) == 1);
  Floats pinned(4, true);
  std::memset(pinned.at, 0, 16);
  CHECK(misuses_of([&] { grus::cuda::for_each(stream, 4, Affine{pinned.at, 0, 1}); }) == 0);
  CHECK(pinned.at[3] == 1);
  CHECK(misuses_of([&] { CHECK(!grus::sim::check_device("test", "x", pinned.at, 16, 1)); }) == 1);
}

void memory_is_limited() {
  const size_t room = 1 << 20, context = size_t{300} << 20;
  const Knob limit("MEMORY", std::to_string(context + room).c_str());
  size_t free = 0, total = 0;
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess && total == context + room && free == room);
  Floats y(1 << 16);
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess && free == room - (1 << 18));
  void* more = nullptr;
  CHECK(cudaMalloc(&more, free + 1) == cudaErrorMemoryAllocation && more == nullptr);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation && cudaGetLastError() == cudaSuccess);
  CHECK(cudaMalloc(&more, free) == cudaSuccess && cudaFree(more) == cudaSuccess);
}

// The context has its part before anything is allocated.
void a_context_takes_memory() {
  CHECK(cudaSetDevice(1) == cudaSuccess);
  size_t free = 0, total = 0;
  void* pointer = nullptr;
  {
    const Knob limit("MEMORY", "104857600");
    CHECK(cudaMalloc(&pointer, 16) == cudaErrorMemoryAllocation && cudaGetLastError() == cudaErrorMemoryAllocation);
  }
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess && total - free == size_t{300} << 20);
  CHECK(cudaSetDevice(0) == cudaSuccess);
}

void attributes_tell_where() {
  Floats y(4), pinned(4, true);
  float local = 0;
  cudaPointerAttributes at{};
  CHECK(cudaPointerGetAttributes(&at, y.at + 1) == cudaSuccess && at.type == cudaMemoryTypeDevice && at.device == 0);
  CHECK(cudaPointerGetAttributes(&at, pinned.at) == cudaSuccess && at.type == cudaMemoryTypeHost);
  CHECK(cudaPointerGetAttributes(&at, &local) == cudaSuccess && at.type == cudaMemoryTypeUnregistered);
}

}  // namespace

int main() {
  fresh_memory_is_nan();
#if !defined(__SANITIZE_ADDRESS__)
  strays_are_seen();
#endif
  copies_stay_inside();
  freed_memory_is_gone();
  host_pointers_are_no_device_pointers();
  memory_is_limited();
  a_context_takes_memory();
  attributes_tell_where();
  return report();
}
