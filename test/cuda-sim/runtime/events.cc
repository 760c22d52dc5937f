#include <algorithm>

#include "state.h"

using namespace grus::sim;

namespace {

cudaError_t create(const char* call, cudaEvent_t* event, unsigned flags) {
  return api(call, Needs::device, [&]() -> cudaError_t {
    if (flags > 7) return cudaErrorInvalidValue;
    auto made = std::make_shared<CUevent_st>();
    made->device = current_device();
    made->flags = flags;
    *event = made.get();
    state().events.insert(made.get());
    state().event_objects.push_back(std::move(made));
    return cudaSuccess;
  });
}

// Keeps the objects of destroyed events, so that no address comes twice.
std::vector<std::shared_ptr<CUevent_st>>& destroyed() {
  static auto* all = new std::vector<std::shared_ptr<CUevent_st>>;
  return *all;
}

}  // namespace

cudaError_t cudaEventCreate(cudaEvent_t* event) { return create("cudaEventCreate", event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) { return create("cudaEventCreateWithFlags", event, flags); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api("cudaEventDestroy", Needs::driver, [&]() -> cudaError_t {
    const auto known = find_event("cudaEventDestroy", event);
    if (!known) return cudaErrorInvalidResourceHandle;
    State& all = state();
    all.events.erase(event);
    all.dead.insert(event);
    all.event_objects.erase(std::find(all.event_objects.begin(), all.event_objects.end(), known));
    destroyed().push_back(known);
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api("cudaEventRecord", Needs::device, [&]() -> cudaError_t {
    const auto known = find_event("cudaEventRecord", event);
    CUstream_st* found = find_stream("cudaEventRecord", stream);
    if (!known || !found) return cudaErrorInvalidResourceHandle;
    if (known->device != found->device) {
      misuse("cudaEventRecord", "the event is device %d's, and the stream device %d's", known->device, found->device);
      return cudaErrorInvalidResourceHandle;
    }
    if (found->capture) return captured_record(*found, *known);
    if (legacy_stream_conflicts(*found)) return cudaErrorStreamCaptureImplicit;
    known->capture = nullptr;
    known->not_ready = 0;
    CUstream_st::Op op;
    op.kind = CUstream_st::Op::Kind::record;
    op.event = known;
    op.generation = ++known->requested;
    return put(*found, std::move(op));
  });
}

namespace {

cudaError_t usable(const char* call, const std::shared_ptr<CUevent_st>& event) {
  if (!event) return cudaErrorInvalidResourceHandle;
  if (event->capture) {
    if (!event->capture->ended) invalidate(*event->capture);
    return cudaErrorCapturedEvent;
  }
  return allowed_during_capture(call) ? cudaSuccess : cudaErrorStreamCaptureUnsupported;
}

}  // namespace

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api("cudaEventSynchronize", Needs::device, [&]() -> cudaError_t {
    const auto known = find_event("cudaEventSynchronize", event);
    if (const cudaError_t error = usable("cudaEventSynchronize", known); error != cudaSuccess) return error;
    ++state().waits;
    outlast("cudaEventSynchronize", [&] { return drain_event(*known, known->requested); });
    return device(known->device).fault;
  });
}

// Says "not ready" at least once while work is queued, and moves on a little each time.
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api("cudaEventQuery", Needs::device, [&]() -> cudaError_t {
    const auto known = find_event("cudaEventQuery", event);
    if (const cudaError_t error = usable("cudaEventQuery", known); error != cudaSuccess) return error;
    if (known->completed >= known->requested) return device(known->device).fault;
    if (++known->not_ready > 2) {
      return drain_event(*known, known->requested) ? device(known->device).fault : cudaErrorNotReady;
    }
    return cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api("cudaEventElapsedTime", Needs::device, [&]() -> cudaError_t {
    const auto from = find_event("cudaEventElapsedTime", start), to = find_event("cudaEventElapsedTime", end);
    for (const auto& event : {from, to}) {
      if (const cudaError_t error = usable("cudaEventElapsedTime", event); error != cudaSuccess) return error;
      if (event->requested == 0 || (event->flags & cudaEventDisableTiming) != 0) return cudaErrorInvalidResourceHandle;
    }
    if (from->completed < from->requested || to->completed < to->requested) return cudaErrorNotReady;
    *milliseconds = static_cast<float>((to->time - from->time) / 1000);
    return cudaSuccess;
  });
}
