#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend.h"
#include "core/error.h"

namespace grus {

// Allocates from a backend and counts what is held.
class Memory {
 public:
  explicit Memory(Backend& backend) : backend_(backend), counters_(backend.memory_counters()) {}

  Buffer allocate(size_t bytes) {
    bytes = bytes == 0 ? 64 : bytes;
    auto held = std::make_shared<Buffer>(backend_.allocate(bytes));
    auto counters = counters_;
    counters->allocations += 1;
    counters->bytes += static_cast<int64_t>(bytes);
    void* data = held->as<void>();
    return Buffer(data, bytes, [held, counters, bytes](void*) mutable {
      held.reset();
      counters->bytes -= static_cast<int64_t>(bytes);
    });
  }

  const std::shared_ptr<MemoryCounters>& counters() const { return counters_; }
  Backend& backend() { return backend_; }

 private:
  Backend& backend_;
  std::shared_ptr<MemoryCounters> counters_;
};

// One buffer cut into views: begin, place every view, commit. The same placements give the same addresses until commit says it grew.
// What lay in the buffer does not survive a growth.
class Arena {
 public:
  void begin() {
    slots_.clear();
    used_ = 0;
  }

  template <class T> void place(T*& view, int64_t count) {
    view = nullptr;
    constexpr uint64_t limit = uint64_t{1} << 48;
    const uint64_t bytes = (static_cast<uint64_t>(count) * unit<T>() + 255) / 256 * 256;
    if (static_cast<uint64_t>(count) > limit || used_ + bytes > limit) {
      throw Error(ErrorCode::out_of_memory, "[memory] a batch of this size needs more than " + std::to_string(limit) + " bytes");
    }
    slots_.push_back({&view, used_});
    used_ += bytes;
  }

  void* data() const { return buffer_.as<void>(); }
  size_t used() const { return static_cast<size_t>(used_); }   // from the first view's start to behind the last one

  // Until the next commit nothing is held.
  void release() { buffer_ = Buffer(); }

  bool commit(Memory& memory) {
    const bool grew = used_ > buffer_.bytes();
    if (grew) {
      buffer_ = Buffer();   // first, so that old and new are never held together
      buffer_ = memory.allocate(used_);
    }
    for (const Slot& slot : slots_) {
      void* address = buffer_.as<char>() + slot.offset;
      std::memcpy(slot.view, &address, sizeof address);
    }
    return grew;
  }

 private:
  template <class T> static constexpr size_t unit() {
    if constexpr (std::is_void_v<T>) return 1;
    else return sizeof(T);
  }
  struct Slot {
    void* view;        // the address of a T*
    uint64_t offset;
  };
  std::vector<Slot> slots_;
  uint64_t used_ = 0;
  Buffer buffer_;
};

}  // namespace grus
