#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "../thread_setting.h"

namespace grus {

// A callable seen through two pointers: passing a lambda to a team allocates nothing. It must outlive the call it is passed to.
template <class... Arguments>
class CallRef {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, CallRef>>>
  CallRef(const F& body)
      : object_(&body), call_([](const void* object, Arguments... arguments) { (*static_cast<const F*>(object))(arguments...); }) {}
  void operator()(Arguments... arguments) const { call_(object_, arguments...); }

 private:
  const void* object_;
  void (*call_)(const void*, Arguments...);
};
using TaskRef = CallRef<int64_t>;
using StepRef = CallRef<int64_t, int64_t>;   // step, share

// The threads of one backend; the calling thread is one of them. One with nothing to do looks for work for about 20 us, lets others run for
// about 200 us more, then sleeps. When several teams work at the same time, each makes do with its part of its threads.
// Which thread runs a task is chance; what a task is must not depend on threads(), so that results are the same bits for any team.
class Team {
 public:
  explicit Team(int threads);   // <= 0: default_threads(), as it is at each call
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return fixed_ > 0 ? fixed_ : default_threads(); }
  // Runs body(0) .. body(tasks - 1) and returns when all have ended. The first exception reaches the caller; tasks not yet begun are then
  // skipped.
  // Called from inside a body it runs the tasks on the spot. Only the owner's thread may call it otherwise.
  void parallel(int64_t tasks, TaskRef body);
  // Runs body(step, share) for all shares of step 0, then for all of step 1, and so on: one signal there and back a step, and a share stays
  // with a thread as long as no thread joins. A thread that wakes late joins at the next step. body must not throw.
  void in_steps(int64_t steps, int64_t shares, StepRef body);

 private:
  void start_workers(int count);
  void worker(int index);
  int helpers() const;                     // workers that may take part now
  uint32_t open_round(uint64_t tasks);
  void wake_elsewhere();                   // sleeping workers may not wake up on the caller's processor
  void join(uint32_t round);
  void work_on(uint32_t round);            // takes tasks of this round until none is left
  uint32_t wait_for_round(uint32_t seen);
  void wait_for_end();
  void run_here(int64_t tasks, TaskRef body);

  const int fixed_;
  int avoided_ = -1;                       // the processor that workers stay away from
  std::vector<std::thread> workers_;
  std::atomic<bool> busy_{false};
  // round << 32 | tasks not yet taken. A late sleeper can take nothing from a round that has moved on, so nobody waits for it.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int64_t> ended_{0};
  std::atomic<int> helpers_{0};            // workers from here on leave the round alone
  int64_t tasks_ = 0;
  const TaskRef* body_ = nullptr;
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  // in_steps: what all do now, a step that those do who have joined before it. round << 40 | step << 8 | threads
  std::atomic<bool> stepping_{false};
  std::atomic<uint64_t> now_{0};
  std::atomic<uint64_t> joined_{0};        // round << 32 | workers that have joined
  int64_t shares_ = 0;
  const StepRef* step_body_ = nullptr;
  struct alignas(64) Finished { std::atomic<uint64_t> step{0}; };   // the last now_ that a thread has done its shares of
  std::vector<Finished> finished_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> owner_sleeps_{false};
  std::atomic<bool> stop_{false};
};

}  // namespace grus
