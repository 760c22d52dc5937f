#include <algorithm>
#include <cstring>
#include <vector>

#include "state.h"

namespace grus::sim {

size_t memory_limit() { return static_cast<size_t>(knob_number("MEMORY", 4LL << 30)); }

namespace {

size_t accounted(size_t bytes) { return (bytes + 511) / 512 * 512; }

}  // namespace

bool take_memory(Device& device, size_t bytes) {
  if (bytes > memory_limit() || device.used + bytes > memory_limit()) return false;
  device.used += bytes;
  return true;
}

namespace {

cudaError_t allocate(Place place, void** pointer, size_t bytes) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  Device& here = current();
  const size_t taken = place == Place::pinned ? 0 : accounted(std::min(bytes, memory_limit() + 1));
  if (!take_memory(here, taken)) return cudaErrorMemoryAllocation;
  Region* region = map_region(bytes, place, current_device());
  if (!region) {
    here.used -= taken;
    return cudaErrorMemoryAllocation;
  }
  *pointer = region->data;
  return cudaSuccess;
}

// Whether the region is of that place, alive, and begins here; misuse otherwise.
Region* to_free(const char* call, Place place, void* pointer) {
  Region* region = find_region(pointer);
  if (region && region->alive && region->place == place && region->data == pointer) return region;
  misuse(call, "cannot free %s", describe(pointer).c_str());
  return nullptr;
}

void give_back(const char* call, Region& region) {
  device(region.device).used -= accounted(region.bytes);
  free_region(call, region);
}

// [pointer, pointer + bytes) as one side of a copy. host: it has to be host memory; else device memory.
bool copy_side(const char* call, const char* what, const void* pointer, size_t bytes, bool host) {
  const Region* region = find_region(pointer);
  if (!region) {
    if (host) return pointer != nullptr;
    misuse(call, "%s is %s", what, describe(pointer).c_str());
    return false;
  }
  const char* at = static_cast<const char*>(pointer);
  if (region->alive && (region->place == Place::pinned) == host && at >= region->data && at + bytes <= region->data + region->bytes) return true;
  misuse(call, "%s (%zu bytes of %s memory wanted) is %s", what, bytes, host ? "host" : "device", describe(pointer).c_str());
  return false;
}

bool is_pinned(const void* pointer) {
  const Region* region = find_region(pointer);
  return region && region->place == Place::pinned;
}

// Resolves cudaMemcpyDefault by where the pointers lie.
cudaMemcpyKind resolve(cudaMemcpyKind kind, const void* destination, const void* source) {
  if (kind != cudaMemcpyDefault) return kind;
  const bool to = is_device(destination), from = is_device(source);
  return to ? (from ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice) : from ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

bool copy_sides(const char* call, void* destination, const void* source, size_t bytes, cudaMemcpyKind kind) {
  const bool to_host = kind == cudaMemcpyHostToHost || kind == cudaMemcpyDeviceToHost;
  const bool from_host = kind == cudaMemcpyHostToHost || kind == cudaMemcpyHostToDevice;
  return copy_side(call, "the destination", destination, bytes, to_host) && copy_side(call, "the source", source, bytes, from_host);
}

// Small fixed cost and 10 GB/s.
double copy_cost(size_t bytes) { return 3.0 + 1e-4 * static_cast<double>(bytes); }

Work copy_work(const char* call, void* destination, const void* source, size_t bytes, cudaMemcpyKind kind) {
  Work work;
  work.call = call;
  work.microseconds = copy_cost(bytes);
  work.type = cudaGraphNodeTypeMemcpy;
  work.to = destination, work.from = source, work.bytes = bytes, work.kind = kind;
  work.run = [call, destination, source, bytes, kind] {
    if (copy_sides(call, destination, source, bytes, kind)) std::memmove(destination, source, bytes);
  };
  return work;
}

cudaError_t copy_async(const char* call, CUstream_st& stream, void* destination, const void* source, size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice, to_host = kind == cudaMemcpyDeviceToHost;
  const bool pageable = (to_device && !is_pinned(source)) || (to_host && !is_pinned(destination)) || kind == cudaMemcpyHostToHost;
  if (!pageable) return submit(call, stream, copy_work(call, destination, source, bytes, kind));
  if (stream.capture) {
    invalidate(*stream.capture);
    return cudaErrorStreamCaptureUnsupported;
  }
  if (to_device) {
    // taken at the call, as CUDA stages it
    const auto* bytes_of = static_cast<const char*>(source);
    auto staged = std::make_shared<std::vector<char>>(bytes_of, bytes_of + bytes);
    Work work = copy_work(call, destination, source, bytes, kind);
    work.run = [call, destination, staged, bytes] {
      if (copy_side(call, "the destination", destination, bytes, false)) std::memcpy(destination, staged->data(), bytes);
    };
    return submit(call, stream, std::move(work));
  }
  const cudaError_t error = submit(call, stream, copy_work(call, destination, source, bytes, kind));
  if (error != cudaSuccess) return error;
  ++state().waits;
  outlast(call, [&] { return drain(stream); });
  return device(stream.device).fault;
}

}  // namespace

bool is_device(const void* pointer) {
  const Lock lock(state().mutex);
  const Region* region = find_region(pointer);
  return region && region->alive && region->place != Place::pinned;
}

bool check_device(const char* call, const char* what, const void* pointer, size_t bytes, size_t alignment) {
  const Lock lock(state().mutex);
  if (pointer == nullptr) {
    if (bytes != 0) misuse(call, "%s is null, and %zu bytes are wanted", what, bytes);
    return bytes == 0;
  }
  const Region* region = find_region(pointer);
  const char* at = static_cast<const char*>(pointer);
  const char* problem = !region || region->place == Place::pinned                                   ? "it is no device memory"
                        : !region->alive                                                              ? "it has been freed"
                        : at < region->data || at + bytes > region->data + region->bytes              ? "that is more than is there"
                        : region->device != current_device()                                          ? "another device is current"
                        : alignment > 1 && reinterpret_cast<uintptr_t>(pointer) % alignment != 0      ? "it is misaligned"
                                                                                                      : nullptr;
  if (!problem) return true;
  misuse(call, "%s: %zu bytes, aligned to %zu, at %s: %s", what, bytes, alignment, describe(pointer).c_str(), problem);
  return false;
}

void* library_allocate(size_t bytes) {
  const Lock lock(state().mutex);
  void* pointer = nullptr;
  allocate(Place::library, &pointer, bytes);
  return pointer;
}

void library_free(void* pointer) {
  const Lock lock(state().mutex);
  if (!pointer) return;
  if (Region* region = to_free("library_free", Place::library, pointer)) give_back("library_free", *region);
}

}  // namespace grus::sim

