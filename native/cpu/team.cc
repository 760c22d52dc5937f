#include "team.h"

#include <algorithm>
#include <chrono>
#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include "../usable_cores.h"

namespace grus {
namespace {

constexpr auto kSpin = std::chrono::microseconds(20), kYield = std::chrono::microseconds(200);
constexpr uint64_t kSteps = 0xffffffff, kOver = kSteps;   // the number of a step; that of the end
static_assert(kMaximumThreads < 256, "they have to fit into now_");

// Teams that are at work.
std::atomic<int>& active_teams() {
  static std::atomic<int> count{0};
  return count;
}
struct Active {
  Active() { active_teams().fetch_add(1, std::memory_order_relaxed); }
  ~Active() { active_teams().fetch_sub(1, std::memory_order_relaxed); }
};

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as ready() is, false after kYield without it.
template <class Ready>
bool spin_until(const Ready& ready) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause_cpu();
    }
    const auto spent = std::chrono::steady_clock::now() - start;
    if (spent > kYield) return ready();
    if (spent > kSpin) std::this_thread::yield();
  }
}

}  // namespace

Team::Team(int threads) : fixed_(std::min(threads, kMaximumThreads)), finished_(static_cast<size_t>(kMaximumThreads)) {}

Team::~Team() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Team::start_workers(int count) {
  if (static_cast<int>(workers_.size()) >= count) return;
  avoided_ = -1;
  try {
    while (static_cast<int>(workers_.size()) < count) {
      workers_.emplace_back([this, index = static_cast<int>(workers_.size())] { worker(index); });
    }
  } catch (const std::exception&) {
    // The system gives no more threads, or no memory for them: those that are there do the work, with the same result.
  }
}

void Team::run_here(int64_t tasks, TaskRef body) {
  for (int64_t task = 0; task < tasks; ++task) body(task);
}

void Team::parallel(int64_t tasks, TaskRef body) {
  const int threads = this->threads();
  if (tasks <= 1 || tasks > UINT32_MAX || threads == 1 || busy_.exchange(true)) {
    run_here(tasks, body);
    return;
  }
  const Active active;
  start_workers(threads - 1);
  body_ = &body;
  tasks_ = tasks;
  ended_.store(0, std::memory_order_relaxed);
  failed_.store(false, std::memory_order_relaxed);
  stepping_.store(false, std::memory_order_relaxed);
  const uint32_t round = open_round(static_cast<uint64_t>(tasks));
  work_on(round);
  wait_for_end();
  busy_ = false;
  if (failed_.load(std::memory_order_relaxed)) {
    std::exception_ptr error = std::move(error_);
    error_ = nullptr;
    std::rethrow_exception(error);
  }
}

int Team::helpers() const { return threads() / std::max(1, active_teams().load(std::memory_order_relaxed)) - 1; }

