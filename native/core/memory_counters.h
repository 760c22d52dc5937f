#pragma once
#include <atomic>
#include <cstdint>

namespace grus {

// What a session has allocated on its device. Read from any thread, and still there when the session that counted has gone.
struct MemoryCounters {
  std::atomic<int64_t> allocations{0};
  std::atomic<int64_t> bytes{0};
};

}  // namespace grus
