#include <cstdio>
#include <cstring>

#include "state.h"

using namespace grus::sim;

namespace {

// 90 is 9.0
int capability() { return static_cast<int>(knob_number("CAPABILITY", 90)); }

bool exists(int index) {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && index >= 0 && index < count;
}

}  // namespace

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  return api("cudaGetDeviceProperties", Needs::driver, [&] {
    if (!exists(index)) return cudaErrorInvalidDevice;
    *properties = {};
    std::snprintf(properties->name, sizeof properties->name, "%s", knob("NAME", "Simulated GPU").c_str());
    std::memset(properties->uuid.bytes, index + 1, sizeof properties->uuid.bytes);
    properties->totalGlobalMem = memory_limit();
    properties->sharedMemPerBlock = 48 << 10;
    properties->sharedMemPerMultiprocessor = 228 << 10;
    properties->sharedMemPerBlockOptin = 227 << 10;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->major = capability() / 10;
    properties->minor = capability() % 10;
    properties->multiProcessorCount = 132;
    properties->memoryBusWidth = 5120;
    properties->l2CacheSize = 50 << 20;
    properties->unifiedAddressing = properties->concurrentKernels = 1;
    properties->asyncEngineCount = 3;
    properties->pciBusID = index + 1;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  return api("cudaDeviceGetAttribute", Needs::driver, [&] {
    if (!exists(index)) return cudaErrorInvalidDevice;
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
      case cudaDevAttrWarpSize: *value = 32; break;
      case cudaDevAttrClockRate: *value = 1980000; break;
      case cudaDevAttrMultiProcessorCount: *value = 132; break;
      case cudaDevAttrComputeMode: *value = 0; break;
      case cudaDevAttrPciBusId: *value = index + 1; break;
      case cudaDevAttrPciDeviceId: *value = 0; break;
      case cudaDevAttrPciDomainId: *value = 0; break;
      case cudaDevAttrMemoryClockRate: *value = 2619000; break;
      case cudaDevAttrGlobalMemoryBusWidth: *value = 5120; break;
      case cudaDevAttrL2CacheSize: *value = 50 << 20; break;
      case cudaDevAttrUnifiedAddressing: *value = 1; break;
      case cudaDevAttrComputeCapabilityMajor: *value = capability() / 10; break;
      case cudaDevAttrComputeCapabilityMinor: *value = capability() % 10; break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = 228 << 10; break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 227 << 10; break;
      default: return cudaErrorInvalidValue;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int index) {
  return api("cudaDeviceGetPCIBusId", Needs::driver, [&] {
    if (!exists(index)) return cudaErrorInvalidDevice;
    std::snprintf(id, static_cast<size_t>(length), "0000:%02x:00.0", static_cast<unsigned>(index + 1));
    return cudaSuccess;
  });
}
