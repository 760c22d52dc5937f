#include <algorithm>

#include "state.h"

using namespace grus::sim;

// A node's handle is its address, for as long as its graph lives.
size_t grus::sim::nodes_of(CUgraph_st& graph, cudaGraphNode_t* handles, size_t most) {
  const size_t count = std::min(most, graph.nodes.size());
  for (size_t i = 0; i < count; ++i) handles[i] = reinterpret_cast<cudaGraphNode_t>(&graph.nodes[i]);
  return count;
}

namespace {

const Work* find_node(const char* call, cudaGraphNode_t handle) {
  const auto* node = reinterpret_cast<const Node*>(handle);
  for (const void* living : state().graphs) {
    const auto& nodes = static_cast<const CUgraph_st*>(living)->nodes;
    for (const Node& one : nodes)
      if (&one == node) return &one.work;
  }
  misuse(call, "%p is no node of a living graph", static_cast<const void*>(node));
  return nullptr;
}

}  // namespace

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  return api("cudaGraphNodeGetType", Needs::driver, [&]() -> cudaError_t {
    const Work* work = find_node("cudaGraphNodeGetType", node);
    if (!work) return cudaErrorInvalidValue;
    *type = work->type;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphMemcpyNodeGetParams(cudaGraphNode_t node, cudaMemcpy3DParms* parameters) {
  return api("cudaGraphMemcpyNodeGetParams", Needs::driver, [&]() -> cudaError_t {
    const Work* work = find_node("cudaGraphMemcpyNodeGetParams", node);
    if (!work || work->type != cudaGraphNodeTypeMemcpy) return cudaErrorInvalidValue;
    *parameters = {};
    parameters->srcPtr.ptr = const_cast<void*>(work->from);
    parameters->dstPtr.ptr = work->to;
    for (cudaPitchedPtr* side : {&parameters->srcPtr, &parameters->dstPtr}) side->pitch = side->xsize = work->bytes, side->ysize = 1;
    parameters->extent = {work->bytes, 1, 1};
    parameters->kind = work->kind;
    return cudaSuccess;
  });
}
