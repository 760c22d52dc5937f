#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "context.h"
#include "handles.h"

namespace grus::cuda {

// Transfers. Uploads neither wait for the GPU nor hold it up: host memory -> pinned memory at once, -> a staging room on the GPU by the
// stream of copies, -> the destination in the order of the work. Two slots in turn, a slot for all the uploads of one batch: while one is
// computed with, the next fills the other. Grows with the largest batch seen.
class Staging {
 public:
  explicit Staging(Context& context);

  // source may be reused on return; destination is written in stream order. Large ones are not staged, and wait.
  void upload(void* destination, const void* source, size_t bytes);
  // The same for what has been written to the room that stage gives: good until the next transfer, and nobody's if that never comes.
  void* stage(size_t bytes);
  void upload_staged(void* destination, size_t bytes);
  // Waits for all the work before it.
  void download(void* destination, const void* source, size_t bytes);
  // The batch's uploads are complete: the next go into the other slot, and wait there until that one's last batch has been taken over.
  void next_batch();
  // All the work has been waited for: every slot is free.
  void restart();
  size_t held() const { return held_; }      // bytes on the GPU

 private:
  struct Chunk {                             // room for both slots
    Buffer pinned, device;
    size_t bytes = 0;                        // of one slot
  };
  struct Slot {
    size_t chunk = 0, used = 0;              // which is being filled, and how far
    size_t total = 0;                        // of the batch
    Event taken;
    bool pending = false;                    // `taken` has been recorded and not waited for
  };
  struct Room {
    void *pinned = nullptr, *device = nullptr;
  };
  Room room(size_t bytes);
  void upload_waiting(void* destination, const void* source, size_t bytes);
  void add_chunk(size_t least);
  void refuse_in_capture() const;

  Context& context_;
  std::vector<Chunk> chunks_;
  Slot slots_[2];
  int current_ = 0;
  size_t held_ = 0;
  Event copied_;
  Room staged_;                              // of the last stage()
  std::unique_ptr<char[]> large_;            // what stage() gives for more than is worth pinning
  size_t large_bytes_ = 0;
  Buffer bounce_;                            // pinned; small downloads come through it
};

}  // namespace grus::cuda
