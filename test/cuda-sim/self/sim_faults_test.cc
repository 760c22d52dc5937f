// Failures on demand, and what stays of them.
#include "sim_support.h"

namespace {

void chosen_calls_fail() {
  grus_sim_reset();
  const Knob fail("FAIL", "cudaMemsetAsync:2:cudaErrorLaunchOutOfResources,cudaEventRecord:1:999,for_each:2+:cudaErrorInvalidConfiguration");
  Stream stream;
  Event event;
  Floats y(1);
  CHECK(cudaMemsetAsync(y.at, 0, 4, stream) == cudaSuccess);
  CHECK(cudaMemsetAsync(y.at, 0, 4, stream) == cudaErrorLaunchOutOfResources);
  CHECK(cudaMemsetAsync(y.at, 0, 4, stream) == cudaSuccess);
  CHECK(cudaEventRecord(event, stream) == cudaErrorUnknown && cudaEventRecord(event, stream) == cudaSuccess);
  CHECK(cudaGetLastError() == cudaErrorUnknown && cudaGetLastError() == cudaSuccess);
  for (const cudaError_t expected : {cudaSuccess, cudaErrorInvalidConfiguration, cudaErrorInvalidConfiguration}) {
    affine(stream, y, 1, 1);
    CHECK(cudaPeekAtLastError() == expected && cudaGetLastError() == expected);
  }
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess && y.get()[0] == 1);
}

void allocations_fail() {
  void* pointer = nullptr;
  for (const char* when : {"2", "every"}) {
    const Knob fail("FAIL_ALLOC", when);
    grus_sim_reset();
    const cudaError_t first = cudaMalloc(&pointer, 16);
    CHECK(first == (*when == '2' ? cudaSuccess : cudaErrorMemoryAllocation));
    if (first == cudaSuccess) cudaFree(pointer);
    CHECK(cudaMalloc(&pointer, 16) == cudaErrorMemoryAllocation && cudaGetLastError() == cudaErrorMemoryAllocation);
    const cudaError_t third = cudaMalloc(&pointer, 16);
    CHECK(third == first);
    if (third == cudaSuccess) cudaFree(pointer);
  }
}

void kernel_faults_stay(const char* order) {
  grus_sim_reset();
  const Knob deferred("DEFER", order);
  const Knob fault("KERNEL_FAULT", "2");
  Stream stream;
  Floats y(1), other(1);
  y.set({1});
  affine(stream, y, 1, 1);
  affine(stream, y, 1, 1);
  CHECK(cudaStreamSynchronize(stream) == cudaErrorIllegalAddress);
  void* pointer = nullptr;
  CHECK(cudaMalloc(&pointer, 16) == cudaErrorIllegalAddress && cudaMemsetAsync(y.at, 0, 4, stream) == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress && cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaSetDevice(1) == cudaSuccess && cudaMalloc(&pointer, 16) == cudaSuccess && cudaFree(pointer) == cudaSuccess);
  CHECK(cudaSetDevice(0) == cudaSuccess);
  grus_sim_reset();
  CHECK(y.get()[0] == 2);
}

void sticky_errors_stick() {
  grus_sim_reset();
  const Knob fail("FAIL", "cudaStreamSynchronize:1:cudaErrorLaunchFailure");
  Stream stream;
  CHECK(cudaStreamSynchronize(stream) == cudaErrorLaunchFailure && cudaStreamSynchronize(stream) == cudaErrorLaunchFailure);
  grus_sim_reset();
}

void drivers_and_devices() {
  int count = -1, version = -1;
  void* pointer = nullptr;
  {
    const Knob driver("DRIVER", "0");
    CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver && count == 0);
    CHECK(cudaDriverGetVersion(&version) == cudaSuccess && version == 0);
    CHECK(cudaRuntimeGetVersion(&version) == cudaSuccess && version == 13000);
    CHECK(cudaMalloc(&pointer, 16) == cudaErrorInsufficientDriver);
  }
  {
    const Knob driver("DRIVER", "12080");
    CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
    const Knob runtime("CUDART", "12090");
    CHECK(cudaGetDeviceCount(&count) == cudaSuccess && count == 2);
  }
  {
    const Knob devices("DEVICES", "0");
    CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice && cudaSetDevice(0) == cudaErrorNoDevice);
  }
  const Knob devices("DEVICES", "4");
  cudaDeviceProp properties{};
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess && count == 4 && cudaGetDeviceProperties(&properties, 3) == cudaSuccess);
  CHECK(properties.major == 9 && properties.minor == 0 && properties.multiProcessorCount > 0);
  CHECK(cudaGetDeviceProperties(&properties, 4) == cudaErrorInvalidDevice);
  cudaGetLastError();
}

void errors_have_names() {
  CHECK(std::string(cudaGetErrorName(cudaErrorMemoryAllocation)) == "cudaErrorMemoryAllocation");
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");
  CHECK(std::string(cudaGetErrorName(static_cast<cudaError_t>(12345))) == "unrecognized error code");
}

}  // namespace

int main() {
  chosen_calls_fail();
  allocations_fail();
  for (const char* order : {"0", "1", "2"}) kernel_faults_stay(order);
  sticky_errors_stick();
  drivers_and_devices();
  errors_have_names();
  return report();
}
