#include "thread_setting.h"

#include <atomic>
#include <cstdlib>

#include "core/error.h"
#include "usable_cores.h"

namespace grus {
namespace {

std::atomic<int>& setting() {
  static std::atomic<int> threads{0};   // 0: not set
  return threads;
}

std::string range() { return "1 to " + std::to_string(kMaximumThreads); }

ThreadReport look() {
  const char* text = std::getenv("GRUS_NUM_THREADS");
  if (text && *text) {
    char* end = nullptr;
    const long number = std::strtol(text, &end, 10);
    if (*end != '\0' || number < 1 || number > kMaximumThreads) {
      throw Error(ErrorCode::invalid_argument, "[device] GRUS_NUM_THREADS must be " + range() + ", got '" + text + "'");
    }
    return {static_cast<int>(number), "GRUS_NUM_THREADS"};
  }
  const UsableCores cores = usable_cores();
  return {cores.count, cores.reason};
}

// Once, since getenv beside a thread that sets the environment is a race.
const ThreadReport& found() {
  static const ThreadReport report = look();
  return report;
}

}  // namespace

int default_threads() {
  const int set = setting().load(std::memory_order_relaxed);
  return set > 0 ? set : found().threads;
}

void set_default_threads(int threads) {
  if (threads < 1 || threads > kMaximumThreads) {
    const std::string came = std::to_string(threads);
    throw Error(ErrorCode::invalid_argument, "[setThreads] threads must be an integer from " + range() + ", got " + came);
  }
  setting().store(threads, std::memory_order_relaxed);
}

ThreadReport report_threads() {
  if (const int set = setting().load(std::memory_order_relaxed); set > 0) return {set, "setThreads"};
  try {
    return found();
  } catch (const Error& error) {
    return {0, error.what()};
  }
}

}  // namespace grus
