#include "state.h"

#include <algorithm>
#include <utility>

namespace grus::sim {

State& state() {
  static State* machine = new State;
  return *machine;
}

ThreadState& thread_state() {
  thread_local ThreadState mine;
  return mine;
}

Errors& errors() {
  ThreadState& mine = thread_state();
  return mine.errors[static_cast<size_t>(mine.runtime)];
}

InLibrary::InLibrary(Runtime runtime) : before_(std::exchange(thread_state().runtime, runtime)) {}
InLibrary::~InLibrary() { thread_state().runtime = before_; }

namespace {

int device_count() { return static_cast<int>(std::clamp<long long>(knob_number("DEVICES", 2), 0, 16)); }
int runtime_version() { return static_cast<int>(knob_number("CUDART", CUDART_VERSION)); }

}  // namespace

bool driver_works(cudaError_t* why) {
  *why = cudaSuccess;
  const long long driver = knob_number("DRIVER", 13000);
  // a newer minor of the same major needs no newer driver
  if (driver / 1000 < runtime_version() / 1000) *why = cudaErrorInsufficientDriver;
  else if (device_count() == 0) *why = cudaErrorNoDevice;
  return *why == cudaSuccess;
}

Device& device(int index) {
  auto& devices = state().devices;
  while (static_cast<int>(devices.size()) <= index) {
    auto made = std::make_unique<Device>();
    made->null_stream.null = true;
    made->null_stream.device = static_cast<int>(devices.size());
    devices.push_back(std::move(made));
  }
  return *devices[static_cast<size_t>(index)];
}

Device& current() { return device(current_device()); }

int current_device() {
  const ThreadState& mine = thread_state();
  return mine.work_depth > 0 ? mine.work_device : mine.device;
}

// The first call that needs a device makes its context, which takes memory: with the modules of the libraries, as much as is missing from
// "free" before anything is allocated.
cudaError_t make_context() {
  Device& here = current();
  if (here.has_context) return cudaSuccess;
  const auto bytes = static_cast<size_t>(knob_number("CONTEXT", 300LL << 20));
  if (here.used + bytes > memory_limit()) return cudaErrorMemoryAllocation;
  here.used += bytes;
  here.has_context = true;
  return cudaSuccess;
}

bool in_work() { return thread_state().work_depth > 0; }

cudaError_t begin_call(const char* call, Needs needs) {
  int code = 0;
  if (injected(call, &code)) {
    const auto error = static_cast<cudaError_t>(code);
    cudaError_t why;
    if (is_sticky(error) && driver_works(&why)) current().fault = error;
    return error;
  }
  if (needs == Needs::nothing) return cudaSuccess;
  cudaError_t why;
  if (!driver_works(&why)) return why;
  if (thread_state().work_depth > 0) {
    misuse(call, "called from work of a stream");
    return cudaErrorNotPermitted;
  }
  if (needs != Needs::device) return cudaSuccess;
  return current().fault != cudaSuccess ? current().fault : make_context();
}

cudaError_t end_call(cudaError_t error) {
  if (error != cudaSuccess) errors().last = error;
  if (is_sticky(error)) errors().met.insert(current_device());
  return error;
}

CUstream_st* find_stream(const char* call, cudaStream_t stream) {
  if (stream == nullptr) return &current().null_stream;
  State& all = state();
  const auto found = std::find(all.streams.begin(), all.streams.end(), stream);
  if (found != all.streams.end()) return *found;
  misuse(call, all.dead.count(stream) ? "stream %p has been destroyed" : "%p is no stream", static_cast<void*>(stream));
  return nullptr;
}

CUstream_st* find_stream_here(const char* call, cudaStream_t stream) {
  CUstream_st* found = find_stream(call, stream);
  if (!found || found->device == current_device()) return found;
  misuse(call, "the stream is device %d's, and device %d is current", found->device, current_device());
  return nullptr;
}

std::shared_ptr<CUevent_st> find_event(const char* call, cudaEvent_t event) {
  State& all = state();
  if (all.events.count(event))
    for (const auto& object : all.event_objects)
      if (object.get() == event) return object;
  misuse(call, all.dead.count(event) ? "event %p has been destroyed" : "%p is no event", static_cast<void*>(event));
  return nullptr;
}

int stream_device(cudaStream_t stream) {
  const Lock lock(state().mutex);
  if (stream == nullptr) return current_device();
  const auto& all = state().streams;
  return std::find(all.begin(), all.end(), stream) == all.end() ? -1 : stream->device;
}

}  // namespace grus::sim

using namespace grus::sim;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return api("cudaGetDeviceCount", Needs::driver, [&] {
    *count = device_count();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int index) {
  return api("cudaSetDevice", Needs::driver, [&] {
    if (index < 0 || index >= device_count()) return cudaErrorInvalidDevice;
    thread_state().device = index;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* index) {
  return api("cudaGetDevice", Needs::driver, [&] {
    *index = thread_state().device;
    return cudaSuccess;
  });
}

cudaError_t cudaInitDevice(int index, unsigned, unsigned) {
  return api("cudaInitDevice", Needs::driver, [&] { return index >= 0 && index < device_count() ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaSetDeviceFlags(unsigned) {
  return api("cudaSetDeviceFlags", Needs::driver, [] { return cudaSuccess; });
}

// 0 and no error without a driver, as the real one
cudaError_t cudaDriverGetVersion(int* version) {
  return api("cudaDriverGetVersion", Needs::nothing, [&] {
    *version = static_cast<int>(knob_number("DRIVER", 13000));
    return cudaSuccess;
  });
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return api("cudaRuntimeGetVersion", Needs::nothing, [&] {
    *version = runtime_version();
    return cudaSuccess;
  });
}
