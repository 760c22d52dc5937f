#include "state.h"

using namespace grus::sim;

namespace {

// What NVIDIA's own cache of graphs reckons with (NVIDIA/cccl, pull request 3768: "around 10KB per kernel node").
constexpr long long kBytesPerNode = 10 << 10;

template <class T>
bool living(const char* call, const std::set<const void*>& all, const T* object) {
  if (all.count(object)) return true;
  misuse(call, state().dead.count(object) ? "%p has been destroyed" : "%p is no graph", static_cast<const void*>(object));
  return false;
}

}  // namespace

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return api("cudaGraphInstantiate", Needs::device, [&]() -> cudaError_t {
    if (!living("cudaGraphInstantiate", state().graphs, graph)) return cudaErrorInvalidValue;
    if (!allowed_during_capture("cudaGraphInstantiate")) return cudaErrorStreamCaptureUnsupported;
    const size_t bytes = graph->nodes.size() * static_cast<size_t>(knob_number("GRAPH_NODE", kBytesPerNode));
    if (!take_memory(device(graph->device), bytes)) return cudaErrorMemoryAllocation;
    auto* made = new CUgraphExec_st;
    made->device = graph->device;
    made->bytes = bytes;
    made->nodes = std::make_shared<const std::vector<Node>>(graph->nodes);
    state().execs.insert(made);
    *exec = made;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return api("cudaGraphGetNodes", Needs::driver, [&]() -> cudaError_t {
    if (!living("cudaGraphGetNodes", state().graphs, graph)) return cudaErrorInvalidValue;
    if (nodes) *count = nodes_of(*graph, nodes, *count);
    else *count = graph->nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
  return api("cudaGraphUpload", Needs::device, [&]() -> cudaError_t {
    if (!living("cudaGraphUpload", state().execs, exec)) return cudaErrorInvalidValue;
    return find_stream_here("cudaGraphUpload", stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return api("cudaGraphLaunch", Needs::device, [&]() -> cudaError_t {
    if (!living("cudaGraphLaunch", state().execs, exec)) return cudaErrorInvalidValue;
    CUstream_st* found = find_stream_here("cudaGraphLaunch", stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (found->device != exec->device) {
      misuse("cudaGraphLaunch", "the graph is device %d's, and the stream device %d's", exec->device, found->device);
      return cudaErrorInvalidValue;
    }
    if (found->capture) {
      invalidate(*found->capture);
      return cudaErrorStreamCaptureUnsupported;
    }
    Work work;
    work.call = "cudaGraphLaunch";
    work.microseconds = 2.0;
    work.run = [found, nodes = exec->nodes] { run_nodes(*found, *nodes); };
    return submit("cudaGraphLaunch", *found, std::move(work));
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return api("cudaGraphDestroy", Needs::driver, [&]() -> cudaError_t {
    if (!living("cudaGraphDestroy", state().graphs, graph)) return cudaErrorInvalidValue;
    state().graphs.erase(graph);
    state().dead.insert(graph);
    graph->nodes.clear();
    return cudaSuccess;
  });
}

// Launches under way keep what they run.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return api("cudaGraphExecDestroy", Needs::driver, [&]() -> cudaError_t {
    if (!living("cudaGraphExecDestroy", state().execs, exec)) return cudaErrorInvalidValue;
    state().execs.erase(exec);
    state().dead.insert(exec);
    exec->nodes = nullptr;
    device(exec->device).used -= exec->bytes;
    return cudaSuccess;
  });
}
