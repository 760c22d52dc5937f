#include <cuda_runtime_api.h>

#include <cstdio>

#include "advice.h"
#include "loading.h"
#include "names.h"
#include "shared_library.h"
#include "versions.h"

namespace grus::cuda {
namespace {

constexpr int kLeastCapability = 75;   // the oldest GPU that device code is compiled for, see cmake/cuda.cmake

void find_driver(Hardware& hardware) {
  CudaComponent& driver = hardware.components.emplace_back();
  driver.name = "driver";
  driver.file = kDriver;
  int version = 0;
  // not an error where there is no driver: the version is 0 then
  if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0) {
    driver.problem = "not found";
    hardware.problem = std::string("there is no NVIDIA driver (") + kDriver + ") here";
    hardware.advice = advice_for_driver();
    return;
  }
  hardware.driver = true;
  driver.version = "CUDA " + cuda_version_text(version);
  driver.path = opened_library(kDriver).path;
  if (version / 1000 < CUDART_VERSION / 1000) {
    driver.problem = "too old, it must know CUDA " + std::to_string(CUDART_VERSION / 1000);
    hardware.problem = "the NVIDIA driver is too old: it knows CUDA " + cuda_version_text(version) + ", grus needs " +
                       cuda_version_text(CUDART_VERSION / 1000 * 1000);
    hardware.advice = {advice_for_driver().front()};
    return;
  }
  driver.ok = true;
}

CudaComponent describe_gpu(int index, std::vector<int>& capabilities) {
  CudaComponent gpu;
  gpu.name = "GPU " + std::to_string(index);
  cudaDeviceProp properties = {};
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, index); error != cudaSuccess) {
    gpu.problem = cudaGetErrorString(error);
    return gpu;
  }
  gpu.file = properties.name;
  char text[64];
  std::snprintf(text, sizeof text, "compute capability %d.%d, %.1f GiB", properties.major, properties.minor,
                static_cast<double>(properties.totalGlobalMem) / (1 << 30));
  gpu.version = text;
  const int capability = properties.major * 10 + properties.minor;
  gpu.ok = capability >= kLeastCapability;
  if (gpu.ok) capabilities.push_back(capability);
  else gpu.problem = "too old, 7.5 (Turing) is the least";
  return gpu;
}

void find_gpus(Hardware& hardware) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    cudaGetLastError();   // or the next launch would seem to have failed
    CudaComponent& gpu = hardware.components.emplace_back();
    gpu.name = "GPU";
    gpu.problem = error == cudaSuccess ? "none" : std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
    hardware.problem = "the NVIDIA driver finds no GPU that it can use";
    if (error != cudaSuccess) hardware.problem += " (" + std::string(cudaGetErrorString(error)) + ")";
    hardware.advice = advice_for_gpus();
    return;
  }
  hardware.devices = count;
  for (int index = 0; index < count; ++index) {
    hardware.components.push_back(describe_gpu(index, hardware.capabilities));
    hardware.ok = hardware.ok || hardware.components.back().ok;
  }
  if (!hardware.ok) hardware.problem = hardware.components.back().file + ": " + hardware.components.back().problem;
}

}  // namespace

Hardware find_hardware() {
  Hardware hardware;
  find_driver(hardware);
  if (hardware.components.back().ok) find_gpus(hardware);
  return hardware;
}

}  // namespace grus::cuda
