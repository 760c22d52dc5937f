#include "fibers.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "../order.h"

namespace grus::fibers {
namespace {

constexpr size_t kStack = size_t{128} << 10, kMostShared = size_t{48} << 10;
constexpr unsigned kMostThreads = 1024;

// Where a fiber goes on. swapcontext is for its beginning alone: it asks the kernel for the signal mask at every switch.
using Place = void*[5];

#define GRUS_SWITCH __attribute__((noinline, noclone, no_sanitize("address")))
[[noreturn]] GRUS_SWITCH void jump(Place to) { __builtin_longjmp(to, 1); }
GRUS_SWITCH void change(Place from, Place to) {
  if (__builtin_setjmp(from) == 0) jump(to);
}
[[noreturn]] GRUS_SWITCH void begin(const ucontext_t& at) {
  setcontext(&at);
  std::abort();
}
GRUS_SWITCH void change_to_new(Place from, const ucontext_t& at) {
  if (__builtin_setjmp(from) == 0) begin(at);
}

struct Fiber {
  ucontext_t beginning;
  bool begun = false;
  Place at;
  std::unique_ptr<char[]> stack{new char[kStack]};   // not touched before it is used
  uint3 thread;                            // while it waits
  int line = 0;                            // of the barrier where it waits
};

struct Shared {
  const void* declaration;
  void* data;
  size_t alignment;
};

// The one block that runs now: work of the simulated machine runs under its lock. Nothing here belongs to a host thread, since a fiber may
// go on under another than it began.
struct Block {
  const char* kernel = "";
  const std::function<void()>* body = nullptr;
  Place home;                              // where fibers are chosen
  Fiber* now = nullptr;
  std::vector<Fiber*> idle, waiting;
  unsigned threads = 0, started = 0, finished = 0;
  unsigned long long seed = 0, rounds = 0;
  sim::Order order{1, 0};                  // of the threads, to their first barrier
  std::vector<Shared> shared;
  size_t shared_bytes = 0;
  bool diverged = false, too_many_threads = false, too_much_shared = false;   // of this launch: said once
  LeftOut left_out;
  std::vector<int> barriers;
};

Block& block() {
  static auto* one = new Block;            // never destroyed: programs use CUDA while they exit
  return *one;
}

uint3 thread_index(int64_t i) {
  const auto linear = static_cast<unsigned>(i);
  return {linear % blockDim.x, linear / blockDim.x % blockDim.y, linear / blockDim.x / blockDim.y};
}

unsigned linear_index(const uint3& thread) { return thread.x + blockDim.x * (thread.y + blockDim.y * thread.z); }

void go_home(Fiber& me) { change(me.at, block().home); }

// A fiber takes one thread after another. One that meets a barrier keeps its fiber, and another fiber takes the threads that are left: a
// kernel without barriers needs one fiber and no switch.
void take_threads() {
  Block& b = block();
  for (;;) {
    while (b.started < b.threads) {
      threadIdx = thread_index(b.order(b.started++));
      (*b.body)();
      ++b.finished;
    }
    b.idle.push_back(b.now);
    go_home(*b.now);
  }
}

Fiber* new_fiber() {
  auto* fiber = new Fiber;                 // kept for the next block
  getcontext(&fiber->beginning);
  fiber->beginning.uc_stack.ss_sp = fiber->stack.get();
  fiber->beginning.uc_stack.ss_size = kStack;
  fiber->beginning.uc_link = nullptr;
  makecontext(&fiber->beginning, take_threads, 0);
  return fiber;
}

void resume(Fiber& fiber) {
  block().now = &fiber;
  if (std::exchange(fiber.begun, true)) change(block().home, fiber.at);
  else change_to_new(block().home, fiber.beginning);
}

void check_that_all_came(const std::vector<Fiber*>& came) {
  Block& b = block();
  const int line = came.front()->line;
  const auto elsewhere = std::find_if(came.begin(), came.end(), [line](const Fiber* fiber) { return fiber->line != line; });
  if (b.diverged || (b.finished == 0 && elsewhere == came.end())) return;
  b.diverged = true;
  if (elsewhere != came.end()) {
    sim::misuse(b.kernel, "a divergent barrier: threads of one block wait in line %d and in line %d", line, (*elsewhere)->line);
  } else {
    sim::misuse(b.kernel, "a divergent barrier: %u of %u threads have left, the others wait in line %d", b.finished, b.threads, line);
  }
}

sim::Order next_order(int64_t count) {
  Block& b = block();
  return {count, b.seed == 0 ? 0 : b.seed + ++b.rounds};
}

void run_block() {
  Block& b = block();
  b.started = b.finished = 0;
  b.order = next_order(b.threads);
  while (b.started < b.threads) {
    Fiber* fiber = b.idle.empty() ? new_fiber() : b.idle.back();
    if (!b.idle.empty()) b.idle.pop_back();
    resume(*fiber);
  }
  while (!b.waiting.empty()) {
    std::vector<Fiber*> came;
    came.swap(b.waiting);
    check_that_all_came(came);
    const sim::Order order = next_order(static_cast<int64_t>(came.size()));
    for (size_t i = 0; i < came.size(); ++i) resume(*came[static_cast<size_t>(order(static_cast<int64_t>(i)))]);
  }
  for (const Shared& one : b.shared) ::operator delete(one.data, std::align_val_t{one.alignment});
  b.shared.clear();
  b.shared_bytes = 0;
}

}  // namespace

void barrier(int line) {
  Block& b = block();
  if (std::find(b.barriers.begin(), b.barriers.end(), line) == b.barriers.end()) b.barriers.push_back(line);
  if (line == b.left_out.line && linear_index(threadIdx) >= b.left_out.from) return;
  Fiber& me = *b.now;
  me.thread = threadIdx;
  me.line = line;
  b.waiting.push_back(&me);
  go_home(me);
  threadIdx = me.thread;
}

void launch_bounds(unsigned threads) {
  Block& b = block();
  if (b.threads <= threads || b.too_many_threads) return;
  b.too_many_threads = true;
  sim::misuse(b.kernel, "%u threads in a block, and __launch_bounds__ (%u where there are none) allows %u", b.threads, kUnbounded, threads);
}

void* shared(const void* declaration, size_t bytes, size_t alignment) {
  Block& b = block();
  for (const Shared& one : b.shared)
    if (one.declaration == declaration) return one.data;
  b.shared_bytes += bytes;
  if (b.shared_bytes > kMostShared && !b.too_much_shared) {
    b.too_much_shared = true;
    sim::misuse(b.kernel, "%zu bytes of shared memory in a block, of %zu", b.shared_bytes, kMostShared);
  }
  void* data = ::operator new(bytes, std::align_val_t{alignment});   // one allocation each: AddressSanitizer knows its bounds
  std::memset(data, 0xFF, bytes);
  b.shared.push_back({declaration, data, alignment});
  return data;
}

void run(const char* kernel, const Configuration& how, const std::function<void()>& body) {
  Block& b = block();
  b.kernel = kernel;
  b.body = &body;
  b.diverged = b.too_many_threads = b.too_much_shared = false;
  b.seed = static_cast<unsigned long long>(sim::knob_number("FIBER_SEED", 1));
  b.rounds = 0;
  gridDim = how.grid;
  blockDim = how.block;
  b.threads = how.block.x * how.block.y * how.block.z;
  const int64_t blocks = int64_t{how.grid.x} * how.grid.y * how.grid.z;
  const sim::Order order(blocks, b.seed);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t at = order(i);
    blockIdx = {static_cast<unsigned>(at % gridDim.x), static_cast<unsigned>(at / gridDim.x % gridDim.y),
                static_cast<unsigned>(at / gridDim.x / gridDim.y)};
    run_block();
  }
}

