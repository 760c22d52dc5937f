// What the plan promises beyond its numbers: optional pointers, versions of the weights, empty batches, no allocation, memory within its
// bounds.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "cpu/engine_name.h"
#include "cpu/gru_plan.h"
#include "every_engine.h"

using namespace grus;

namespace {

std::atomic<long> allocations{0};

void* allocate(size_t bytes, size_t alignment) {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes, 16); }
void* operator new(size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<size_t>(alignment)); }
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using Floats = std::vector<float>;

// Memory that begins at a multiple of 64 bytes, holds exactly the bytes asked for, and shows when something was written after them.
class Guarded {
 public:
  explicit Guarded(size_t bytes) : bytes_(bytes), memory_(bytes + 128 + 64) {
    data_ = memory_.data() + (64 - reinterpret_cast<uintptr_t>(memory_.data()) % 64) % 64;
    std::memset(data_, 0xff, bytes);   // NaN
    std::memset(data_ + bytes, 0x5a, 64);
  }
  void* data() { return data_; }
  bool intact() const { return std::all_of(data_ + bytes_, data_ + bytes_ + 64, [](unsigned char byte) { return byte == 0x5a; }); }

 private:
  size_t bytes_;
  std::vector<unsigned char> memory_;
  unsigned char* data_;
};

struct Setup {
  GruDescription description;
  int batch, steps;
  Floats x, hx, weights, y, hy, dy, dhy, dx, dhx, dweights;
  Guarded reserve, workspace;
  GruForward forward;
  GruBackward backward;

  Setup(GruPlan& plan, const GruDescription& d, int batch_, int steps_)
      : description(d),
        batch(batch_),
        steps(steps_),
        reserve(plan.reserve_bytes(batch_, steps_, false)),
        workspace(plan.workspace_bytes(batch_, steps_, true, false)) {
    const size_t rows = static_cast<size_t>(batch) * static_cast<size_t>(steps),
                 width = static_cast<size_t>(d.directions() * d.hidden_size);
    const size_t states = static_cast<size_t>(d.num_layers * batch) * width;
    x.resize(rows * static_cast<size_t>(d.input_size));
    dx = x;
    hx.resize(states);
    hy = dhy = dhx = hx;
    y.resize(rows * width);
    dy = y;
    weights.resize(plan.weight_count());
    dweights = weights;
    uint32_t state = 1;
    for (Floats* data : {&x, &hx, &weights, &dy, &dhy}) {
      for (float& v : *data) v = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
    }
    forward.training = true;
    forward.batch = backward.batch = batch;
    forward.steps = backward.steps = steps;
    forward.x = backward.x = x.data();
    forward.hx = backward.hx = hx.data();
    forward.weights = backward.weights = weights.data();
    forward.y = y.data();
    backward.y = y.data();
    forward.hy = hy.data();
    forward.reserve = backward.reserve = reserve.data();
    forward.workspace = backward.workspace = workspace.data();
    backward.dy = dy.data();
    backward.dhy = dhy.data();
    backward.dx = dx.data();
    backward.dhx = dhx.data();
    backward.dweights = dweights.data();
  }
  void run(GruPlan& plan) {
    plan.forward(forward);
    plan.backward(backward);
  }
};

GruDescription describe(int inputs, int hidden, int layers, Direction direction, bool after) {
  GruDescription d;
  d.input_size = inputs;
  d.hidden_size = hidden;
  d.num_layers = layers;
  d.direction = direction;
  d.reset_after = after;
  return d;
}

void nothing_is_allocated(const GruDescription& d, int batch, int steps, Team& team) {
  const auto plan = make_cpu_gru(d, team);
  Setup setup(*plan, d, batch, steps);
  team.parallel(team.threads(), [](int64_t) {});   // its threads exist
  setup.run(*plan);   // the packed copies of the weights come with the first call that needs them
  const long before = allocations;
  setup.run(*plan);
  setup.run(*plan);
  CHECK(allocations == before);
  CHECK(setup.reserve.intact());
  CHECK(setup.workspace.intact());
}

