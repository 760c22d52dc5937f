#pragma once
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "launch.h"

// What the tests of the simulation itself share.
struct Knob {
  Knob(const char* name, const char* value) : name_(std::string("GRUS_SIM_") + name) { setenv(name_.c_str(), value, 1); }
  ~Knob() { unsetenv(name_.c_str()); }
  std::string name_;
};

// Runs the body and expects that many violations of CUDA's rules.
inline int misuses_of(const std::function<void()>& body) {
  const int before = grus_sim_misuses();
  body();
  return grus_sim_misuses() - before;
}

struct Stream {
  explicit Stream(unsigned flags = cudaStreamNonBlocking) { CHECK(cudaStreamCreateWithFlags(&at, flags) == cudaSuccess); }
  ~Stream() { cudaStreamDestroy(at); }
  operator cudaStream_t() const { return at; }
  cudaStream_t at = nullptr;
};

struct Event {
  explicit Event(unsigned flags = cudaEventDefault) { CHECK(cudaEventCreateWithFlags(&at, flags) == cudaSuccess); }
  ~Event() { cudaEventDestroy(at); }
  operator cudaEvent_t() const { return at; }
  cudaEvent_t at = nullptr;
};

struct Floats {
  explicit Floats(int n, bool pinned = false) : count(n), pinned(pinned) {
    CHECK((pinned ? cudaMallocHost(&at, bytes()) : cudaMalloc(&at, bytes())) == cudaSuccess);
  }
  ~Floats() { pinned ? cudaFreeHost(at) : cudaFree(at); }
  size_t bytes() const { return static_cast<size_t>(count) * sizeof(float); }
  void set(const std::vector<float>& values) { CHECK(cudaMemcpy(at, values.data(), bytes(), cudaMemcpyHostToDevice) == cudaSuccess); }
  std::vector<float> get() const {
    std::vector<float> values(static_cast<size_t>(count));
    CHECK(cudaMemcpy(values.data(), at, bytes(), cudaMemcpyDeviceToHost) == cudaSuccess);
    return values;
  }
  int count;
  bool pinned;
  float* at = nullptr;
};

// y = a y + b
struct Affine {
  float* y;
  float a, b;
  GRUS_DEVICE void operator()(int64_t i) const { y[i] = a * y[i] + b; }
};

inline void affine(cudaStream_t stream, const Floats& y, float a, float b) {
  grus::cuda::for_each(stream, y.count, Affine{y.at, a, b});
}

// Every misuse here is on purpose: the count is checked, the exit status is the report's.
inline int report() {
  setenv("GRUS_SIM_MISUSE", "report", 1);
  return checks().report();
}
