#include <algorithm>

#include "state.h"

// The streams and events of a library of its own. Its runtime is a copy that the caller's does not know, so GRUS_SIM_FAIL counts none of
// this.
namespace grus::sim {

cudaStream_t library_stream() {
  const Lock lock(state().mutex);
  auto* made = new CUstream_st;
  made->device = current_device();
  made->flags = cudaStreamNonBlocking;
  state().streams.push_back(made);
  return made;
}

void library_stream_destroy(cudaStream_t stream) {
  const Lock lock(state().mutex);
  drain(*stream);
  auto& all = state().streams;
  all.erase(std::remove(all.begin(), all.end(), stream), all.end());
  state().dead.insert(stream);
}

cudaError_t library_join(const char* call, cudaStream_t waiting, cudaStream_t before) {
  const Lock lock(state().mutex);
  CUstream_st *from = find_stream(call, before), *to = find_stream(call, waiting);
  if (!from || !to) return cudaErrorInvalidResourceHandle;
  const auto event = std::make_shared<CUevent_st>();
  event->device = from->device;
  if (from->capture) {
    const cudaError_t recorded = captured_record(*from, *event);
    return recorded == cudaSuccess ? captured_wait(*to, *event) : recorded;
  }
  if (to->capture) return captured_wait(*to, *event);   // which refuses: the event lies outside the capture
  if (legacy_stream_conflicts(*from)) return cudaErrorStreamCaptureImplicit;
  CUstream_st::Op op;
  op.event = event;
  op.generation = ++event->requested;
  op.kind = CUstream_st::Op::Kind::record;
  put(*from, op);
  op.kind = CUstream_st::Op::Kind::wait;
  return put(*to, std::move(op));
}

}  // namespace grus::sim
