#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "cpu/team.h"
#include "thread_setting.h"

using grus::Team;

namespace {

void every_task_once(Team& team, int64_t tasks) {
  std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
  team.parallel(tasks, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
  bool once = true;
  for (const auto& count : runs) once = once && count == 1;
  CHECK(once);
}

void error_reaches_the_caller(Team& team) {
  std::string message;
  try {
    team.parallel(64, [](int64_t task) {
      if (task == 37) throw std::runtime_error("task 37");
    });
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(message == "task 37");
  every_task_once(team, 10);   // and the team goes on
}

void nested_runs_on_the_spot(Team& team) {
  std::atomic<int> runs{0};
  team.parallel(4, [&](int64_t) { team.parallel(5, [&](int64_t) { ++runs; }); });
  CHECK(runs == 20);
}

}  // namespace

int main() {
  for (int threads : {-1, 0, 1, 2, 3, 8}) {
    Team team(threads);
    CHECK(team.threads() == (threads > 0 ? threads : grus::default_threads()));
    for (int64_t tasks : {0, 1, 2, 3, 7, 1000}) every_task_once(team, tasks);
    error_reaches_the_caller(team);
    nested_runs_on_the_spot(team);
  }
  for (int threads : {1, 2, 3, 8}) {   // every share of a step before any of the next, more shares than threads too
    Team team(threads);
    for (int64_t shares : {1, 2, 3, 7}) {
      constexpr int64_t steps = 3000;
      std::vector<std::atomic<int64_t>> reached(static_cast<size_t>(shares));
      std::atomic<bool> in_order{true};
      team.in_steps(steps, shares, [&](int64_t step, int64_t share) {
        for (const auto& other : reached) {
          const int64_t at = other.load();
          if (at != step && at != step + 1) in_order = false;
        }
        reached[static_cast<size_t>(share)] = step + 1;
      });
      bool all = true;
      for (const auto& share : reached) all = all && share == steps;
      CHECK(all);
      CHECK(in_order);
      every_task_once(team, 5);   // rounds of both kinds follow each other
    }
  }
  {   // the number for the process holds from the next call on
    Team team(0);
    grus::set_default_threads(3);
    CHECK(team.threads() == 3);
    every_task_once(team, 100);
    grus::set_default_threads(5);
    CHECK(team.threads() == 5);
    every_task_once(team, 100);
  }
  {   // short rounds one after the other, and rounds after the threads have gone to sleep
    Team team(4);
    int64_t sum = 0;
    std::vector<int64_t> parts(4);
    for (int round = 0; round < 20000; ++round) {
      team.parallel(4, [&](int64_t task) { parts[static_cast<size_t>(task)] = task + round; });
      for (int64_t part : parts) sum += part;
      if (round % 4000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(sum == 20000LL * 6 + 4LL * 19999 * 20000 / 2);
  }
  {   // two threads really work at the same time
    Team team(2);
    std::atomic<int> arrived{0};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    team.parallel(2, [&](int64_t) {
      ++arrived;
      while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    });
    CHECK(arrived == 2);
  }
  for (int i = 0; i < 200; ++i) {   // made and destroyed, used or not
    auto team = std::make_unique<Team>(3);
    if (i % 2) every_task_once(*team, 3);
  }
  {   // each owner has a team of its own
    std::vector<std::thread> owners;
    std::atomic<int> runs{0};
    for (int i = 0; i < 3; ++i) {
      owners.emplace_back([&] {
        Team team(2);
        for (int round = 0; round < 200; ++round) {
          team.parallel(3, [&](int64_t) { ++runs; });
          team.in_steps(20, 2, [&](int64_t, int64_t) { ++runs; });
        }
      });
    }
    for (std::thread& owner : owners) owner.join();
    CHECK(runs == 3 * 200 * (3 + 20 * 2));
  }
  return checks().report();
}
