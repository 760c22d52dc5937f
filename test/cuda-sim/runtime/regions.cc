#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>

#include "state.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define GRUS_POISON(pointer, bytes) ASAN_POISON_MEMORY_REGION(pointer, bytes)
#define GRUS_UNPOISON(pointer, bytes) ASAN_UNPOISON_MEMORY_REGION(pointer, bytes)
#define GRUS_UNCHECKED __attribute__((no_sanitize_address))
#else
#define GRUS_POISON(pointer, bytes) (void)0
#define GRUS_UNPOISON(pointer, bytes) (void)0
#define GRUS_UNCHECKED
#endif

// An allocation is a mapping of its own: guard page | slack | data | up to 255 bytes of slack | guard page. The slack next to the data holds
// a pattern that is NaN as floats. Freed mappings stay reserved for long, without access.
namespace grus::sim {
namespace {

constexpr size_t kAlignment = 256, kRedzone = 256, kMostFreed = 4096;
constexpr unsigned char kPattern[4] = {0xA5, 0xA5, 0xB5, 0xFF};

std::map<uintptr_t, Region>& regions() {
  static auto* all = new std::map<uintptr_t, Region>;
  return *all;
}

std::deque<uintptr_t>& freed() {
  static auto* all = new std::deque<uintptr_t>;
  return *all;
}

size_t page() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

struct Zone { unsigned char *from, *to; };

Zone before(const Region& region) {
  auto* first = reinterpret_cast<unsigned char*>(region.mapping + page());
  auto* data = reinterpret_cast<unsigned char*>(region.data);
  return {static_cast<size_t>(data - first) > kRedzone ? data - kRedzone : first, data};
}

Zone after(const Region& region) {
  return {reinterpret_cast<unsigned char*>(region.data + region.bytes),
          reinterpret_cast<unsigned char*>(region.mapping + region.mapped - page())};
}

GRUS_UNCHECKED void paint(Zone zone) {
  for (unsigned char* at = zone.from; at < zone.to; ++at) *at = kPattern[reinterpret_cast<uintptr_t>(at) % 4];
}

GRUS_UNCHECKED const unsigned char* damage(Zone zone) {
  for (const unsigned char* at = zone.from; at < zone.to; ++at)
    if (*at != kPattern[reinterpret_cast<uintptr_t>(at) % 4]) return at;
  return nullptr;
}

void check_redzone(const char* call, Region& region) {
  for (const Zone zone : {before(region), after(region)}) {
    const unsigned char* at = damage(zone);
    if (!at) continue;
    const auto offset = static_cast<long long>(reinterpret_cast<const char*>(at) - region.data);
    misuse(call, "something wrote at byte %lld of %s", offset, describe(region.data).c_str());
    paint(zone);
  }
}

// Where device memory is closed to the host, or a kernel runs into a guard page: says what was touched, which a core dump does not.
// AddressSanitizer does so itself.
#if defined(__SANITIZE_ADDRESS__)
void watch_faults() {}
#else
struct sigaction earlier;
void on_fault(int signal, siginfo_t* info, void* context) {
  if (find_region(info->si_addr) != nullptr) {
    std::fprintf(stderr, "grus-sim misuse: %s touched %s\n", in_work() ? "a kernel" : "the host", describe(info->si_addr).c_str());
    _exit(86);
  }
  if (earlier.sa_flags & SA_SIGINFO) return earlier.sa_sigaction(signal, info, context);
  sigaction(signal, &earlier, nullptr);
}

void watch_faults() {
  static bool watching = false;
  if (watching) return;
  watching = true;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &earlier);
}
#endif

bool closed_to_host() { return knob_number("PROTECT", 0) != 0; }

void set_closed(Region& region, bool closed) {
  if (region.closed == closed) return;
  region.closed = closed;
  mprotect(region.mapping + page(), region.mapped - 2 * page(), closed ? PROT_NONE : PROT_READ | PROT_WRITE);
}

void set_closed(int device, bool closed) {
  for (auto& [base, region] : regions())
    if (region.alive && region.place != Place::pinned && region.device == device) set_closed(region, closed);
}

// Whether anything is, so that eager work costs nothing.
bool some_closed = false;

}  // namespace

