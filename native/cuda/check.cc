#include <algorithm>

#include "../core/error.h"
#include "context.h"
#include "faults.h"

namespace grus::cuda {
namespace {

constexpr const char* kRestart = "; the GPU is unusable for the rest of this process: restart it";
constexpr const char* kLower = "; lower the batch size, the sequence length or the hidden size, or dispose of models that are not needed";

const char* words(cudnn::Category category) {
  switch (category) {
    case cudnn::Category::setup: return "not set up";
    case cudnn::Category::bad_parameter: return "a bad parameter";
    case cudnn::Category::not_supported: return "not supported";
    case cudnn::Category::internal: return "an internal error";
    case cudnn::Category::execution_failed: return "execution failed";
    default: return "an unknown error";
  }
}

std::string cudnn_message(const cudnn::Api& api) {
  char text[1024] = "";
  api.GetLastErrorString(text, sizeof text);
  text[sizeof text - 1] = '\0';
  return text;
}

// What CUDA itself knows of a library's failure: only what is lasting, since cuDNN and cuBLAS have a CUDA runtime of their own each, and
// ours does not see the last error of theirs.
cudaError_t cause_of_failure(const Context& context) {
  cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess && context.stream() && !context.capturing()) error = cudaStreamQuery(context.stream());
  return error == cudaErrorNotReady ? cudaSuccess : error;
}

// The libraries have several statuses for a lack of memory, "not supported" and "not initialized" among them, so the GPU is asked. Little
// is less than they take at a first use: handles, workspaces, and kernels that are loaded when they first run. A judgement, not a
// measurement: 256 MiB, or a sixteenth of a small GPU. The library's own words stay in the message.
std::string lack_of_memory(const Context& context) {
  constexpr size_t kLittle = size_t{256} << 20;
  size_t free = 0, total = 0;
  if (context.capturing() || cudaMemGetInfo(&free, &total) != cudaSuccess) {
    if (!context.capturing()) cudaGetLastError();
    return "";
  }
  if (free >= std::min(kLittle, total / 16)) return "";
  return "; perhaps for lack of memory, " + size_text(free) + " of " + size_text(total) + " are free";
}

[[noreturn]] void fail(Context& context, ErrorCode code, const std::string& message, cudaError_t cause) {
  if (is_lasting(cause)) {
    keep_fault(context.device(), message);
    throw Error(ErrorCode::device, where(context.device()) + message + kRestart);
  }
  if (cause == cudaErrorMemoryAllocation || code == ErrorCode::out_of_memory) {
    throw Error(ErrorCode::out_of_memory, where(context.device()) + message + kLower);
  }
  throw Error(code, where(context.device()) + message);
}

}  // namespace

std::string words(const Libraries& libraries, cudnn::Status status, const char* call, const std::string& details) {
  std::string message = std::string(call) + " failed: " + words(cudnn::category(status)) + ", " + libraries.cudnn.GetErrorString(status) +
                        " (" + std::to_string(static_cast<int>(status)) + ")";
  const std::string reason = cudnn_message(libraries.cudnn);
  if (!reason.empty()) message += ": " + reason;
  if (!details.empty()) message += "; for " + details;
  return message + " (cuDNN " + libraries.cudnn_text() + ")";
}

void Context::check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  cudaGetLastError();   // so that no later call is blamed for it; a lasting one comes back by itself
  fail(*this, ErrorCode::device, std::string(call) + " failed: " + words(error), error);
}

void Context::check(cudnn::Status status, const char* call, const std::string& details) {
  if (status == cudnn::Status::success) return;
  const cudnn::Category category = cudnn::category(status);
  std::string message = words(libraries_, status, call, details);
  const cudaError_t cause = cause_of_failure(*this);
  if (cause != cudaSuccess) message += "; CUDA says " + cuda::words(cause);
  const std::string lack = category == cudnn::Category::bad_parameter || is_lasting(cause) ? "" : lack_of_memory(*this);
  if (!lack.empty()) fail(*this, ErrorCode::out_of_memory, message + lack, cause);
  fail(*this, category == cudnn::Category::not_supported ? ErrorCode::unsupported : ErrorCode::device, message, cause);
}

void Context::check_memory(cudnn::Status status, const char* call) {
  const bool possible = status != cudnn::Status::success && cudnn::category(status) != cudnn::Category::bad_parameter;
  if (possible && !lack_of_memory(*this).empty()) check(status, call);
}

void Context::check(cublas::Status status, const char* call, const std::string& details) {
  if (status == cublas::Status::success) return;
  std::string message = std::string(call) + " failed: " + cublas().GetStatusString(status) + " (" +
                        std::to_string(static_cast<int>(status)) + ")";
  if (!details.empty()) message += "; for " + details;
  message += " (cuBLAS " + libraries_.cublas_text() + ")";
  const cudaError_t cause = cause_of_failure(*this);
  if (cause != cudaSuccess) message += "; CUDA says " + cuda::words(cause);
  const bool unsupported = status == cublas::Status::not_supported || status == cublas::Status::arch_mismatch;
  const std::string lack = status == cublas::Status::invalid_value || is_lasting(cause) ? "" : lack_of_memory(*this);
  const bool memory = status == cublas::Status::alloc_failed || !lack.empty();
  fail(*this, memory ? ErrorCode::out_of_memory : unsupported ? ErrorCode::unsupported : ErrorCode::device, message + lack, cause);
}

}  // namespace grus::cuda
