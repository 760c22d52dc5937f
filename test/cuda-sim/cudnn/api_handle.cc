#include <cstring>

#include "../sim.h"
#include "exports.h"
#include "objects.h"

using namespace grus::cudnn;
using namespace grus::sim;
using namespace grus::sim::dnn;

size_t cudnnGetVersion() { return static_cast<size_t>(knob_number("CUDNN_VERSION", 92400)); }
size_t cudnnGetCudartVersion() { return static_cast<size_t>(knob_number("CUDNN_CUDART", 13030)); }

const char* cudnnGetErrorString(Status status) { return name_of(static_cast<int>(status)); }

void cudnnGetLastErrorString(char* message, size_t max_size) {
  if (!message || max_size == 0) return;
  const std::string text = last_error_of_this_thread();
  const size_t length = std::min(text.size(), max_size - 1);
  std::memcpy(message, text.data(), length);
  message[length] = '\0';
}

Status cudnnCreate(Handle* handle) {
  return call("cudnnCreate", Library::graph, [&] {
    require(handle, kNullPointer, "handle == NULL");
    int count = 0;
    require(cudaGetDeviceCount(&count) == cudaSuccess && count > 0, kNotInitialized, "cudaGetDeviceCount(&count) != cudaSuccess");
    require(allowed_during_capture("cudnnCreate"), kCudart, "a stream is being captured");
    auto* made = make<cudnnHandleTag>();
    made->device = current_device();
    for (cudaStream_t& own : made->streams) own = library_stream();
    *handle = made;
  });
}

Status cudnnDestroy(Handle handle) {
  return call("cudnnDestroy", Library::graph, [&] {
    require(!breaks_captures("cudnnDestroy"), kCudart, "a stream is being captured");   // it implies cudaDeviceSynchronize
    destroy("cudnnDestroy", handle, Kind::handle);
    if (!handle) return;
    for (const cudaStream_t own : handle->streams) library_stream_destroy(own);
  });
}

Status cudnnSetStream(Handle handle, Stream stream) {
  return call("cudnnSetStream", Library::graph, [&] {
    const HandleUse use("cudnnSetStream", handle);
    const auto cuda_stream = static_cast<cudaStream_t>(stream);
    if (stream_device(cuda_stream) != use->device) {
      misuse("cudnnSetStream", "the stream belongs to device %d (-1: it does not live), the handle to device %d",
             stream_device(cuda_stream), use->device);
      refuse(kBadParameter, "the stream is not one of the handle's device");
    }
    use->stream = cuda_stream;
  });
}

Status cudnnOpsVersionCheck() {
  return call("cudnnOpsVersionCheck", Library::ops, [] {
    if (const long long status = knob_number("CUDNN_OPS_CHECK", 0)) refuse(static_cast<int>(status), "libcudnn_ops is of another version");
  });
}

Status cudnnAdvVersionCheck() {
  return call("cudnnAdvVersionCheck", Library::adv, [] {
    if (const long long status = knob_number("CUDNN_ADV_CHECK", 0)) refuse(static_cast<int>(status), "libcudnn_adv is of another version");
  });
}