using namespace grus::sim;

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return api("cudaMemGetInfo", Needs::device, [&] {
    *total = memory_limit();
    *free = *total - std::min(*total, current().used);
    return cudaSuccess;
  });
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return api("cudaMalloc", Needs::device, [&] {
    return allowed_during_capture("cudaMalloc") ? allocate(Place::device, pointer, bytes) : cudaErrorStreamCaptureUnsupported;
  });
}

// Waits for the device, as the real one does; GRUS_SIM_FREE=early does not, and work under way then runs into freed memory.
cudaError_t cudaFree(void* pointer) {
  return api("cudaFree", Needs::driver, [&]() -> cudaError_t {
    if (!pointer) return current().fault;
    if (!allowed_during_capture("cudaFree")) return cudaErrorStreamCaptureUnsupported;
    Region* region = to_free("cudaFree", Place::device, pointer);
    if (!region) return cudaErrorInvalidValue;
    if (knob("FREE") != "early") outlast("cudaFree", [&] { return drain_device(region->device); });
    give_back("cudaFree", *region);
    return device(region->device).fault;
  });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return api("cudaHostAlloc", Needs::device, [&] {
    return allowed_during_capture("cudaHostAlloc") ? allocate(Place::pinned, pointer, bytes) : cudaErrorStreamCaptureUnsupported;
  });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return api("cudaMallocHost", Needs::device, [&] {
    return allowed_during_capture("cudaMallocHost") ? allocate(Place::pinned, pointer, bytes) : cudaErrorStreamCaptureUnsupported;
  });
}

