#pragma once
#include <string>

namespace grus {

// Threads of a CPU engine that nobody told how many: one number for the process, from any thread.
// What set_default_threads said last, else GRUS_NUM_THREADS, else usable_cores(). The environment and the machine are looked at once.
// Error invalid_argument for a GRUS_NUM_THREADS that is no number from 1 to kMaximumThreads.
int default_threads();
void set_default_threads(int threads);   // Error invalid_argument outside of 1 .. kMaximumThreads

struct ThreadReport {
  int threads = 0;        // 0: none can be told, and reason is the complaint
  std::string reason;     // where the number comes from
};
ThreadReport report_threads();

}  // namespace grus
