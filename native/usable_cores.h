#pragma once
#include <string>
#include <vector>

namespace grus {

// How many threads are worth having: one a core. Two on one core's hyper-threads are no faster than one, and threads beyond a container's
// share are put to sleep in the middle of their work while the others wait for them.
struct UsableCores {
  int count = 1;          // 1 .. kMaximumThreads
  std::string reason;     // "4 cores, cgroup allows 1.5"
};
constexpr int kMaximumThreads = 64;
UsableCores usable_cores();

// What Linux says. root: "", or a folder that stands for / in a test.
// Cores that these CPUs lie on; one of which nothing is known is a core.
int physical_cores(const std::string& root, const std::vector<int>& cpus);
// The CPUs' worth of time that the control groups of this process allow it, the strictest of them; 0: no limit. Both versions of them.
double cgroup_cpus(const std::string& root);
// quota: as cgroup_cpus.
UsableCores count_threads(int cores, double quota);

}  // namespace grus
