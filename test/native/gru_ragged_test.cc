// Ragged batches: whatever the order of the lengths, each row is computed as if it were alone, the padding is neither read nor left
// unwritten, and the bits are the same for every number of threads.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "cpu/engine_name.h"
#include "cpu/gru_plan.h"
#include "every_engine.h"

using namespace grus;

namespace {

using Floats = std::vector<float>;
using Lengths = std::vector<int32_t>;

struct Shape {
  int inputs, hidden, layers, batch, steps;
  Direction direction;
  bool after;
};

GruDescription describe(const Shape& s) {
  GruDescription d;
  d.input_size = s.inputs;
  d.hidden_size = s.hidden;
  d.num_layers = s.layers;
  d.direction = s.direction;
  d.reset_after = s.after;
  return d;
}

// Inputs x [T, B, I], hx [L*D, B, H], dy [T, B, D*H], dhy as hx; results likewise.
struct Values {
  int batch = 0, steps = 0;
  Lengths lengths;                       // empty: full
  Floats x, hx, dy, dhy;                 // hx empty: zeros
  Floats y, hy, dx, dhx, dweights;
};

struct Sizes {
  size_t inputs, width, states, hidden;   // states: L*D

  explicit Sizes(const GruDescription& d)
      : inputs(static_cast<size_t>(d.input_size)), width(static_cast<size_t>(d.directions() * d.hidden_size)),
        states(static_cast<size_t>(d.num_layers * d.directions())), hidden(static_cast<size_t>(d.hidden_size)) {}
};

class Nan64 {   // memory aligned to 64 bytes, every byte 0xff: each float in it is NaN
 public:
  explicit Nan64(size_t bytes) : bytes_(bytes), memory_(bytes + 64) { fill(); }
  void* data() { return memory_.data() + (64 - reinterpret_cast<uintptr_t>(memory_.data()) % 64) % 64; }
  void fill() { std::memset(data(), 0xff, bytes_); }

 private:
  size_t bytes_;
  std::vector<unsigned char> memory_;
};

// Everything the plan may write or keep is NaN beforehand; dweights starts at 0.
void compute(GruPlan& plan, const GruDescription& d, const Floats& weights, Values& v, bool training) {
  const Sizes n(d);
  const size_t rows = static_cast<size_t>(v.batch) * static_cast<size_t>(v.steps),
               states = n.states * static_cast<size_t>(v.batch) * n.hidden;
  const Lengths lengths = v.lengths;
  const bool ragged = !lengths.empty();
  Nan64 reserve(plan.reserve_bytes(v.batch, v.steps, ragged)), workspace(plan.workspace_bytes(v.batch, v.steps, training, ragged));
  v.y.assign(rows * n.width, NAN);
  v.hy.assign(states, NAN);
  GruForward f;
  f.training = training;
  f.batch = v.batch;
  f.steps = v.steps;
  f.lengths = lengths.empty() ? nullptr : lengths.data();
  f.x = v.x.data();
  f.hx = v.hx.empty() ? nullptr : v.hx.data();
  f.weights = weights.data();
  f.y = v.y.data();
  f.hy = v.hy.data();
  f.reserve = training ? reserve.data() : nullptr;
  f.workspace = workspace.data();
  plan.forward(f);
  if (!training) return;
  workspace.fill();
  v.dx.assign(rows * n.inputs, NAN);
  v.dhx.assign(states, NAN);
  v.dweights.assign(weights.size(), 0);
  GruBackward b;
  b.batch = f.batch;
  b.steps = f.steps;
  b.lengths = f.lengths;
  b.x = f.x;
  b.hx = f.hx;
  b.weights = f.weights;
  b.y = f.y;
  b.dy = v.dy.data();
  b.dhy = v.dhy.data();
  b.dx = v.dx.data();
  b.dhx = v.dhx.data();
  b.dweights = v.dweights.data();
  b.reserve = f.reserve;
  b.workspace = f.workspace;
  plan.backward(b);
}

// Row `row` of [outer, batch, cols], the first `outer` of them.
Floats row_of(const Floats& values, size_t outer, size_t batch, size_t row, size_t cols) {
  Floats result;
  for (size_t i = 0; i < outer; ++i) {
    const auto from = values.begin() + static_cast<std::ptrdiff_t>((i * batch + row) * cols);
    result.insert(result.end(), from, from + static_cast<std::ptrdiff_t>(cols));
  }
  return result;
}

double difference(const Floats& a, const Floats& b) {
  double worst = a.size() == b.size() ? 0 : NAN;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - b[i]) / (1 + std::fabs(b[i]));
    worst = worse(worst, error);
  }
  return worst;
}