// Waits for nothing: a copy that still needs the memory is the caller's mistake.
cudaError_t cudaFreeHost(void* pointer) {
  return api("cudaFreeHost", Needs::driver, [&]() -> cudaError_t {
    if (!pointer) return current().fault;
    if (!allowed_during_capture("cudaFreeHost")) return cudaErrorStreamCaptureUnsupported;
    Region* region = to_free("cudaFreeHost", Place::pinned, pointer);
    if (!region) return cudaErrorInvalidValue;
    free_region("cudaFreeHost", *region);
    return current().fault;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return api("cudaPointerGetAttributes", Needs::device, [&] {
    *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, const_cast<void*>(pointer)};
    const Region* region = find_region(pointer);
    if (!region || !region->alive) return cudaSuccess;
    const bool pinned = region->place == Place::pinned;
    void* same = const_cast<void*>(pointer);
    *attributes = {pinned ? cudaMemoryTypeHost : cudaMemoryTypeDevice, region->device, same, pinned ? same : nullptr};
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* destination, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return api("cudaMemcpyAsync", Needs::device, [&]() -> cudaError_t {
    CUstream_st* target = find_stream("cudaMemcpyAsync", stream);
    if (!target) return cudaErrorInvalidResourceHandle;
    if (bytes == 0) return cudaSuccess;
    kind = resolve(kind, destination, source);
    if (!copy_sides("cudaMemcpyAsync", destination, source, bytes, kind)) return cudaErrorInvalidValue;
    return copy_async("cudaMemcpyAsync", *target, destination, source, bytes, kind);
  });
}

cudaError_t cudaMemcpy(void* destination, const void* source, size_t bytes, cudaMemcpyKind kind) {
  return api("cudaMemcpy", Needs::device, [&]() -> cudaError_t {
    if (!allowed_during_capture("cudaMemcpy")) return cudaErrorStreamCaptureImplicit;
    if (bytes == 0) return cudaSuccess;
    kind = resolve(kind, destination, source);
    if (!copy_sides("cudaMemcpy", destination, source, bytes, kind)) return cudaErrorInvalidValue;
    CUstream_st& stream = current().null_stream;
    const cudaError_t error = submit("cudaMemcpy", stream, copy_work("cudaMemcpy", destination, source, bytes, kind));
    if (error != cudaSuccess) return error;
    ++state().waits;
    outlast("cudaMemcpy", [&] { return drain(stream); });
    return current().fault;
  });
}

namespace {

cudaError_t set(const char* call, cudaStream_t stream, void* destination, int value, size_t bytes) {
  CUstream_st* target = find_stream_here(call, stream);
  if (!target) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (!check_device(call, "the destination", destination, bytes, 1)) return cudaErrorInvalidValue;
  Work work;
  work.call = call;
  work.microseconds = copy_cost(bytes) / 10;
  work.type = cudaGraphNodeTypeMemset;
  work.run = [call, destination, value, bytes] {
    if (check_device(call, "the destination", destination, bytes, 1)) std::memset(destination, value, bytes);
  };
  return submit(call, *target, std::move(work));
}

}  // namespace

cudaError_t cudaMemsetAsync(void* destination, int value, size_t bytes, cudaStream_t stream) {
  return api("cudaMemsetAsync", Needs::device, [&] { return set("cudaMemsetAsync", stream, destination, value, bytes); });
}

cudaError_t cudaMemset(void* destination, int value, size_t bytes) {
  return api("cudaMemset", Needs::device, [&] { return set("cudaMemset", nullptr, destination, value, bytes); });
}
