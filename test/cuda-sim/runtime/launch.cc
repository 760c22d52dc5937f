#include <cstdio>
#include <cstring>

#include "state.h"

namespace grus::sim {
namespace {

struct Range { uintptr_t from, to; };

// What the program has mapped, other than device and pinned memory: nothing there is for a kernel.
bool is_host_memory(uintptr_t address) {
  static auto* ranges = new std::vector<Range>;
  auto inside = [&] {
    for (const Range& range : *ranges)
      if (address >= range.from && address < range.to) return true;
    return false;
  };
  if (inside()) return true;
  ranges->clear();
  if (std::FILE* maps = std::fopen("/proc/self/maps", "r")) {
    char line[512];
    unsigned long from, to;
    char access[8];
    while (std::fgets(line, sizeof line, maps))
      if (std::sscanf(line, "%lx-%lx %7s", &from, &to, access) == 3 && access[0] == 'r') ranges->push_back({from, to});
    std::fclose(maps);
  }
  return inside();
}

// Every eight bytes of the parameters that look like an address have to be one that a kernel of this device may follow.
void scan(const char* call, const void* parameters, size_t bytes, int index) {
  for (size_t at = 0; at + sizeof(uintptr_t) <= bytes; at += sizeof(uintptr_t)) {
    uintptr_t word;
    std::memcpy(&word, static_cast<const char*>(parameters) + at, sizeof word);
    if (word >> 40 < 0x55 || word >> 40 > 0x7F) continue;
    const auto* pointer = reinterpret_cast<const void*>(word);
    const Region* region = find_region(pointer);
    if (region) {
      if (!region->alive || (region->place != Place::pinned && region->device != index)) {
        misuse(call, "the functor's bytes %zu to %zu point to %s, on a stream of device %d", at, at + 7, describe(pointer).c_str(), index);
      }
    } else if (is_host_memory(word)) {
      misuse(call, "the functor's bytes %zu to %zu point to ordinary host memory, %p", at, at + 7, pointer);
    }
  }
}

}  // namespace

bool scrambled() { return deferred(); }

Loading load(const char* call, unsigned long long code) {
  constexpr size_t kBytes = size_t{64} << 10;
  const Lock lock(state().mutex);
  Device& here = current();
  if (knob_number("WARMUP", 0) == 0 || here.loaded.count(code)) return Loading::there;
  if (!allowed_during_capture(call)) return Loading::refused;
  here.loaded.insert(code);
  here.used += kBytes;
  return Loading::first;
}

void launch(const char* call, const void* kernel, cudaStream_t stream, double microseconds, const void* parameters, size_t bytes,
            std::function<void()> work) {
  const Lock lock(state().mutex);
  int code = 0;
  cudaError_t error = cudaSuccess;
  if (injected(call, &code)) {
    error = static_cast<cudaError_t>(code);
  } else {
    const int index = stream_device(stream);
    if (index >= 0 && knob_number("SCAN", 1) != 0) scan(call, parameters, bytes, index);
    const Loading loading = load(call, reinterpret_cast<uintptr_t>(kernel));
    error = loading == Loading::refused
                ? cudaErrorStreamCaptureUnsupported
                : enqueue(call, stream, microseconds + (loading == Loading::first ? kLoadingMicroseconds : 0), std::move(work));
  }
  end_call(error);
}

}  // namespace grus::sim
