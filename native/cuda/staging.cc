#include "staging.h"

#include <algorithm>
#include <cstring>

#include "../core/error.h"
#include "faults.h"

namespace grus::cuda {
namespace {

constexpr size_t kUnit = 256;
constexpr size_t kSmallestChunk = size_t{1} << 16;
constexpr size_t kLargestUpload = size_t{64} << 20;    // beyond, pinned copies of it would be a waste
constexpr size_t kLargestBatch = size_t{128} << 20;    // beyond, the uploads of one batch use both slots in turn
constexpr size_t kLargestBounce = size_t{1} << 20;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Staging::Staging(Context& context) : context_(context) {
  context_.activate();
  const auto make = [this](Event& event, unsigned flags) {
    context_.check(cudaEventCreateWithFlags(event.out(), cudaEventDisableTiming | flags), "cudaEventCreateWithFlags");
  };
  make(copied_, 0);
  for (Slot& slot : slots_) make(slot.taken, cudaEventBlockingSync);   // the host is ahead of the GPU there, and may sleep
}

void Staging::upload(void* destination, const void* source, size_t bytes) {
  if (bytes == 0) return;
  if (bytes > kLargestUpload) return upload_waiting(destination, source, bytes);
  std::memcpy(stage(bytes), source, bytes);
  upload_staged(destination, bytes);
}

void* Staging::stage(size_t bytes) {
  context_.activate();
  refuse_in_capture();
  if (bytes <= kLargestUpload) {
    staged_ = room(bytes);
    return staged_.pinned;
  }
  if (bytes > large_bytes_) {
    large_bytes_ = 0;
    large_.reset();
    large_.reset(new char[bytes]);   // not zeroed
    large_bytes_ = bytes;
  }
  return large_.get();
}

void Staging::upload_staged(void* destination, size_t bytes) {
  if (bytes == 0) return;
  if (bytes > kLargestUpload) return upload_waiting(destination, large_.get(), bytes);
  context_.activate();
  const cudaStream_t stream = context_.stream(), copies = context_.copies();
  Slot& slot = slots_[current_];
  slot.used += round_up(bytes, kUnit);
  slot.total += round_up(bytes, kUnit);
  context_.check(cudaMemcpyAsync(staged_.device, staged_.pinned, bytes, cudaMemcpyHostToDevice, copies), "cudaMemcpyAsync");
  if (copies != stream) {
    context_.check(cudaEventRecord(copied_.get(), copies), "cudaEventRecord");
    context_.check(cudaStreamWaitEvent(stream, copied_.get(), 0), "cudaStreamWaitEvent");
  }
  context_.check(cudaMemcpyAsync(destination, staged_.device, bytes, cudaMemcpyDeviceToDevice, stream), "cudaMemcpyAsync");
}

void Staging::upload_waiting(void* destination, const void* source, size_t bytes) {
  context_.activate();
  refuse_in_capture();
  const cudaStream_t stream = context_.stream();
  context_.check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
  context_.check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  restart();
}

void Staging::download(void* destination, const void* source, size_t bytes) {
  context_.activate();
  refuse_in_capture();
  context_.check(cudaGetLastError(), "a kernel's launch");
  const bool small = bytes <= kLargestBounce;
  if (small && bounce_.bytes() < bytes) {
    const size_t room = std::max(kSmallestChunk, bytes <= kLargestBounce / 4 ? kLargestBounce / 4 : kLargestBounce);
    bounce_ = Buffer();
    bounce_ = context_.allocate_pinned(room);
  }
  void* target = small ? bounce_.as<void>() : destination;
  if (bytes > 0) {
    context_.check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, context_.stream()), "cudaMemcpyAsync");
  }
  context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
  restart();
  if (small && bytes > 0) std::memcpy(destination, target, bytes);
}

void Staging::next_batch() {
  Slot& slot = slots_[current_];
  if (slot.pending || slot.total == 0) return;   // nothing has come since
  context_.check(cudaEventRecord(slot.taken.get(), context_.stream()), "cudaEventRecord");
  slot.pending = true;
  current_ = 1 - current_;
}

void Staging::restart() {
  for (Slot& slot : slots_) {
    slot.chunk = slot.used = slot.total = 0;
    slot.pending = false;
  }
}

Staging::Room Staging::room(size_t bytes) {
  const size_t rounded = round_up(bytes, kUnit);
  if (!slots_[current_].pending && slots_[current_].total + rounded > kLargestBatch) next_batch();
  Slot& slot = slots_[current_];
  if (slot.pending) {
    context_.check(cudaEventSynchronize(slot.taken.get()), "cudaEventSynchronize");
    slot.chunk = slot.used = slot.total = 0;
    slot.pending = false;
  }
  while (slot.chunk < chunks_.size() && slot.used + rounded > chunks_[slot.chunk].bytes) {
    ++slot.chunk;
    slot.used = 0;
  }
  if (slot.chunk == chunks_.size()) add_chunk(rounded);
  const Chunk& chunk = chunks_[slot.chunk];
  const size_t offset = static_cast<size_t>(current_) * chunk.bytes + slot.used;
  return {chunk.pinned.as<char>() + offset, chunk.device.as<char>() + offset};
}

// As large as all those before it: few of them, however the batches grow.
void Staging::add_chunk(size_t least) {
  Chunk chunk;
  chunk.bytes = round_up(std::max(least, held_ / 2), kSmallestChunk);
  chunk.pinned = context_.allocate_pinned(2 * chunk.bytes);
  chunk.device = context_.allocate(2 * chunk.bytes);
  // zeroing it is work of the other stream
  if (context_.copies() != context_.stream()) context_.check(cudaStreamSynchronize(context_.stream()), "cudaStreamSynchronize");
  held_ += 2 * chunk.bytes;
  chunks_.push_back(std::move(chunk));
}

void Staging::refuse_in_capture() const {
  if (context_.capturing()) {
    throw Error(ErrorCode::device, where(context_.device()) + "host memory can be read or written only before or after a captured pass");
  }
}

}  // namespace grus::cuda