uint32_t Team::open_round(uint64_t tasks) {
  const int helpers = this->helpers();
  helpers_.store(helpers, std::memory_order_relaxed);
  const uint32_t round = static_cast<uint32_t>(ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  // Sequentially consistent, as is sleepers_: one of the two sides sees the other.
  ticket_.store(uint64_t{round} << 32 | tasks);
  if (helpers > 0 && sleepers_.load() > 0) {
    wake_elsewhere();
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  return round;
}

// A thread that is woken while the other processors are busy for a moment lands behind its waker, which does not sleep before the work is
// done, and both take turns on one processor for milliseconds.
void Team::wake_elsewhere() {
#if defined(__linux__)
  const int here = sched_getcpu();
  cpu_set_t others;
  if (here < 0 || here == avoided_ || sched_getaffinity(0, sizeof others, &others) != 0 || CPU_COUNT(&others) < 2) return;
  CPU_CLR(here, &others);
  if (CPU_COUNT(&others) < static_cast<int>(workers_.size())) return;   // too few for all of them
  for (std::thread& worker : workers_) pthread_setaffinity_np(worker.native_handle(), sizeof others, &others);
  avoided_ = here;
#endif
}

void Team::in_steps(int64_t steps, int64_t shares, StepRef body) {
  if (steps == 1) return parallel(shares, [&](int64_t share) { body(0, share); });   // who wakes late may still take a share
  const int threads = this->threads();
  if (shares <= 1 || threads == 1 || busy_.exchange(true)) {
    for (int64_t step = 0; step < steps; ++step) {
      for (int64_t share = 0; share < shares; ++share) body(step, share);
    }
    return;
  }
  const Active active;
  start_workers(threads - 1);
  step_body_ = &body;
  shares_ = shares;
  stepping_.store(true, std::memory_order_relaxed);
  const uint32_t next = static_cast<uint32_t>(ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  joined_.store(uint64_t{next} << 32, std::memory_order_relaxed);
  now_.store(uint64_t{next} << 40 | (kOver - 1) << 8, std::memory_order_relaxed);   // begun, and nobody's step yet
  const uint64_t round = uint64_t{open_round(0)} << 40;
  const int64_t wanted = std::min<int64_t>(helpers(), shares - 1);
  const auto all = [&] { return static_cast<uint32_t>(joined_.load(std::memory_order_acquire)) >= wanted; };
  for (int i = 0; i < 64 && !all(); ++i) pause_cpu();   // about 2 us, for those that are awake
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t there = static_cast<uint32_t>(joined_.load(std::memory_order_acquire));
    const int64_t members = 1 + std::clamp<int64_t>(std::min<int64_t>(there, helpers()), 0, shares - 1);
    const uint64_t now = round | (static_cast<uint64_t>(step) % (kOver - 1)) << 8 | static_cast<uint64_t>(members);
    now_.store(now, std::memory_order_release);
    for (int64_t share = 0; share < shares; share += members) body(step, share);
    for (int64_t i = 1; i < members; ++i) {
      const std::atomic<uint64_t>& finished = finished_[static_cast<size_t>(i)].step;
      while (!spin_until([&] { return finished.load(std::memory_order_acquire) == now; })) {}
    }
  }
  now_.store(round | kOver << 8, std::memory_order_release);
  busy_ = false;
}

// Joined workers look at now_ without sleeping: it changes every few microseconds. One that is not wanted in a step waits for the next.
void Team::join(uint32_t round) {
  uint64_t joined = joined_.load(std::memory_order_relaxed);
  do {
    if (static_cast<uint32_t>(joined >> 32) != round) return;   // over, and another has begun
  } while (!joined_.compare_exchange_weak(joined, joined + 1, std::memory_order_acq_rel, std::memory_order_relaxed));
  const int64_t self = static_cast<uint32_t>(joined) + 1;
  const uint64_t ours = (uint64_t{round} << 40) >> 40;
  uint64_t seen = ~uint64_t{0}, now = 0;
  for (;;) {
    const auto changed = [&] { return (now = now_.load(std::memory_order_acquire)) != seen || stop_.load(std::memory_order_relaxed); };
    while (!spin_until(changed)) {}
    const uint64_t step = now >> 8 & kSteps;
    const bool begun = now >> 40 == ours;
    if (stop_.load(std::memory_order_relaxed) || (begun && step == kOver)) return;
    if (!begun && static_cast<uint32_t>(ticket_.load() >> 32) != round) return;
    seen = now;
    const int64_t threads = static_cast<int64_t>(now & 0xff);
    if (!begun || self >= threads) continue;
    for (int64_t share = self; share < shares_; share += threads) (*step_body_)(static_cast<int64_t>(step), share);
    finished_[static_cast<size_t>(self)].step.store(now, std::memory_order_release);
  }
}

void Team::work_on(uint32_t round) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t left = static_cast<uint32_t>(ticket);
    if (static_cast<uint32_t>(ticket >> 32) != round || left == 0) return;
    if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    // This task is ours, so the round cannot end and body_ and tasks_ stand still until it is done
    const int64_t tasks = tasks_;
    if (!failed_.load(std::memory_order_relaxed)) {
      try {
        (*body_)(tasks - left);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!failed_.exchange(true)) error_ = std::current_exception();
      }
    }
    if (ended_.fetch_add(1) + 1 == tasks && owner_sleeps_.load()) {
      { std::lock_guard<std::mutex> lock(mutex_); }
      done_.notify_one();
    }
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void Team::wait_for_end() {
  const auto ended = [this] { return ended_.load() == tasks_; };
  if (spin_until(ended)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  owner_sleeps_ = true;
  done_.wait(lock, ended);
  owner_sleeps_ = false;
}

uint32_t Team::wait_for_round(uint32_t seen) {
  const auto round = [this] { return static_cast<uint32_t>(ticket_.load() >> 32); };
  const auto ready = [&] { return round() != seen || stop_.load(std::memory_order_relaxed); };
  if (!spin_until(ready)) {
    std::unique_lock<std::mutex> lock(mutex_);
    ++sleepers_;
    wake_.wait(lock, ready);
    --sleepers_;
  }
  return round();
}

void Team::worker(int index) {
  uint32_t seen = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint32_t round = wait_for_round(seen);
    if (round != seen && index < helpers_.load(std::memory_order_relaxed)) {
      stepping_.load(std::memory_order_relaxed) ? join(round) : work_on(round);
    }
    seen = round;
  }
}

}  // namespace grus
