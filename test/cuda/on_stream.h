#pragma once
#include <cuda_runtime_api.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "core/error.h"
#include "cuda/context.h"
#include "ops_support.h"

// For kernels that are no operation of the backend by themselves.
namespace grus {

class Stream {
 public:
  // Null, with the reason printed, where there is no GPU to test.
  static std::unique_ptr<Stream> open() {
    try {
      return std::make_unique<Stream>();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::backend_unavailable) throw;
      std::printf("skipped: %s\n", error.what());
      return nullptr;
    }
  }
  Stream() : context_(EngineOptions()) { context_.activate(); }
  cudaStream_t stream() const { return context_.stream(); }
  Buffer allocate(size_t bytes) { return context_.allocate(bytes); }
  // Waits for the kernels before it, whose errors it throws.
  void copy(void* destination, const void* source, size_t bytes, cudaMemcpyKind kind) {
    context_.check(cudaGetLastError(), "a kernel's launch");
    if (bytes > 0) context_.check(cudaMemcpyAsync(destination, source, bytes, kind, context_.stream()), "cudaMemcpyAsync");
    context_.synchronize();
  }

 private:
  cuda::Context context_;
};

// Values on the device, `shift` elements behind the start of an allocation.
template <class T>
class OnStream {
 public:
  OnStream(Stream& stream, const std::vector<T>& values, size_t shift = 0)
      : stream_(stream), count_(values.size()), memory_(stream.allocate((values.size() + shift) * sizeof(T) + 1)),
        data_(memory_.template as<T>() + shift) {
    stream.copy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    stream_.copy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
  }

 private:
  Stream& stream_;
  size_t count_;
  Buffer memory_;
  T* data_;
};

}  // namespace grus
