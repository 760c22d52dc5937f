#include "context.h"

#include "../backend.h"
#include "../core/error.h"
#include "../cuda_report.h"
#include "faults.h"

namespace grus::cuda {
namespace {

constexpr int kOldest = 75;   // compute capability of the oldest GPU that kernels are built for

[[noreturn]] void unavailable() {
  throw Error(ErrorCode::backend_unavailable, "[device] device 'cuda' is not available: " + report_cuda(false).text());
}

int checked_device(int index) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    cudaGetLastError();
    unavailable();
  }
  if (index < 0 || index >= devices) {
    throw Error(ErrorCode::invalid_argument, "[device] expected " +
                                                 (devices == 1 ? std::string("'cuda' or 'cuda:0', there is one GPU")
                                                               : "'cuda:0' to 'cuda:" + std::to_string(devices - 1) + "', there are " +
                                                                     std::to_string(devices) + " GPUs") +
                                                 "; got 'cuda:" + std::to_string(index) + "'");
  }
  return index;
}

std::string capability_text(int capability) { return std::to_string(capability / 10) + "." + std::to_string(capability % 10); }

}  // namespace

Context::Context(const EngineOptions& options) : device_(checked_device(options.index)), libraries_(cuda::libraries()), options_(options) {
  activate();
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device_), "cudaGetDeviceProperties");
  device_name_ = properties.name;
  compute_capability_ = properties.major * 10 + properties.minor;
  multiprocessors_ = properties.multiProcessorCount;
  const std::string gpu = device_name_ + " has compute capability " + capability_text(compute_capability_);
  if (compute_capability_ < kOldest) {
    throw Error(ErrorCode::backend_unavailable, where(device_) + "a GPU of compute capability " + capability_text(kOldest) +
                                                    " or newer is needed, " + gpu + "; use device 'cpu'");
  }
  if (options.precision == Precision::bfloat16) {
    if (compute_capability_ < 80) {
      throw Error(ErrorCode::unsupported, where(device_) + "precision 'bfloat16' needs a GPU of compute capability 8.0 or newer, " + gpu +
                                              "; use precision 'float16' or 'float32'");
    }
    if (libraries_.cudnn_version < 91300) {
      throw Error(ErrorCode::unsupported, where(device_) + "precision 'bfloat16' needs cuDNN 9.13.0 or newer, this is " +
                                              libraries_.cudnn_text() + "; install a newer cuDNN, or use precision 'float16' or 'float32'");
    }
  }
  if (options.precision == Precision::tf32 && compute_capability_ < 80) options_.precision = Precision::float32;
  lane_ = lease_lane(*this);
  scratch_ = allocate(kScratchBytes);
}

void Context::activate() {
  if (has_fault(device_)) {
    throw Error(ErrorCode::device, where(device_) + "this GPU is unusable for the rest of the process after an earlier fault: " +
                                       first_fault(device_) + "; restart the process");
  }
  // asked for each time, since other code on this thread may have chosen another; it costs nanoseconds
  int current = -1;
  if (cudaGetDevice(&current) != cudaSuccess || current != device_) check(cudaSetDevice(device_), "cudaSetDevice");
}

GraphCounters& Context::graph_counters() {
  if (!counters_->graphs) counters_->graphs = std::make_unique<GraphCounters>();
  return *counters_->graphs;
}

void Context::synchronize() {
  activate();
  if (capturing_) throw Error(ErrorCode::device, where(device_) + "the GPU cannot be waited for while a pass is being captured");
  check(cudaGetLastError(), "a kernel's launch");
  if (copies() != stream()) check(cudaStreamSynchronize(copies()), "cudaStreamSynchronize");
  check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
}

OnDevice::OnDevice(int device) : before_(device), device_(device) {
  if (cudaGetDevice(&before_) != cudaSuccess) before_ = device;
  if (before_ != device_) cudaSetDevice(device_);
}

OnDevice::~OnDevice() {
  if (before_ != device_) cudaSetDevice(before_);
}

}  // namespace grus::cuda
