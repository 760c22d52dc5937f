#include <cstdlib>

#include "state.h"

namespace grus::sim {
namespace {

struct Named {
  cudaError_t error;
  const char *name, *text;
};

const Named kErrors[] = {
#define GRUS_NAMED(name, text) {name, #name, text}
    GRUS_NAMED(cudaSuccess, "no error"),
    GRUS_NAMED(cudaErrorInvalidValue, "invalid argument"),
    GRUS_NAMED(cudaErrorMemoryAllocation, "out of memory"),
    GRUS_NAMED(cudaErrorInitializationError, "initialization error"),
    GRUS_NAMED(cudaErrorCudartUnloading, "driver shutting down"),
    GRUS_NAMED(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    GRUS_NAMED(cudaErrorInvalidPitchValue, "invalid pitch argument"),
    GRUS_NAMED(cudaErrorInvalidDevicePointer, "invalid device pointer"),
    GRUS_NAMED(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    GRUS_NAMED(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    GRUS_NAMED(cudaErrorDevicesUnavailable, "CUDA-capable device(s) is/are busy or unavailable"),
    GRUS_NAMED(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    GRUS_NAMED(cudaErrorInvalidDevice, "invalid device ordinal"),
    GRUS_NAMED(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    GRUS_NAMED(cudaErrorDeviceUninitialized, "invalid device context"),
    GRUS_NAMED(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    GRUS_NAMED(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"),
    GRUS_NAMED(cudaErrorUnsupportedPtxVersion, "the provided PTX was compiled with an unsupported toolchain."),
    GRUS_NAMED(cudaErrorOperatingSystem, "OS call failed or operation not supported on this OS"),
    GRUS_NAMED(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    GRUS_NAMED(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    GRUS_NAMED(cudaErrorNotReady, "device not ready"),
    GRUS_NAMED(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    GRUS_NAMED(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    GRUS_NAMED(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    GRUS_NAMED(cudaErrorContextIsDestroyed, "context is destroyed"),
    GRUS_NAMED(cudaErrorAssert, "device-side assert triggered"),
    GRUS_NAMED(cudaErrorHardwareStackError, "hardware stack error"),
    GRUS_NAMED(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    GRUS_NAMED(cudaErrorMisalignedAddress, "misaligned address"),
    GRUS_NAMED(cudaErrorInvalidAddressSpace, "operation not supported on global/shared address space"),
    GRUS_NAMED(cudaErrorInvalidPc, "invalid program counter"),
    GRUS_NAMED(cudaErrorLaunchFailure, "unspecified launch failure"),
    GRUS_NAMED(cudaErrorNotPermitted, "operation not permitted"),
    GRUS_NAMED(cudaErrorNotSupported, "operation not supported"),
    GRUS_NAMED(cudaErrorSystemNotReady, "system not yet initialized"),
    GRUS_NAMED(cudaErrorSystemDriverMismatch, "system has unsupported display driver / cuda driver combination"),
    GRUS_NAMED(cudaErrorCompatNotSupportedOnDevice, "forward compatibility was attempted on non supported HW"),
    GRUS_NAMED(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    GRUS_NAMED(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    GRUS_NAMED(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    GRUS_NAMED(cudaErrorStreamCaptureUnmatched, "capture was not initiated in this stream"),
    GRUS_NAMED(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    GRUS_NAMED(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    GRUS_NAMED(cudaErrorStreamCaptureImplicit, "operation would make the legacy stream depend on a capturing blocking stream"),
    GRUS_NAMED(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    GRUS_NAMED(cudaErrorStreamCaptureWrongThread, "attempt to terminate a thread-local capture sequence from another thread"),
    GRUS_NAMED(cudaErrorTimeout, "wait operation timed out"),
    GRUS_NAMED(cudaErrorUnknown, "unknown error"),
#undef GRUS_NAMED
};

}  // namespace

int error_number(const std::string& text) {
  for (const Named& named : kErrors)
    if (text == named.name) return named.error;
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  if (!text.empty() && *end == '\0') return static_cast<int>(number);
  misuse("GRUS_SIM_FAIL", "'%s' is no error's name or number", text.c_str());
  return cudaErrorUnknown;
}

bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure: return true;
    default: return false;
  }
}

}  // namespace grus::sim

using namespace grus::sim;

const char* cudaGetErrorName(cudaError_t error) {
  for (const Named& named : kErrors)
    if (error == named.error) return named.name;
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  for (const Named& named : kErrors)
    if (error == named.error) return named.text;
  return "unrecognized error code";
}

// What a call of this runtime on this thread has said, a launch among them: a fault of the device too, but only when one has met it.
cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  errors().last = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const Lock lock(state().mutex);
  const bool met = errors().met.count(current_device()) != 0 && current().fault != cudaSuccess;
  return met ? current().fault : errors().last;
}
