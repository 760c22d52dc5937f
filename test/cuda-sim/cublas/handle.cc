#include "handle.h"

#include <mutex>
#include <set>

namespace grus::sim::blas {
namespace {

std::mutex& guard() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

// Handles are never freed, so that the use of a destroyed one is seen.
std::set<const cublasContext*>& handles() {
  static auto* all = new std::set<const cublasContext*>;
  return *all;
}

}  // namespace

bool chosen_to_fail(const char* call, Status* status) {
  int code = 0;
  if (!injected(call, &code)) return false;
  *status = static_cast<Status>(code);
  return true;
}

Use::Use(const char* call, cublasContext* handle) {
  const std::lock_guard<std::mutex> lock(guard());
  if (handle == nullptr || !handles().count(handle)) {
    misuse(call, "%p is no cuBLAS handle", static_cast<void*>(handle));
    status = Status::not_initialized;
  } else if (handle->magic != kAlive) {
    misuse(call, "the handle has been destroyed");
    status = Status::not_initialized;
  } else if (handle->device != current_device()) {
    misuse(call, "the handle is device %d's, and device %d is current", handle->device, current_device());
    status = Status::execution_failed;
  } else if (handle->uses > 0) {
    misuse(call, "two threads use one handle at once");
    status = Status::internal_error;
  } else if (!chosen_to_fail(call, &status)) {
    handle_ = handle;
    ++handle->uses;
  }
}

Use::~Use() {
  const std::lock_guard<std::mutex> lock(guard());
  if (handle_) --handle_->uses;
}

void adopt(cublasContext* handle) {
  const std::lock_guard<std::mutex> lock(guard());
  handles().insert(handle);
}

}  // namespace grus::sim::blas

using namespace grus::sim;
using namespace grus::sim::blas;

#define GRUS_SIM_EXPORT extern "C" __attribute__((visibility("default")))

GRUS_SIM_EXPORT Status cublasCreate_v2(cublasContext** handle) {
  const InLibrary inside(Runtime::cublas);
  Status status = Status::success;
  if (chosen_to_fail("cublasCreate_v2", &status)) return status;
  if (!handle) return Status::invalid_value;
  *handle = nullptr;
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return Status::not_initialized;
  if (!allowed_during_capture("cublasCreate_v2")) return Status::internal_error;
  auto* made = new cublasContext;
  made->magic = kAlive;
  made->device = current_device();
  adopt(made);
  *handle = made;
  return Status::success;
}

GRUS_SIM_EXPORT Status cublasDestroy_v2(cublasContext* handle) {
  const Use use("cublasDestroy_v2", handle);
  if (!use) return use.status;
  if (breaks_captures("cublasDestroy_v2")) return Status::internal_error;
  library_free(handle->own_workspace);
  handle->own_workspace = nullptr;
  handle->magic = kDead;
  return Status::success;
}

// The real one (13.1) answers without a handle too.
GRUS_SIM_EXPORT Status cublasGetVersion_v2(cublasContext* handle, int* version) {
  if (handle) {
    const Use use("cublasGetVersion_v2", handle);
    if (!use) return use.status;
  }
  if (!version) return Status::invalid_value;
  *version = static_cast<int>(knob_number("CUBLAS", 130100));
  return Status::success;
}

// Also takes the library's own workspace back, as the real one says: bind the stream first, then set the workspace.
GRUS_SIM_EXPORT Status cublasSetStream_v2(cublasContext* handle, cudaStream_t stream) {
  const Use use("cublasSetStream_v2", handle);
  if (!use) return use.status;
  if (stream != nullptr && stream_device(stream) != handle->device) {
    misuse("cublasSetStream_v2", "the stream is device %d's, and the handle device %d's", stream_device(stream), handle->device);
    return Status::invalid_value;
  }
  handle->stream = stream;
  handle->workspace = nullptr;
  handle->workspace_bytes = 0;
  return Status::success;
}

GRUS_SIM_EXPORT Status cublasSetWorkspace_v2(cublasContext* handle, void* workspace, size_t bytes) {
  const Use use("cublasSetWorkspace_v2", handle);
  if (!use) return use.status;
  if (bytes > 0 && !check_device("cublasSetWorkspace_v2", "the workspace", workspace, bytes, 256)) return Status::invalid_value;
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return Status::success;
}

GRUS_SIM_EXPORT Status cublasSetMathMode(cublasContext* handle, int mode) {
  const Use use("cublasSetMathMode", handle);
  if (!use) return use.status;
  if (mode < 0 || mode > 3) return Status::invalid_value;
  handle->math_mode = mode;
  return Status::success;
}

GRUS_SIM_EXPORT const char* cublasGetStatusString(Status status) {
  switch (status) {
    case Status::success: return "the library's call succeeded";
    case Status::not_initialized: return "the library was not initialized";
    case Status::alloc_failed: return "the resource allocation failed";
    case Status::invalid_value: return "an unsupported value or parameter was passed to the function";
    case Status::arch_mismatch: return "the function needs an architecture feature that is absent";
    case Status::mapping_error: return "an access to GPU memory space failed";
    case Status::execution_failed: return "the function failed to launch on the GPU";
    case Status::internal_error: return "an internal operation failed";
    case Status::not_supported: return "the functionality requested is not supported";
    case Status::license_error: return "the functionality requested requires a license";
  }
  return "unknown status";
}
