// Milliseconds (best and median of many) of one GRU layer, forward and forward + backward, on random data. Usage: gru_bench [threads]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

#include "cpu/engine_name.h"
#include "cpu/gru_plan.h"

using namespace grus;

namespace {

struct Times {
  double best, median;
};

// One thread alone is timed by the CPU time it took, which a busy machine disturbs less.
double now(bool alone) {
  timespec time;
  clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

template <class F>
Times milliseconds(bool alone, const F& f) {
  std::vector<double> times;
  double spent = 0;
  while (times.size() < 15 || (spent < 600 && times.size() < 300)) {
    const double start = now(alone);
    f();
    times.push_back(now(alone) - start);
    spent += times.back();
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

void bench(int steps, int batch, int hidden, bool reset_after, Team& team) {
  GruDescription d;
  d.input_size = d.hidden_size = hidden;
  d.reset_after = reset_after;
  const auto plan = make_cpu_gru(d, team);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> value(-0.1f, 0.1f);
  const size_t cells = static_cast<size_t>(steps) * batch * hidden;
  std::vector<float> x(cells), y(cells), dy(cells), dx(cells), weights(plan->weight_count()), dweights(weights.size());
  for (auto* data : {&x, &dy, &weights}) {
    for (float& v : *data) v = value(random);
  }
  std::vector<double> reserve(plan->reserve_bytes(batch, steps, false) / 8 + 8);
  std::vector<double> workspace(plan->workspace_bytes(batch, steps, true, false) / 8 + 8);
  const auto aligned = [](std::vector<double>& memory) {
    return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  };
  GruForward f;
  f.batch = batch;
  f.steps = steps;
  f.x = x.data();
  f.weights = weights.data();
  f.weights_version = 1;
  f.y = y.data();
  f.workspace = aligned(workspace);
  const Times inference = milliseconds(team.threads() == 1, [&] { plan->forward(f); });
  f.training = true;
  f.reserve = aligned(reserve);
  GruBackward b;
  b.batch = batch;
  b.steps = steps;
  b.x = f.x;
  b.weights = f.weights;
  b.y = f.y;
  b.dy = dy.data();
  b.dx = dx.data();
  b.dweights = dweights.data();
  b.reserve = f.reserve;
  b.workspace = f.workspace;
  const Times training = milliseconds(team.threads() == 1, [&] {
    b.weights_version = ++f.weights_version;   // as after an update: everything is packed anew
    plan->forward(f);
    plan->backward(b);
  });
  const double flops = 12.0 * steps * batch * hidden * hidden;
  std::printf(
      "%3d,%3d,%4d %-6s  forward %8.3f (median %8.3f) ms %6.1f GFLOP/s   forward + backward %8.3f (median %8.3f) ms %6.1f GFLOP/s\n", steps,
      batch, hidden, reset_after ? "after" : "before", inference.best, inference.median, flops / inference.best * 1e-6, training.best,
      training.median, 3 * flops / training.best * 1e-6);
}

}  // namespace

int main(int argc, char** argv) {
  Team team(argc > 1 ? std::atoi(argv[1]) : 1);
  std::printf("%s, %d threads\n  T,  B, H=I\n", cpu_engine_name().c_str(), team.threads());
  const int shapes[][3] = {{50, 64, 64}, {50, 64, 128}, {50, 64, 256}, {25, 32, 512}, {50, 1, 128}, {50, 1, 512}};
  for (const auto& s : shapes) bench(s[0], s[1], s[2], true, team);
  bench(50, 64, 128, false, team);
}
