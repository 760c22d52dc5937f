#include <algorithm>

#include "state.h"

namespace grus::sim {
namespace {

void append(std::vector<int>& to, const std::vector<int>& from) {
  for (const int node : from)
    if (std::find(to.begin(), to.end(), node) == to.end()) to.push_back(node);
}

std::vector<std::shared_ptr<Capture>> live_captures() {
  std::vector<std::shared_ptr<Capture>> live;
  for (const auto& weak : state().captures)
    if (auto capture = weak.lock(); capture && !capture->ended) live.push_back(std::move(capture));
  return live;
}

bool is_member(const Capture& capture, const CUstream_st* stream) {
  return std::find(capture.members.begin(), capture.members.end(), stream) != capture.members.end();
}

// Whether every node is the last one of the origin or comes before it.
bool all_joined(const Capture& capture) {
  std::vector<char> joined(capture.nodes.size(), 0);
  std::vector<int> open = capture.origin->capture_tail;
  while (!open.empty()) {
    const auto at = static_cast<size_t>(open.back());
    open.pop_back();
    if (joined[at]) continue;
    joined[at] = 1;
    open.insert(open.end(), capture.nodes[at].after.begin(), capture.nodes[at].after.end());
  }
  return std::all_of(joined.begin(), joined.end(), [](char yes) { return yes != 0; });
}

void end(Capture& capture) {
  capture.ended = true;
  for (CUstream_st* member : capture.members) {
    member->capture = nullptr;
    member->capture_tail.clear();
  }
}

}  // namespace

void invalidate(Capture& capture) { capture.invalid = true; }

// CUDA's rule for calls that are unsafe during a capture: relaxed threads may; a thread that captures may not, nor any while another
// captures in global mode.
bool allowed_during_capture(const char*) {
  const Lock lock(state().mutex);
  if (thread_state().capture_mode == cudaStreamCaptureModeRelaxed) return true;
  bool allowed = true;
  for (const auto& capture : live_captures()) {
    const bool mine = capture->thread == std::this_thread::get_id() && capture->mode != cudaStreamCaptureModeRelaxed;
    const bool global = capture->mode == cudaStreamCaptureModeGlobal && thread_state().capture_mode == cudaStreamCaptureModeGlobal;
    if (!mine && !global) continue;
    invalidate(*capture);
    allowed = false;
  }
  return allowed;
}

bool breaks_captures(const char*) {
  const Lock lock(state().mutex);
  const auto live = live_captures();
  for (const auto& capture : live) invalidate(*capture);
  return !live.empty();
}

bool capturing(cudaStream_t stream) {
  const Lock lock(state().mutex);
  const CUstream_st* found = stream ? find_stream("capturing", stream) : nullptr;
  return found && found->capture;
}

bool legacy_stream_conflicts(const CUstream_st& stream) {
  if (!stream.null) return false;
  bool conflicts = false;
  for (const auto& capture : live_captures())
    for (const CUstream_st* member : capture->members)
      if (member->device == stream.device && member->blocking()) {
        invalidate(*capture);
        conflicts = true;
      }
  return conflicts;
}

int add_node(CUstream_st& stream, Work work) {
  auto& nodes = stream.capture->nodes;
  nodes.push_back({std::move(work), stream.capture_tail});
  stream.capture_tail = {static_cast<int>(nodes.size()) - 1};
  return stream.capture_tail[0];
}

cudaError_t captured_record(CUstream_st& stream, CUevent_st& event) {
  if (stream.capture->invalid) return cudaErrorStreamCaptureInvalidated;
  event.capture = stream.capture;
  event.capture_tail = stream.capture_tail;
  return cudaSuccess;
}

cudaError_t captured_wait(CUstream_st& stream, CUevent_st& event) {
  if (stream.capture && stream.capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (event.capture && event.capture->ended) return cudaErrorCapturedEvent;
  if (!event.capture) {                       // the work waited for lies outside the capture
    invalidate(*stream.capture);
    return cudaErrorStreamCaptureIsolation;
  }
  if (event.capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (stream.null) {
    invalidate(*event.capture);
    return cudaErrorStreamCaptureImplicit;
  }
  if (stream.capture && stream.capture != event.capture) {
    invalidate(*stream.capture);
    invalidate(*event.capture);
    return cudaErrorStreamCaptureMerge;
  }
  if (!stream.capture) {
    stream.capture = event.capture;
    if (!is_member(*stream.capture, &stream)) stream.capture->members.push_back(&stream);
  }
  append(stream.capture_tail, event.capture_tail);
  return cudaSuccess;
}

}  // namespace grus::sim

using namespace grus::sim;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return api("cudaStreamBeginCapture", Needs::device, [&]() -> cudaError_t {
    if (stream == nullptr) return cudaErrorStreamCaptureUnsupported;
    CUstream_st* found = find_stream("cudaStreamBeginCapture", stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (found->capture) return cudaErrorIllegalState;
    auto capture = std::make_shared<Capture>();
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->origin = found;
    capture->members = {found};
    found->capture = capture;
    found->capture_tail.clear();
    auto& all = state().captures;
    all.erase(std::remove_if(all.begin(), all.end(), [](const auto& weak) { return weak.expired(); }), all.end());
    all.push_back(capture);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  return api("cudaStreamEndCapture", Needs::device, [&]() -> cudaError_t {
    CUstream_st* found = find_stream("cudaStreamEndCapture", stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (!found->capture) return cudaErrorIllegalState;
    const std::shared_ptr<Capture> capture = found->capture;
    if (capture->origin != found) {
      invalidate(*capture);
      return cudaErrorStreamCaptureUnmatched;
    }
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
      return cudaErrorStreamCaptureWrongThread;
    }
    const bool joined = all_joined(*capture);
    end(*capture);
    if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
    if (!joined) return cudaErrorStreamCaptureUnjoined;
    auto* made = new CUgraph_st;
    made->device = found->device;
    made->nodes = std::move(capture->nodes);
    state().graphs.insert(made);
    *graph = made;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return api("cudaStreamIsCapturing", Needs::device, [&]() -> cudaError_t {
    CUstream_st* found = find_stream("cudaStreamIsCapturing", stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (legacy_stream_conflicts(*found)) return cudaErrorStreamCaptureImplicit;
    *status = !found->capture          ? cudaStreamCaptureStatusNone
              : found->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                        : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return api("cudaThreadExchangeStreamCaptureMode", Needs::driver, [&] {
    std::swap(*mode, thread_state().capture_mode);
    return cudaSuccess;
  });
}