void optional_results(const GruDescription& d, Team& team) {
  const auto plan = make_cpu_gru(d, team);
  Setup all(*plan, d, 4, 5), none(*plan, d, 4, 5);
  all.run(*plan);
  none.forward.hy = nullptr;
  none.backward.dx = none.backward.dhx = none.backward.dweights = nullptr;
  none.run(*plan);
  CHECK(all.y == none.y);
  Setup only(*plan, d, 4, 5);
  only.backward.dx = only.backward.dhx = nullptr;
  only.run(*plan);
  CHECK(all.dweights == only.dweights);
}

void optional_inputs(const GruDescription& d, Team& team) {   // null means zeros
  const auto plan = make_cpu_gru(d, team);
  Setup zeros(*plan, d, 3, 4), nulls(*plan, d, 3, 4);
  for (Floats* data : {&zeros.hx, &zeros.dy}) std::fill(data->begin(), data->end(), 0.0f);
  nulls.forward.hx = nulls.backward.hx = nulls.backward.dy = nullptr;
  zeros.run(*plan);
  nulls.run(*plan);
  CHECK(zeros.y == nulls.y && zeros.dx == nulls.dx && zeros.dhx == nulls.dhx && zeros.dweights == nulls.dweights);
  Setup first(*plan, d, 3, 4), second(*plan, d, 3, 4);
  std::fill(first.dhy.begin(), first.dhy.end(), 0.0f);
  second.backward.dhy = nullptr;
  first.run(*plan);
  second.run(*plan);
  CHECK(first.dx == second.dx && first.dhx == second.dhx);
}

void versions(const GruDescription& d, Team& team) {
  const auto plan = make_cpu_gru(d, team);
  Setup setup(*plan, d, 3, 4);
  setup.forward.weights_version = setup.backward.weights_version = 1;
  setup.run(*plan);
  const Floats first = setup.y;
  for (float& w : setup.weights) w += 0.25f;
  setup.forward.weights_version = setup.backward.weights_version = 2;
  setup.dweights.assign(setup.dweights.size(), 0);
  setup.run(*plan);
  const Floats second = setup.y, second_dx = setup.dx, second_dweights = setup.dweights;
  CHECK(first != second);
  const auto fresh = make_cpu_gru(d, team);
  setup.dweights.assign(setup.dweights.size(), 0);
  setup.run(*fresh);
  CHECK(setup.y == second && setup.dx == second_dx && setup.dweights == second_dweights);
  for (float& w : setup.weights) w -= 0.125f;
  setup.forward.weights_version = 0;   // renew always
  plan->forward(setup.forward);
  CHECK(setup.y != second);
}

void empty(const GruDescription& d, Team& team) {
  const auto plan = make_cpu_gru(d, team);
  Setup no_steps(*plan, d, 3, 0);
  no_steps.run(*plan);
  CHECK(no_steps.hy == no_steps.hx);
  CHECK(no_steps.dhx == no_steps.dhy);
  Setup no_rows(*plan, d, 0, 3);
  no_rows.run(*plan);
  const Floats zeros(no_rows.dweights.size());
  CHECK(no_steps.dweights == zeros && no_rows.dweights == zeros);
  Setup idle(*plan, d, 3, 4);   // every row of length 0
  const std::vector<int32_t> lengths(3, 0);
  idle.forward.lengths = idle.backward.lengths = lengths.data();
  idle.run(*plan);
  CHECK(idle.hy == idle.hx && idle.dhx == idle.dhy && idle.dweights == zeros);
  CHECK(std::all_of(idle.y.begin(), idle.y.end(), [](float v) { return v == 0; }));
  CHECK(std::all_of(idle.dx.begin(), idle.dx.end(), [](float v) { return v == 0; }));
}

template <class F>
void expect_error(ErrorCode code, const F& call) {
  try {
    call();
    CHECK(!"an error was expected");
  } catch (const Error& error) {
    CHECK(error.code() == code && std::strncmp(error.what(), "[gru] expected ", 15) == 0);
  }
}