bool same(const Floats& a, const Floats& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

bool zero_beyond(const Values& v, const Floats& values, size_t cols) {   // of [T, B, cols]
  for (int t = 0; t < v.steps; ++t) {
    for (int b = 0; b < v.batch; ++b) {
      const float* row = values.data() + (static_cast<size_t>(t) * static_cast<size_t>(v.batch) + static_cast<size_t>(b)) * cols;
      if (t >= v.lengths[static_cast<size_t>(b)] && !std::all_of(row, row + cols, [](float f) { return f == 0; })) return false;
    }
  }
  return true;
}

// Each row alone, at its own length and without lengths; their weights' gradients add up to the batch's.
bool like_rows_alone(const GruDescription& d, const Floats& weights, const Values& v, Team& team) {
  const auto plan = make_cpu_gru(d, team);
  const Sizes n(d);
  const size_t batch = static_cast<size_t>(v.batch);
  std::vector<double> sums(weights.size());
  bool good = true;
  for (size_t row = 0; row < batch; ++row) {
    Values alone;
    alone.batch = 1;
    alone.steps = v.lengths[row];
    const size_t steps = static_cast<size_t>(alone.steps);
    alone.x = row_of(v.x, steps, batch, row, n.inputs);
    alone.dy = row_of(v.dy, steps, batch, row, n.width);
    alone.dhy = row_of(v.dhy, n.states, batch, row, n.hidden);
    if (!v.hx.empty()) alone.hx = row_of(v.hx, n.states, batch, row, n.hidden);
    compute(*plan, d, weights, alone, true);
    good &= CHECK_CLOSE(difference(row_of(v.y, steps, batch, row, n.width), alone.y), 0.0, 1e-6);
    good &= CHECK_CLOSE(difference(row_of(v.hy, n.states, batch, row, n.hidden), alone.hy), 0.0, 1e-6);
    good &= CHECK_CLOSE(difference(row_of(v.dx, steps, batch, row, n.inputs), alone.dx), 0.0, 2e-6);
    good &= CHECK_CLOSE(difference(row_of(v.dhx, n.states, batch, row, n.hidden), alone.dhx), 0.0, 2e-6);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += alone.dweights[i];
  }
  good &= CHECK_CLOSE(difference(v.dweights, Floats(sums.begin(), sums.end())), 0.0, 1e-5);
  // No parameter of any layer is left without its gradient where there are valid steps.
  for (const GruParameter& p : plan->parameters()) {
    const auto begin = sums.begin() + static_cast<std::ptrdiff_t>(p.gate_offset[0]);
    const double most = std::fabs(*std::max_element(begin, begin + static_cast<std::ptrdiff_t>(p.rows * p.cols), [](double a, double b) {
      return std::fabs(a) < std::fabs(b);
    }));
    const bool some = std::any_of(v.lengths.begin(), v.lengths.end(), [&](int32_t l) { return l > (v.hx.empty() ? 1 : 0); });
    if (some) good &= CHECK(most > 0);
  }
  return good;
}

Floats draws(size_t count, std::mt19937& random, float scale) {
  Floats values(count);
  for (float& v : values) v = std::uniform_real_distribution<float>(-scale, scale)(random);
  return values;
}

std::vector<Lengths> patterns(int batch, int steps, std::mt19937& random) {
  Lengths any;
  for (int i = 0; i < batch; ++i) any.push_back(static_cast<int32_t>(random() % static_cast<unsigned>(steps + 1)));
  Lengths falling = any, rising = any, single(static_cast<size_t>(batch), 0), tail(static_cast<size_t>(batch), steps);
  std::sort(falling.rbegin(), falling.rend());
  std::sort(rising.begin(), rising.end());
  single.back() = steps;             // active rows are many, valid ones few
  tail.back() = 0;
  Lengths short_rows(static_cast<size_t>(batch), 1), none(static_cast<size_t>(batch), 0);
  return {falling, any, rising, single, tail, short_rows, none};
}

void expect_ragged(const Shape& s, bool with_hx, const Lengths& lengths, const std::vector<std::unique_ptr<Team>>& teams,
                   std::mt19937& random) {
  const GruDescription d = describe(s);
  const Sizes n(d);
  const size_t rows = static_cast<size_t>(s.batch) * static_cast<size_t>(s.steps),
               states = n.states * static_cast<size_t>(s.batch) * n.hidden;
  const Floats weights = draws(make_cpu_gru(d, *teams[0])->weight_count(), random, 1.2f / std::sqrt(static_cast<float>(s.hidden)));
  Values first;
  first.batch = s.batch;
  first.steps = s.steps;
  first.lengths = lengths;
  first.x = draws(rows * n.inputs, random, 1);
  first.dy = draws(rows * n.width, random, 1);
  first.dhy = draws(states, random, 1);
  if (with_hx) first.hx = draws(states, random, 1);
  for (size_t i = 0; i < rows; ++i) {   // what lies beyond a row's end is never looked at
    if (static_cast<int>(i / static_cast<size_t>(s.batch)) < lengths[i % static_cast<size_t>(s.batch)]) continue;
    std::fill_n(first.x.begin() + static_cast<std::ptrdiff_t>(i * n.inputs), n.inputs, NAN);
    std::fill_n(first.dy.begin() + static_cast<std::ptrdiff_t>(i * n.width), n.width, NAN);
  }
  Values other = first, inference = first;
  compute(*make_cpu_gru(d, *teams[0]), d, weights, first, true);
  bool good = like_rows_alone(d, weights, first, *teams[0]);
  good &= CHECK(zero_beyond(first, first.y, n.width) && zero_beyond(first, first.dx, n.inputs));
  for (const auto& team : teams) {
    const auto plan = make_cpu_gru(d, *team);
    compute(*plan, d, weights, inference, false);
    compute(*plan, d, weights, other, true);
    good &= CHECK(same(first.y, inference.y) && same(first.hy, inference.hy));
    good &= CHECK(same(first.y, other.y) && same(first.hy, other.hy) && same(first.dx, other.dx) && same(first.dhx, other.dhx));
    good &= CHECK(same(first.dweights, other.dweights));
    compute(*plan, d, weights, other, true);   // on packed weights and scratch memory that were used before
    good &= CHECK(same(first.y, other.y) && same(first.dx, other.dx) && same(first.dweights, other.dweights));
  }
  if (good) return;
  std::printf("  I %d H %d L %d B %d T %d direction %d after %d hx %d lengths", s.inputs, s.hidden, s.layers, s.batch, s.steps,
              static_cast<int>(s.direction), s.after, with_hx);
  for (const int32_t length : lengths) std::printf(" %d", length);
  std::printf("\n");
}

}  // namespace