bool can_launch(const char* kernel, const Configuration& how, size_t parameter_bytes) {
  const dim3 &g = how.grid, &b = how.block;
  const auto none = [](const dim3& d) { return d.x == 0 || d.y == 0 || d.z == 0; };
  const bool good_grid = !none(g) && g.x < 1u << 31 && g.y < 1u << 16 && g.z < 1u << 16;
  const bool good_block = !none(b) && b.x <= kMostThreads && b.y <= kMostThreads && b.z <= 64 && b.x * b.y * b.z <= kMostThreads;
  if (!good_grid) sim::misuse(kernel, "a grid of %u x %u x %u blocks", g.x, g.y, g.z);
  if (!good_block) sim::misuse(kernel, "a block of %u x %u x %u threads, of %u", b.x, b.y, b.z, kMostThreads);
  if (how.dynamic_shared > kMostShared) sim::misuse(kernel, "%zu bytes of shared memory, of %zu", how.dynamic_shared, kMostShared);
  if (parameter_bytes > 4096) sim::misuse(kernel, "%zu bytes of parameters, of 4096", parameter_bytes);
  return good_grid && good_block && how.dynamic_shared <= kMostShared && parameter_bytes <= 4096;
}

void leave_out(LeftOut which) { block().left_out = which; }
const std::vector<int>& barriers_seen() { return block().barriers; }

}  // namespace grus::fibers
