#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "state.h"

namespace grus::sim {
namespace {

std::atomic<int> misuses{0};

void at_exit() {
  if (knob_number("LEAKS", 0) != 0) {
    long long device_count = 0, device_bytes = 0, pinned_count = 0;
    const Lock lock(state().mutex);
    count_regions(&device_count, &device_bytes, &pinned_count);
    std::fprintf(stderr, "grus-sim leaks: %lld device allocations (%lld bytes), %lld pinned, %zu streams, %zu events, %zu graphs, %zu execs\n",
                 device_count, device_bytes, pinned_count, state().streams.size(), state().events.size(), state().graphs.size(),
                 state().execs.size());
  }
  if (misuses == 0 || knob("MISUSE") == "report") return;
  std::fprintf(stderr, "grus-sim misuse: %d in all\n", misuses.load());
  std::fflush(nullptr);
  _exit(86);
}

struct Registration {
  Registration() { std::atexit(at_exit); }
} registration;

}  // namespace

void misuse(const char* call, const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (++misuses <= 200) std::fprintf(stderr, "grus-sim misuse: %s: %s\n", call, text);
  note(call, text);
}

void note(const char* call, const char* text) {
  const std::string path = knob("LOG");
  if (path.empty()) return;
  if (std::FILE* file = std::fopen(path.c_str(), "a")) {
    std::fprintf(file, "%s: %s\n", call, text);
    std::fclose(file);
  }
}

void reset_counters();

}  // namespace grus::sim

using namespace grus::sim;

int grus_sim_misuses() { return misuses; }

void grus_sim_reset() {
  const Lock lock(state().mutex);
  misuses = 0;
  reset_counters();
  state().launches = state().waits = state().faults_counted = state().hang_counted = 0;
  errors().last = cudaSuccess;
  for (auto& device : state().devices) device->fault = cudaSuccess, device->hung = false;
}

long long grus_sim_launches() {
  const Lock lock(state().mutex);
  return state().launches;
}

long long grus_sim_waits() {
  const Lock lock(state().mutex);
  return state().waits;
}
