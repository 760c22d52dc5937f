#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace grus {

// What became of a session's passes where the engine can capture them.
struct GraphCounters {
  std::atomic<int64_t> captures{0}, replays{0};
  std::atomic<int64_t> eager{0};               // passes enqueued as they are
  std::atomic<int64_t> refusals{0};            // captures that came to nothing
  std::atomic<int64_t> nodes{0}, bytes{0};     // held now; bytes of device memory are an estimate

  void refuse(const std::string& reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_refusal_ = reason;
    ++refusals;
  }
  std::string last_refusal() const {           // empty: none
    const std::lock_guard<std::mutex> lock(mutex_);
    return last_refusal_;
  }

 private:
  mutable std::mutex mutex_;
  std::string last_refusal_;
};

// What a session has allocated on its device. Read from any thread, and still there when the session that counted has gone.
struct MemoryCounters {
  std::atomic<int64_t> allocations{0};
  std::atomic<int64_t> bytes{0};
  std::unique_ptr<GraphCounters> graphs;       // null: the engine captures nothing; set before a second thread knows of it
};

}  // namespace grus
