#pragma once
#include <cstddef>
#include <vector>

#include "context.h"

namespace grus::cuda {

// Uploads that neither wait for the GPU nor hold it up: host memory -> pinned memory at once, -> a staging room on the GPU by the stream
// of copies, -> the destination in the order of the work. Two slots in turn, a slot for all the uploads of one batch: while one is
// computed with, the next fills the other. Grows to the largest batch seen.
class Staging {
 public:
  explicit Staging(Context& context) : context_(context) {}
  ~Staging();

  // source may be reused on return; destination is written in stream order.
  void upload(void* destination, const void* source, size_t bytes);
  // The batch's uploads are complete: the next go into the other slot, which waits until that one's last batch has been taken over.
  void next_batch();
  size_t held() const;                       // bytes on the GPU

 private:
  struct Chunk {
    void* pinned = nullptr;
    Buffer device;
    size_t bytes = 0;
  };
  struct Slot {
    std::vector<Chunk> chunks;
    size_t used = 0, chunk = 0;              // of the chunk at hand
    cudaEvent_t copied = nullptr, taken = nullptr;
    bool pending = false;                    // `taken` has been recorded and not waited for
  };
  Chunk& room(Slot& slot, size_t bytes);
  Context& context_;
  Slot slots_[2];
  int current_ = 0;
};

}  // namespace grus::cuda
