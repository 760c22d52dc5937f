// How many threads a machine is worth, from trees that stand for what Linux says in /proc and /sys.
#include "usable_cores.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "thread_setting.h"

namespace files = std::filesystem;
using grus::cgroup_cpus;
using grus::count_threads;
using grus::physical_cores;

namespace {

class Tree {
 public:
  Tree() : root_(files::temp_directory_path() / ("grus-cores-" + std::to_string(std::random_device()()))) {}
  ~Tree() {
    std::error_code ignored;
    files::remove_all(root_, ignored);
  }
  void write(const std::string& path, const std::string& text) const {
    files::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  std::string root() const { return root_.string(); }

 private:
  const files::path root_;
};

std::string topology(int cpu, const char* file) { return "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + file; }

void hyper_threads_count_once() {
  const Tree tree;
  for (int cpu = 0; cpu < 4; ++cpu) tree.write(topology(cpu, "core_cpus_list"), cpu % 2 == 0 ? "0,2" : "1,3");
  CHECK(physical_cores(tree.root(), {0, 1, 2, 3}) == 2);
  CHECK(physical_cores(tree.root(), {0, 2}) == 1);
  CHECK(physical_cores(tree.root(), {0, 3}) == 2);
  CHECK(physical_cores(tree.root(), {3}) == 1);
}

void older_and_unknown_machines() {
  const Tree tree;
  tree.write(topology(0, "thread_siblings_list"), "0-1");
  tree.write(topology(1, "thread_siblings_list"), "0-1");
  CHECK(physical_cores(tree.root(), {0, 1}) == 1);
  CHECK(physical_cores(tree.root(), {0, 1, 2, 3}) == 3);
  CHECK(physical_cores(Tree().root(), {0, 1, 5}) == 3);
}

void limits_of_version_2() {
  const Tree tree;
  CHECK(cgroup_cpus(tree.root()) == 0);
  tree.write("proc/self/cgroup", "0::/system.slice/app.service");
  CHECK(cgroup_cpus(tree.root()) == 0);
  tree.write("sys/fs/cgroup/system.slice/app.service/cpu.max", "max 100000");
  CHECK(cgroup_cpus(tree.root()) == 0);
  tree.write("sys/fs/cgroup/system.slice/cpu.max", "250000 100000");
  CHECK(cgroup_cpus(tree.root()) == 2.5);
  tree.write("sys/fs/cgroup/system.slice/app.service/cpu.max", "150000 100000");
  CHECK(cgroup_cpus(tree.root()) == 1.5);
  tree.write("sys/fs/cgroup/cpu.max", "50000 100000");
  CHECK(cgroup_cpus(tree.root()) == 0.5);
}

void in_a_container() {
  const Tree own;   // with a namespace of its own
  own.write("proc/self/cgroup", "0::/");
  own.write("sys/fs/cgroup/cpu.max", "300000 100000");
  CHECK(cgroup_cpus(own.root()) == 3);
  const Tree host;   // without one: the path is the host's
  host.write("proc/self/cgroup", "0::/docker/0123abcd");
  host.write("sys/fs/cgroup/cpu.max", "400000 100000");
  CHECK(cgroup_cpus(host.root()) == 4);
}

void limits_of_version_1() {
  const Tree tree;
  tree.write("proc/self/cgroup", "12:cpuset:/\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/");
  const std::string group = "sys/fs/cgroup/cpu,cpuacct/docker/abc/";
  tree.write(group + "cpu.cfs_quota_us", "-1");
  tree.write(group + "cpu.cfs_period_us", "100000");
  CHECK(cgroup_cpus(tree.root()) == 0);
  tree.write(group + "cpu.cfs_quota_us", "125000");
  CHECK(cgroup_cpus(tree.root()) == 1.25);
  const Tree alone;
  alone.write("proc/self/cgroup", "3:cpu:/");
  alone.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000");
  alone.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000");
  CHECK(cgroup_cpus(alone.root()) == 4);
  alone.write("sys/fs/cgroup/unified/cpu.max", "100000 100000");
  CHECK(cgroup_cpus(alone.root()) == 4);
  alone.write("proc/self/cgroup", "3:cpu:/\n0::/");
  CHECK(cgroup_cpus(alone.root()) == 1);
}

void nonsense_is_no_limit() {
  const Tree tree;
  tree.write("proc/self/cgroup", "\nnonsense\n0:\n0::nowhere\n0::/a/../b/\n7:cpu\n:::");
  for (const char* text : {"", "max", "100000", "-5 100000", "100000 0", "x y", "nan nan", "1e999 1"}) {
    tree.write("sys/fs/cgroup/cpu.max", text);
    const double limit = cgroup_cpus(tree.root());
    const int threads = count_threads(8, limit).count;
    CHECK(threads >= 1 && threads <= 8);
  }
}

void the_number() {
  CHECK(count_threads(4, 0).count == 4);
  CHECK(count_threads(4, 0).reason == "4 cores");
  CHECK(count_threads(1, 0).reason == "1 core");
  CHECK(count_threads(4, 1.5).count == 2);
  CHECK(count_threads(4, 1.5).reason == "4 cores, cgroup allows 1.5");
  CHECK(count_threads(4, 0.1).count == 1);
  CHECK(count_threads(2, 16).count == 2);
  CHECK(count_threads(0, 0).count == 1);
  CHECK(count_threads(96, 0).count == 64);
  CHECK(count_threads(96, 0).reason == "96 cores, 64 is the most");
  CHECK(count_threads(96, 80).count == 64);
  const grus::UsableCores here = grus::usable_cores();
  CHECK(here.count >= 1 && here.count <= grus::kMaximumThreads && !here.reason.empty());
}

void the_setting() {
  const auto refused = [](int threads) {
    try {
      grus::set_default_threads(threads);
      return false;
    } catch (const grus::Error& error) {
      return error.code() == grus::ErrorCode::invalid_argument;
    }
  };
  CHECK(grus::default_threads() >= 1);
  const int before = grus::default_threads();
  CHECK(refused(0) && refused(-1) && refused(65));
  CHECK(grus::default_threads() == before);
  grus::set_default_threads(7);
  CHECK(grus::default_threads() == 7);
  CHECK(grus::report_threads().threads == 7 && grus::report_threads().reason == "setThreads");
}

}  // namespace

int main() {
  hyper_threads_count_once();
  older_and_unknown_machines();
  limits_of_version_2();
  in_a_container();
  limits_of_version_1();
  nonsense_is_no_limit();
  the_number();
  the_setting();
  return checks().report();
}
