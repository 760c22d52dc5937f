#include <algorithm>

#include "state.h"

using namespace grus::sim;

namespace {

// The calls that need the stream's work done, or to know whether it is.
cudaError_t waitable(const char* call, CUstream_st* stream) {
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (stream->capture) {
    const bool was_invalid = stream->capture->invalid;
    invalidate(*stream->capture);
    return was_invalid ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnsupported;
  }
  return allowed_during_capture(call) ? cudaSuccess : cudaErrorStreamCaptureUnsupported;
}

cudaError_t create(const char* call, cudaStream_t* stream, unsigned flags) {
  return api(call, Needs::device, [&]() -> cudaError_t {
    if (flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    auto* made = new CUstream_st;
    made->device = current_device();
    made->flags = flags;
    state().streams.push_back(made);
    *stream = made;
    return cudaSuccess;
  });
}

}  // namespace

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return create("cudaStreamCreate", stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) { return create("cudaStreamCreateWithFlags", stream, flags); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return create("cudaStreamCreateWithPriority", stream, flags);
}

// What is queued still runs, as on a GPU; the object is never reused, so that a later use is seen.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return api("cudaStreamDestroy", Needs::driver, [&]() -> cudaError_t {
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    CUstream_st* found = find_stream("cudaStreamDestroy", stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (found->capture) invalidate(*found->capture);
    drain(*found);
    auto& all = state().streams;
    all.erase(std::find(all.begin(), all.end(), found));
    state().dead.insert(found);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return api("cudaStreamSynchronize", Needs::device, [&]() -> cudaError_t {
    CUstream_st* found = find_stream("cudaStreamSynchronize", stream);
    if (const cudaError_t error = waitable("cudaStreamSynchronize", found); error != cudaSuccess) return error;
    ++state().waits;
    outlast("cudaStreamSynchronize", [&] { return drain(*found); });
    check_redzones("cudaStreamSynchronize", found->device);
    return device(found->device).fault;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return api("cudaStreamQuery", Needs::device, [&]() -> cudaError_t {
    CUstream_st* found = find_stream("cudaStreamQuery", stream);
    if (const cudaError_t error = waitable("cudaStreamQuery", found); error != cudaSuccess) return error;
    if (found->queue.empty()) return device(found->device).fault;
    progress(*found, 4);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api("cudaDeviceSynchronize", Needs::device, [&]() -> cudaError_t {
    if (breaks_captures("cudaDeviceSynchronize")) return cudaErrorStreamCaptureUnsupported;
    ++state().waits;
    outlast("cudaDeviceSynchronize", [] { return drain_device(current_device()); });
    check_redzones("cudaDeviceSynchronize", current_device());
    return current().fault;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return api("cudaStreamWaitEvent", Needs::device, [&]() -> cudaError_t {
    CUstream_st* found = find_stream("cudaStreamWaitEvent", stream);
    const auto known = find_event("cudaStreamWaitEvent", event);
    if (!found || !known) return cudaErrorInvalidResourceHandle;
    if (found->capture || known->capture) return captured_wait(*found, *known);
    if (known->requested == 0) return cudaSuccess;
    CUstream_st::Op op;
    op.kind = CUstream_st::Op::Kind::wait;
    op.event = known;
    op.generation = known->requested;
    return put(*found, std::move(op));
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return api("cudaLaunchHostFunc", Needs::device, [&]() -> cudaError_t {
    CUstream_st* found = find_stream("cudaLaunchHostFunc", stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    const auto run = [function, data] { function(data); };
    return submit("cudaLaunchHostFunc", *found, {"cudaLaunchHostFunc", 5.0, run, false, cudaGraphNodeTypeHost});
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return api("cudaDeviceGetStreamPriorityRange", Needs::device, [&] {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
  });
}