Region* find_region(const void* pointer) {
  const auto at = reinterpret_cast<uintptr_t>(pointer);
  auto next = regions().upper_bound(at);
  if (next == regions().begin()) return nullptr;
  Region& region = std::prev(next)->second;
  return at < reinterpret_cast<uintptr_t>(region.mapping) + region.mapped ? &region : nullptr;
}

Region* map_region(size_t bytes, Place place, int index) {
  static uint64_t number = 0;
  watch_faults();
  Region region;
  region.bytes = bytes;
  region.mapped = round_up(round_up(bytes, kAlignment) + 1, page()) + 2 * page();
  void* mapping = mmap(nullptr, region.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  region.mapping = static_cast<char*>(mapping);
  mprotect(region.mapping + page(), region.mapped - 2 * page(), PROT_READ | PROT_WRITE);
  region.data = region.mapping + region.mapped - page() - round_up(bytes, kAlignment);
  region.place = place;
  region.device = index;
  region.number = ++number;
  std::memset(region.data, 0xFF, bytes);   // NaN
  paint(before(region));
  paint(after(region));
  GRUS_POISON(region.mapping, static_cast<size_t>(region.data - region.mapping));
  GRUS_POISON(region.data + bytes, static_cast<size_t>(region.mapping + region.mapped - region.data) - bytes);
  Region& kept = regions().emplace(reinterpret_cast<uintptr_t>(region.mapping), region).first->second;
  if (place != Place::pinned && closed_to_host() && !in_work()) {
    some_closed = true;
    set_closed(kept, true);
  }
  return &kept;
}

void free_region(const char* call, Region& region) {
  set_closed(region, false);
  check_redzone(call, region);
  region.alive = false;
  mmap(region.mapping, region.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  GRUS_POISON(region.mapping, region.mapped);
  freed().push_back(reinterpret_cast<uintptr_t>(region.mapping));
  if (freed().size() <= kMostFreed) return;
  const auto oldest = regions().find(freed().front());
  GRUS_UNPOISON(oldest->second.mapping, oldest->second.mapped);
  munmap(oldest->second.mapping, oldest->second.mapped);
  regions().erase(oldest);
  freed().pop_front();
}

void check_redzones(const char* call, int index) {
  open_memory(index);
  for (auto& [base, region] : regions())
    if (region.alive && (region.place == Place::pinned || region.device == index)) check_redzone(call, region);
  close_memory(index);
}

void open_memory(int index) {
  if (some_closed) set_closed(index, false);
}

void close_memory(int index) {
  if (!closed_to_host()) return;
  some_closed = true;
  set_closed(index, true);
}

void count_regions(long long* device_count, long long* device_bytes, long long* pinned_count) {
  *device_count = *device_bytes = *pinned_count = 0;
  for (const auto& [base, region] : regions()) {
    if (!region.alive || region.place == Place::library) continue;
    if (region.place == Place::pinned) {
      ++*pinned_count;
    } else {
      ++*device_count;
      *device_bytes += static_cast<long long>(region.bytes);
    }
  }
}

std::string describe(const void* pointer) {
  char text[200];
  const Region* region = find_region(pointer);
  if (!region) {
    std::snprintf(text, sizeof text, "%p, which is ordinary host memory", pointer);
    return text;
  }
  const auto offset = static_cast<long long>(static_cast<const char*>(pointer) - region->data);
  const char* place = region->place == Place::pinned ? "pinned host" : region->place == Place::device ? "device" : "a library's device";
  std::snprintf(text, sizeof text, "byte %lld of a %s%s allocation (number %llu, %zu bytes, device %d)", offset,
                region->alive ? "" : "freed ", place, static_cast<unsigned long long>(region->number), region->bytes, region->device);
  return text;
}

}  // namespace grus::sim