void refusals(Team& team) {
  for (const GruDescription& d : {describe(0, 3, 1, Direction::forward, true), describe(3, -1, 1, Direction::forward, true),
                                  describe(3, 3, 0, Direction::forward, true)}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_cpu_gru(d, team); });
  }
  const int huge = 2147483647;
  expect_error(ErrorCode::out_of_memory, [&] { make_cpu_gru(describe(huge, huge, huge, Direction::both, true), team); });
  const auto plan = make_cpu_gru(describe(3, 4, 1, Direction::forward, true), team);
  expect_error(ErrorCode::out_of_memory, [&] { plan->reserve_bytes(huge, huge, false); });
  expect_error(ErrorCode::shape_mismatch, [&] { plan->workspace_bytes(-1, 3, true, false); });
}

// q, r, z, n of every step and unit, and nothing else that grows: 16 T B H bytes.
void memory_is_what_it_has_to_be(Team& team) {
  for (const int hidden : {64, 128, 512}) {
    const auto plan = make_cpu_gru(describe(hidden, hidden, 1, Direction::forward, true), team);
    for (const int batch : {32, 64}) {
      for (const int steps : {50, 1000}) {
        const double least = 16.0 * steps * batch * hidden, reserve = static_cast<double>(plan->reserve_bytes(batch, steps, false));
        CHECK(reserve >= least && reserve <= 1.05 * least);
      }
    }
    const double workspace = static_cast<double>(plan->workspace_bytes(32, 1000, true, false));
    const double inference = static_cast<double>(plan->workspace_bytes(32, 1000, false, false));
    CHECK(workspace <= 0.05 * 16 * 1000 * 32 * hidden + 4 * 8 * hidden * hidden + 2e6);
    CHECK(inference <= 0.05 * 16 * 1000 * 32 * hidden + 2e6);   // no longer with T but for its masks
  }
}

void names(Team& team) {
  const auto plan = make_cpu_gru(describe(3, 4, 2, Direction::both, true), team);
  const auto& all = plan->parameters();
  const char* expected[] = {"weight_ih_l0",         "weight_hh_l0",       "bias_ih_l0",         "bias_hh_l0",  "weight_ih_l0_reverse",
                            "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1"};
  CHECK(all.size() == 16);
  for (size_t i = 0; i < 9; ++i) CHECK(all[i].name == expected[i]);
  CHECK(all[8].rows == 12 && all[8].cols == 8 && all[8].layer == 1 && all[8].direction == 0 && all[8].tensor == GruTensor::weight_ih);
  CHECK(all[1].gate_offset[0] == 36 && all[1].gate_offset[1] == 36 + 16 && all[1].gate_offset[2] == 36 + 32);
  CHECK(make_cpu_gru(describe(3, 4, 1, Direction::backward, true), team)->parameters()[0].name == "weight_ih_l0");
}

}  // namespace

static int run() {
  std::printf("gru contract: %s\n", cpu_engine_name().c_str());
  Team one(1), two(2);
  for (bool after : {true, false}) {
    for (Direction direction : {Direction::forward, Direction::both}) {
      const GruDescription d = describe(5, 19, 2, direction, after);
      nothing_is_allocated(d, 7, 6, one);
      nothing_is_allocated(d, 70, 3, two);
      optional_results(d, one);
      optional_inputs(d, one);
      versions(d, two);
      empty(d, two);
    }
    nothing_is_allocated(describe(40, 130, 3, Direction::both, after), 33, 4, two);
    nothing_is_allocated(describe(300, 300, 1, Direction::forward, after), 3, 4, two);
    nothing_is_allocated(describe(3, 100, 1, Direction::backward, after), 300, 4, two);
  }
  names(one);
  memory_is_what_it_has_to_be(one);
  refusals(one);
  return checks().report();
}

int main(int argc, char** argv) { return in_every_engine(argc, argv, run); }
