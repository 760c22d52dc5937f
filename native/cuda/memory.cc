#include <cstdio>

#include "../core/error.h"
#include "context.h"
#include "faults.h"

namespace grus::cuda {
namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kSmall = size_t{2} << 20;   // below, CUDA may have room in a block it already holds

// On any thread, also while the process exits, when CUDA may be gone already. A fault is the business of the next call that uses the GPU.
void free_device(int device, cudaStream_t stream, void* data) {
  const OnDevice on(device);
  const cudaError_t waited = cudaStreamSynchronize(stream);
  const cudaError_t freed = cudaFree(data);
  for (const cudaError_t error : {waited, freed}) {
    if (is_lasting(error)) keep_fault(device, "cudaFree: " + words(error));
  }
  if (waited != cudaSuccess || freed != cudaSuccess) cudaGetLastError();
}

}  // namespace

std::string size_text(size_t bytes) {
  char text[32];
  const double value = static_cast<double>(bytes);
  if (bytes >= size_t{1} << 30) std::snprintf(text, sizeof text, "%.2f GiB", value / (1 << 30));
  else if (bytes >= size_t{1} << 20) std::snprintf(text, sizeof text, "%.1f MiB", value / (1 << 20));
  else std::snprintf(text, sizeof text, "%zu bytes", bytes);
  return text;
}

Buffer Context::allocate(size_t bytes) {
  auto held = std::make_shared<Buffer>(allocate_uncounted(bytes));
  counters_->allocations += 1;
  counters_->bytes += static_cast<int64_t>(bytes);
  void* data = held->as<void>();
  return Buffer(data, bytes, [held, counters = counters_, bytes](void*) mutable {
    held.reset();
    counters->bytes -= static_cast<int64_t>(bytes);
  });
}

Buffer Context::allocate_uncounted(size_t bytes) {
  activate();
  if (capturing_) throw Error(ErrorCode::device, where(device_) + "no memory can be allocated while a pass is being captured");
  size_t free = 0, total = 0, room = bytes;
  void* data = nullptr;
  const auto attempt = [&] {
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    if (bytes > total) return cudaErrorMemoryAllocation;
    // A tail of at least one unit: vectorised kernels have been seen to read past the end (cuDNN, float16 GRU backward).
    room = (bytes / kAlignment + 2) * kAlignment;
    return room > kSmall && room > free ? cudaErrorMemoryAllocation : cudaMalloc(&data, room);
  };
  cudaError_t error = attempt();
  int64_t reclaimed = 0;
  if (error == cudaErrorMemoryAllocation && bytes <= total && !running_ && reclaim_) {
    cudaGetLastError();
    reclaimed = reclaim_();
    if (reclaimed > 0) error = attempt();
  }
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    const int64_t graphs = reclaimed > 0 ? reclaimed : counters_->graphs ? counters_->graphs->bytes.load() : 0;
    const std::string held = graphs == 0 ? ""
                                         : ", " + size_text(static_cast<size_t>(graphs)) + " in captured graphs were " +
                                               (reclaimed > 0 ? "given up" : "kept");
    throw Error(ErrorCode::out_of_memory, where(device_) + size_text(bytes) + " of GPU memory are needed, " + size_text(free) + " of " +
                                              size_text(total) + " are free" + held + " (" + device_name_ +
                                              "); lower the batch size, the sequence length or the hidden size, use precision 'bfloat16' "
                                              "or 'float16', or dispose of models that are not needed");
  }
  check(error, "cudaMalloc");
  Buffer buffer(data, bytes, [device = device_, stream = stream()](void* pointer) { free_device(device, stream, pointer); });
  check(cudaMemsetAsync(data, 0, room, stream()), "cudaMemsetAsync");
  return buffer;
}

Buffer Context::allocate_pinned(size_t bytes) {
  activate();
  void* data = nullptr;
  const cudaError_t error = cudaMallocHost(&data, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error(ErrorCode::out_of_memory, where(device_) + size_text(bytes) +
                                              " of pinned host memory are needed for transfers, the system has none; lower the batch size");
  }
  check(error, "cudaMallocHost");
  return Buffer(data, bytes, [device = device_](void* pointer) {
    const OnDevice on(device);
    if (cudaFreeHost(pointer) != cudaSuccess) cudaGetLastError();
  });
}

}  // namespace grus::cuda