static int run() {
  std::printf("gru ragged: %s\n", cpu_engine_name().c_str());
  std::mt19937 random(5);
  std::vector<std::unique_ptr<Team>> teams;
  for (int threads = 1; threads <= 5; ++threads) teams.push_back(std::make_unique<Team>(threads));
  for (const Direction direction : {Direction::forward, Direction::backward, Direction::both}) {
    for (const bool after : {true, false}) {
      const Shape small[] = {{3, 1, 2, 1, 3, direction, after}, {3, 5, 2, 6, 5, direction, after}, {7, 17, 3, 11, 4, direction, after}};
      for (const Shape& s : small) {
        for (const Lengths& lengths : patterns(s.batch, s.steps, random)) {
          for (const bool hx : {false, true}) expect_ragged(s, hx, lengths, teams, random);
        }
      }
      // Cut between threads by rows (48 rows) and by units (few rows of many units, of which the last threads may get none), two layers.
      const Shape large[] = {{9, 64, 2, 48, 5, direction, after}, {6, 300, 2, 3, 5, direction, after}, {4, 128, 2, 8, 3, direction, after}};
      for (const Shape& s : large) {
        const std::vector<Lengths> all = patterns(s.batch, s.steps, random);
        for (size_t i = 0; i < all.size(); ++i) expect_ragged(s, i % 2 == 0, all[i], teams, random);
      }
    }
  }
  return checks().report();
}

int main(int argc, char** argv) { return in_every_engine(argc, argv, run); }
