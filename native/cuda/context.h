#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "../core/buffer.h"
#include "../core/memory_counters.h"
#include "../engine_options.h"
#include "lanes.h"
#include "load/libraries.h"

namespace grus::cuda {

// A session's GPU. Made on any thread, then used from one at a time; every public entry of the backend calls activate() first.
class Context {
 public:
  // Error: backend_unavailable, invalid_argument (index), unsupported (precision)
  explicit Context(const EngineOptions& options);   // its end waits for the work in flight and gives the lane back
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Makes the GPU current on this thread. Error device when an earlier fault has made the GPU unusable, with the first cause.
  void activate();

  cudaStream_t stream() const { return lane_ ? lane_->stream : nullptr; }   // null while the lane is being made
  cudaStream_t copies() const { return lane_->copies; }
  cudnn::Handle cudnn_handle() const { return lane_->cudnn; }
  cublas::Handle cublas_handle() const { return lane_->cublas; }
  const cudnn::Api& cudnn() const { return libraries_.cudnn; }
  const cublas::Api& cublas() const { return libraries_.cublas; }
  const Libraries& libraries() const { return libraries_; }
  const EngineOptions& options() const { return options_; }              // tf32 is float32 where the GPU has none
  int device() const { return device_; }
  const std::string& device_name() const { return device_name_; }        // "NVIDIA H200"
  int compute_capability() const { return compute_capability_; }         // 90 is 9.0
  int multiprocessors() const { return multiprocessors_; }

  // Each throws Error with what was called and the library's own words: out_of_memory, unsupported, or device. A fault that CUDA will not
  // recover from is kept, see activate().
  void check(cudaError_t error, const char* call);
  void check(cudnn::Status status, const char* call, const std::string& details = "");
  void check(cublas::Status status, const char* call, const std::string& details = "");
  // Of a status that is no failure to the caller: throws out_of_memory where the cause may be a GPU with hardly any memory left.
  void check_memory(cudnn::Status status, const char* call);
  void synchronize();                    // waits for both streams; throws what went wrong in them

  // Zeroed, aligned to 256 bytes, on this GPU; freed on any thread. Where there is no room, what set_reclaim names is given up first. Error
  // out_of_memory names the need, what is free, and what to lower; the context stays usable. Counted in memory_counters(), unless the
  // session counts it.
  Buffer allocate(size_t bytes);
  Buffer allocate_uncounted(size_t bytes);
  Buffer allocate_pinned(size_t bytes);  // on the host, not zeroed

  const std::shared_ptr<MemoryCounters>& memory_counters() const { return counters_; }
  GraphCounters& graph_counters();       // from the first call on a part of the memory counters
  // Frees memory that can be had again, and says about how many bytes; never called while a pass is being enqueued.
  void set_reclaim(std::function<int64_t()> reclaim) { reclaim_ = std::move(reclaim); }

  // Fixed room for the partial results of reduce_all, see launch.h.
  void* scratch() const { return scratch_.as<void>(); }

  // Whether an enqueue of Backend::run is under way, and whether it is being captured (nothing may allocate or wait then).
  bool running() const { return running_; }
  bool capturing() const { return capturing_; }
  void set_running(bool running, bool capturing) { running_ = running; capturing_ = capturing; }

 private:
  const int device_;
  const Libraries& libraries_;
  EngineOptions options_;
  std::string device_name_;
  int compute_capability_ = 0, multiprocessors_ = 0;
  bool running_ = false, capturing_ = false;
  std::function<int64_t()> reclaim_;
  const std::shared_ptr<MemoryCounters> counters_ = std::make_shared<MemoryCounters>();
  LeasedLane lane_;
  Buffer scratch_;                       // after the lane, so that it goes before it
};

// Another GPU is current on this thread meanwhile.
class OnDevice {
 public:
  explicit OnDevice(int device);
  ~OnDevice();
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0, device_ = 0;
};

constexpr size_t kScratchBytes = size_t{1} << 16;

}  // namespace grus::cuda
