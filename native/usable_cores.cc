#include "usable_cores.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#endif

namespace grus {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// quota and period in microseconds as text; 0 where it is no limit: "max", -1, nothing.
double share(const std::string& quota, const std::string& period) {
  const double allowed = std::strtod(quota.c_str(), nullptr), of = std::strtod(period.c_str(), nullptr);
  return allowed > 0 && of > 0 ? allowed / of : 0;
}

double stricter(double a, double b) { return a > 0 && b > 0 ? std::min(a, b) : std::max(a, b); }

// The folder of the process' group under one mount, and every folder above it: a limit holds for all below. Inside a container the path may
// be the host's and not there: then the mount itself is the container's group.
double walk(const std::string& mount, std::string path, bool unified) {
  double limit = 0;
  while (true) {
    const std::string folder = mount + path + "/";
    if (unified) {
      const std::string line = first_line(folder + "cpu.max");
      const size_t space = line.find(' ');
      if (space != std::string::npos) limit = stricter(limit, share(line.substr(0, space), line.substr(space + 1)));
    } else {
      limit = stricter(limit, share(first_line(folder + "cpu.cfs_quota_us"), first_line(folder + "cpu.cfs_period_us")));
    }
    if (path.empty()) return limit;
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
}

bool lists(const std::string& names, const std::string& name) { return ("," + names + ",").find("," + name + ",") != std::string::npos; }

}  // namespace

int physical_cores(const std::string& root, const std::vector<int>& cpus) {
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    const std::string topology = root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    std::string siblings = first_line(topology + "core_cpus_list");
    if (siblings.empty()) siblings = first_line(topology + "thread_siblings_list");   // its name before Linux 5.3
    cores.insert(siblings.empty() ? "cpu" + std::to_string(cpu) : siblings);
  }
  return static_cast<int>(cores.size());
}

double cgroup_cpus(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  const std::string mounts = root + "/sys/fs/cgroup";
  double limit = 0;
  for (std::string line; std::getline(file, line);) {   // number:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (controllers.empty()) {
      limit = stricter(limit, stricter(walk(mounts, path, true), walk(mounts + "/unified", path, true)));
    } else if (lists(controllers, "cpu")) {
      limit = stricter(limit, stricter(walk(mounts + "/" + controllers, path, false), walk(mounts + "/cpu", path, false)));
    }
  }
  return limit;
}

UsableCores count_threads(int cores, double quota) {
  const int allowed = quota > 0 ? static_cast<int>(std::ceil(std::min(quota, 1e6))) : cores;
  UsableCores result;
  result.count = std::clamp(std::min(cores, allowed), 1, kMaximumThreads);
  result.reason = std::to_string(cores) + (cores == 1 ? " core" : " cores");
  if (quota > 0) {
    char text[48];
    std::snprintf(text, sizeof text, ", cgroup allows %.3g", quota);
    result.reason += text;
  }
  if (std::min(cores, allowed) > kMaximumThreads) result.reason += ", " + std::to_string(kMaximumThreads) + " is the most";
  return result;
}

UsableCores usable_cores() {
  const int logical = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#if defined(__linux__)
  std::vector<int> cpus;
  for (int sets = 1; sets <= 64; sets *= 4) {   // 1024 CPUs, 4096 ...: a set too small for the machine is refused
    std::vector<cpu_set_t> mask(static_cast<size_t>(sets));
    const size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) != 0) continue;
    for (int cpu = 0; cpu < sets * CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET_S(static_cast<size_t>(cpu), bytes, mask.data())) cpus.push_back(cpu);
    }
    break;
  }
  return count_threads(cpus.empty() ? logical : physical_cores("", cpus), cgroup_cpus(""));
#elif defined(__APPLE__)
  int cores = 0;
  for (const char* name : {"hw.perflevel0.physicalcpu", "hw.physicalcpu"}) {   // the fast ones, where there are two kinds
    size_t bytes = sizeof cores;
    if (sysctlbyname(name, &cores, &bytes, nullptr, 0) == 0 && cores > 0) return count_threads(cores, 0);
  }
  return count_threads(logical, 0);
#elif defined(_WIN32)
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> all(bytes / sizeof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION));
  DWORD_PTR process = 0, system = 0;
  int cores = 0;
  if (!all.empty() && GetLogicalProcessorInformation(all.data(), &bytes) &&
      GetProcessAffinityMask(GetCurrentProcess(), &process, &system)) {
    for (const auto& one : all) cores += one.Relationship == RelationProcessorCore && (one.ProcessorMask & process) != 0;
  }
  return count_threads(cores > 0 ? cores : logical, 0);
#else
  return count_threads(logical, 0);
#endif
}

}  // namespace grus
