// Weights in bfloat16: what inference computes with them is what float32 computes with weights that were rounded before.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "cpu/engine_name.h"
#include "cpu/gru_plan.h"
#include "every_engine.h"

using namespace grus;

namespace {

float to_bfloat16(float x) {   // by the nearest of both neighbours, ties to even: another way than the engine's
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t down = bits & 0xffff0000u, up = down + 0x10000u;
  float low, high;
  std::memcpy(&low, &down, sizeof low);
  std::memcpy(&high, &up, sizeof high);
  const double below = std::fabs(static_cast<double>(x) - low), above = std::fabs(static_cast<double>(high) - x);
  return below < above || (below == above && (down >> 16 & 1) == 0) ? low : high;
}

struct Aligned {
  explicit Aligned(size_t bytes) : memory(bytes / 8 + 8) {}
  void* data() { return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64); }
  std::vector<double> memory;
};

struct Run {
  std::vector<float> y, hy;
};

Run forward(GruPlan& plan, const GruDescription& d, const std::vector<float>& weights, uint64_t version, int batch, int steps, bool training) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(batch) * steps * d.input_size);
  for (float& v : x) v = normal(random);
  Run run{std::vector<float>(static_cast<size_t>(batch) * steps * d.directions() * d.hidden_size),
          std::vector<float>(static_cast<size_t>(d.num_layers) * d.directions() * batch * d.hidden_size)};
  Aligned workspace(plan.workspace_bytes(batch, steps, training, false)), reserve(plan.reserve_bytes(batch, steps, false));
  GruForward f;
  f.training = training;
  f.batch = batch;
  f.steps = steps;
  f.x = x.data();
  f.weights = weights.data();
  f.weights_version = version;
  f.y = run.y.data();
  f.hy = run.hy.data();
  f.workspace = workspace.data();
  f.reserve = training ? reserve.data() : nullptr;
  plan.forward(f);
  return run;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

void check(int inputs, int hidden, int layers, Direction direction, bool reset_after, int batch, int threads) {
  GruDescription d;
  d.input_size = inputs;
  d.hidden_size = hidden;
  d.num_layers = layers;
  d.direction = direction;
  d.reset_after = reset_after;
  Team team(threads);
  const auto full = make_cpu_gru(d, team), half = make_cpu_gru(d, team, true);
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-0.5f, 0.5f);
  std::vector<float> weights(full->weight_count()), rounded;
  for (float& w : weights) w = uniform(random);
  rounded = weights;
  for (const GruParameter& p : full->parameters()) {
    if (p.tensor != GruTensor::weight_ih && p.tensor != GruTensor::weight_hh) continue;
    for (const int64_t offset : p.gate_offset) {
      for (int64_t i = 0; i < p.rows / 3 * p.cols; ++i) rounded[static_cast<size_t>(offset + i)] = to_bfloat16(weights[static_cast<size_t>(offset + i)]);
    }
  }
  const int steps = 6;
  const Run got = forward(*half, d, weights, 1, batch, steps, false), want = forward(*full, d, rounded, 1, batch, steps, false);
  CHECK_CLOSE(largest_difference(got.y, want.y), 0.0, 3e-6);
  CHECK_CLOSE(largest_difference(got.hy, want.hy), 0.0, 3e-6);
  const Run exact = forward(*full, d, weights, 2, batch, steps, false);
  CHECK(largest_difference(got.y, exact.y) > 1e-5);   // the rounding is there
  const Run trained = forward(*half, d, weights, 1, batch, steps, true), reference = forward(*full, d, weights, 2, batch, steps, true);
  CHECK(trained.y == reference.y);                    // and training knows nothing of it
  CHECK(forward(*half, d, weights, 1, batch, steps, false).y == got.y);
}

}  // namespace

static int run() {
  std::printf("halves: %s\n", cpu_engine_name().c_str());
  for (const bool reset_after : {true, false}) {
    for (const int batch : {1, 2, 3, 5, 8, 20}) {
      check(7, 33, 1, Direction::forward, reset_after, batch, 1);
      check(16, 64, 2, Direction::both, reset_after, batch, 2);
    }
    check(1, 1, 1, Direction::backward, reset_after, 4, 1);
    check(130, 256, 1, Direction::forward, reset_after, 1, 2);
  }
  return checks().report();
}

int main(int argc, char** argv) { return in_every_engine(argc, argv, run); }
