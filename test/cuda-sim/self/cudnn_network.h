#pragma once
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cuda/api/cudnn.h"
#include "cudnn/numbers.h"
#include "sim.h"

// One GRU on the simulated cuDNN, driven through the C API as the engine drives it. Values are doubles here, of the network's type there.
namespace network {

using namespace grus::cudnn;
using Values = std::vector<double>;

// The library beside the test programs' folder.
inline void* symbol(const std::string& name) {
  static void* library = [] {
    Dl_info runtime{};
    dladdr(reinterpret_cast<void*>(&grus_sim_misuses), &runtime);
    const std::string path = runtime.dli_fname;
    void* opened = dlopen((path.substr(0, path.rfind('/') + 1) + "libcudnn.so.9").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!opened) std::printf("%s\n", dlerror()), std::exit(1);
    return opened;
  }();
  return dlsym(library, name.c_str());
}

inline const Api& api() {
  static const Api table = [] {
    Api t{};
#define GRUS_TAKE(name) t.name = reinterpret_cast<decltype(t.name)>(symbol("cudnn" #name));
    GRUS_TAKE(GetVersion) GRUS_TAKE(GetCudartVersion) GRUS_TAKE(GetErrorString) GRUS_TAKE(GetLastErrorString) GRUS_TAKE(Create)
    GRUS_TAKE(Destroy) GRUS_TAKE(SetStream) GRUS_TAKE(OpsVersionCheck) GRUS_TAKE(AdvVersionCheck) GRUS_TAKE(CreateTensorDescriptor)
    GRUS_TAKE(DestroyTensorDescriptor) GRUS_TAKE(SetTensorNdDescriptor) GRUS_TAKE(GetTensorNdDescriptor)
    GRUS_TAKE(CreateDropoutDescriptor) GRUS_TAKE(DestroyDropoutDescriptor) GRUS_TAKE(SetDropoutDescriptor)
    GRUS_TAKE(CreateRNNDescriptor) GRUS_TAKE(DestroyRNNDescriptor) GRUS_TAKE(SetRNNDescriptor_v8) GRUS_TAKE(BuildRNNDynamic)
    GRUS_TAKE(GetRNNTempSpaceSizes) GRUS_TAKE(GetRNNWeightSpaceSize) GRUS_TAKE(GetRNNWeightParams) GRUS_TAKE(CreateRNNDataDescriptor)
    GRUS_TAKE(DestroyRNNDataDescriptor) GRUS_TAKE(SetRNNDataDescriptor) GRUS_TAKE(RNNForward) GRUS_TAKE(RNNBackwardData_v8)
    GRUS_TAKE(RNNBackwardWeights_v8)
#undef GRUS_TAKE
    return t;
  }();
  return table;
}

inline int category_of(Status status) { return static_cast<int>(category(status)); }
inline std::string last_error() {
  char text[256];
  api().GetLastErrorString(text, sizeof text);
  return text;
}

// A knob of the simulation, for as long as this lives: GRUS_SIM_<name>.
class Knob {
 public:
  Knob(const char* name, const char* value) : name_(std::string("GRUS_SIM_") + name) { setenv(name_.c_str(), value, 1); }
  ~Knob() { unsetenv(name_.c_str()); }
  Knob(const Knob&) = delete;
  Knob& operator=(const Knob&) = delete;

 private:
  std::string name_;
};

// Device memory that holds values of one type.
class Array {
 public:
  Array(DataType type, size_t count) : type_(type), bytes_(count * grus::sim::dnn::size_of(type)) { cudaMalloc(&data_, bytes_); }
  ~Array() { cudaFree(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  void set(const Values& values) {
    std::vector<char> raw(bytes_);
    for (size_t i = 0; i < values.size(); ++i) grus::sim::dnn::store(type_, raw.data(), i, values[i]);
    cudaMemcpy(data_, raw.data(), bytes_, cudaMemcpyHostToDevice);
  }
  Values get() const {
    std::vector<char> raw(bytes_);
    cudaMemcpy(raw.data(), data_, bytes_, cudaMemcpyDeviceToHost);
    Values values(bytes_ / grus::sim::dnn::size_of(type_));
    for (size_t i = 0; i < values.size(); ++i) values[i] = grus::sim::dnn::load(type_, raw.data(), i);
    return values;
  }
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  DataType type_;
  size_t bytes_;
  void* data_ = nullptr;
};

// Numbers in [-scale, scale], the same for the same seed.
inline Values random(size_t count, unsigned long long seed, double scale = 1) {
  Values values(count);
  for (double& value : values) {
    seed = grus::sim::mix(seed);
    value = (static_cast<double>(seed >> 11) / static_cast<double>(1ull << 52) - 1) * scale;
  }
  return values;
}

}  // namespace network
