#include <array>
#include <cmath>
#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "cpu/engine_name.h"
#include "cpu/gru_plan.h"
#include "every_engine.h"
#include "gru_reference.h"

using namespace grus;

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats to_floats(const Doubles& values) { return Floats(values.begin(), values.end()); }

struct Aligned {
  explicit Aligned(size_t bytes) : data(::operator new (bytes + 1, std::align_val_t{64})), size(bytes) {
    std::memset(data, 0xff, bytes + 1);
  }  // NaN everywhere
  ~Aligned() { ::operator delete(data, std::align_val_t{64}); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  void* data;
  size_t size;
};

// What the loss of a test is: sum(y * dy) + sum(hy * dhy).
struct Gradients {
  Doubles dy, dhy;
};

struct Result {
  Floats y, hy, dx, dhx, dweights;
};

double draw(std::mt19937& random) { return std::uniform_real_distribution<double>(-1, 1)(random); }

Doubles draws(size_t count, std::mt19937& random, double scale) {
  Doubles values(count);
  for (double& v : values) v = static_cast<float>(draw(random) * scale);
  return values;
}

Result compute(GruPlan& plan, const GruCase& c, const Gradients& gradients, bool training, float padding) {
  const GruDescription& d = c.description;
  Floats x = to_floats(c.x), hx = to_floats(c.hx), weights = to_floats(c.weights), dy = to_floats(gradients.dy),
         dhy = to_floats(gradients.dhy);
  const size_t states = static_cast<size_t>(d.num_layers * d.directions() * c.batch * d.hidden_size),
               nan_row = c.y.size() / static_cast<size_t>(c.steps * c.batch);
  for (int t = 0; t < c.steps; ++t) {
    for (int b = 0; b < c.batch; ++b) {
      if (t < c.length(b)) continue;
      for (int i = 0; i < d.input_size; ++i) x[static_cast<size_t>((t * c.batch + b) * d.input_size + i)] = padding;
      for (size_t i = 0; i < nan_row; ++i) dy[static_cast<size_t>(t * c.batch + b) * nan_row + i] = padding;
    }
  }
  Result result;
  result.y.assign(c.y.size(), NAN);
  result.hy.assign(states, NAN);
  const bool ragged = !c.lengths.empty();
  Aligned reserve(training ? plan.reserve_bytes(c.batch, c.steps, ragged) : 0);
  Aligned workspace(plan.workspace_bytes(c.batch, c.steps, training, ragged));
  GruForward f;
  f.training = training;
  f.batch = c.batch;
  f.steps = c.steps;
  f.lengths = c.lengths.empty() ? nullptr : c.lengths.data();
  f.x = x.data();
  f.hx = hx.empty() ? nullptr : hx.data();
  f.weights = weights.data();
  f.y = result.y.data();
  f.hy = result.hy.data();
  f.reserve = training ? reserve.data : nullptr;
  f.workspace = workspace.data;
  plan.forward(f);
  if (!training) return result;
  std::memset(workspace.data, 0xff, workspace.size);
  result.dx.assign(x.size(), NAN);
  result.dhx.assign(states, NAN);
  result.dweights.assign(weights.size(), 0.5f);   // added to
  GruBackward b;
  b.batch = f.batch;
  b.steps = f.steps;
  b.lengths = f.lengths;
  b.x = f.x;
  b.hx = f.hx;
  b.weights = f.weights;
  b.y = f.y;
  b.dy = dy.data();
  b.dhy = dhy.data();
  b.dx = result.dx.data();
  b.dhx = result.dhx.data();
  b.dweights = result.dweights.data();
  b.reserve = reserve.data;
  b.workspace = workspace.data;
  plan.backward(b);
  return result;
}

double loss_of(GruCase& c, const Gradients& g) {
  reference_forward(c);
  double loss = 0;
  for (size_t i = 0; i < c.y.size(); ++i) loss += c.y[i] * g.dy[i];
  for (size_t i = 0; i < c.hy.size(); ++i) loss += c.hy[i] * g.dhy[i];
  return loss;
}

// The largest difference between `got` and central differences of the loss over `values`, at up to `limit` places.
double gradient_error(GruCase& c, Doubles& values, const Gradients& g, const Floats& got, float offset, size_t limit,
                      std::mt19937& random) {
  double worst = 0;
  for (size_t i = 0; i < std::min(values.size(), limit); ++i) {
    const size_t at = values.size() <= limit ? i : random() % values.size();
    const double kept = values[at], step = 1e-6;
    values[at] = kept + step;
    const double up = loss_of(c, g);
    values[at] = kept - step;
    const double down = loss_of(c, g);
    values[at] = kept;
    const double expected = (up - down) / (2 * step), error = std::fabs(got[at] - offset - expected) / (1 + std::fabs(expected));
    worst = worse(worst, error);
  }
  return worst;
}

double difference(const Floats& a, const Doubles& b) {
  double worst = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double error = std::fabs(a[i] - b[i]) / (1 + std::fabs(b[i]));
    if (std::isnan(error)) return error;
    worst = std::fmax(worst, error);
  }
  return worst;
}

bool same(const Floats& a, const Floats& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

std::string describe(const GruCase& c) {
  const GruDescription& d = c.description;
  return "I " + std::to_string(d.input_size) + " H " + std::to_string(d.hidden_size) + " L " + std::to_string(d.num_layers) +
         " direction " + std::to_string(static_cast<int>(d.direction)) + " bias " + std::to_string(d.bias) + " after " +
         std::to_string(d.reset_after) + " f " + std::to_string(static_cast<int>(d.recurrent_activation[0].kind)) + " g " +
         std::to_string(static_cast<int>(d.activation[0].kind)) + " clip " + std::to_string(d.clip) + " B " + std::to_string(c.batch) +
         " T " + std::to_string(c.steps) + " lengths " + std::to_string(!c.lengths.empty()) + " hx " + std::to_string(!c.hx.empty());
}

GruCase make_case(const GruDescription& d, int batch, int steps, bool lengths, bool hx, std::mt19937& random) {
  GruCase c;
  c.description = d;
  c.batch = batch;
  c.steps = steps;
  size_t weights = 0;
  for (int layer = 0; layer < d.num_layers; ++layer) {
    weights += static_cast<size_t>(d.directions() *
                                   (3 * d.hidden_size * (d.layer_input_size(layer) + d.hidden_size) + (d.bias ? 6 * d.hidden_size : 0)));
  }
  c.weights = draws(weights, random, 1.2 / std::sqrt(d.hidden_size));
  c.x = draws(static_cast<size_t>(steps * batch * d.input_size), random, 1);
  if (hx) c.hx = draws(static_cast<size_t>(d.num_layers * d.directions() * batch * d.hidden_size), random, 1);
  for (int b = 0; lengths && b < batch; ++b)
    c.lengths.push_back(b == 1 ? 0 : b == 2 ? steps : static_cast<int>(random() % static_cast<unsigned>(steps + 1)));
  return c;
}

void expect_gru(GruCase c, Team& one, Team& many, size_t places, std::mt19937& random) {
  reference_forward(c);
  Gradients g{draws(c.y.size(), random, 1), draws(c.hy.size(), random, 1)};
  const auto plan = make_cpu_gru(c.description, one), other = make_cpu_gru(c.description, many);
  const Result result = compute(*plan, c, g, true, NAN), inference = compute(*plan, c, g, false, NAN);
  const Result threaded = compute(*other, c, g, true, 0), quiet = compute(*plan, c, g, true, 7);
  bool good = CHECK(plan->weight_count() == c.weights.size());
  const GruCase forward = c;
  good &= CHECK_CLOSE(difference(result.y, c.y), 0.0, 4e-6);
  good &= CHECK_CLOSE(difference(result.hy, c.hy), 0.0, 4e-6);
  good &= CHECK(same(result.y, inference.y) && same(result.hy, inference.hy));
  good &=
      CHECK(same(result.y, threaded.y) && same(result.hy, threaded.hy) && same(result.dx, threaded.dx) && same(result.dhx, threaded.dhx));
  good &= CHECK(same(result.dweights, threaded.dweights));
  good &= CHECK(same(result.dx, quiet.dx) && same(result.dweights, quiet.dweights));   // what padding holds does not matter
  good &= CHECK_CLOSE(gradient_error(c, c.weights, g, result.dweights, 0.5f, places, random), 0.0, 3e-5);
  good &= CHECK_CLOSE(gradient_error(c, c.x, g, result.dx, 0, places, random), 0.0, 3e-5);
  if (!c.hx.empty()) good &= CHECK_CLOSE(gradient_error(c, c.hx, g, result.dhx, 0, places, random), 0.0, 3e-5);
  if (!good) std::printf("  %s\n", describe(c).c_str());
}

void expect_error(const char* part, ErrorCode code, const std::function<void()>& call) {
  try {
    call();
    CHECK(!"expected an error");
  } catch (const Error& error) {
    CHECK(error.code() == code && std::string(error.what()).find(part) != std::string::npos);
  }
}

}  // namespace

static int run() {
  std::printf("gru: %s\n", cpu_engine_name().c_str());
  std::mt19937 random(3);
  Team one(1), two(2), four(4);
  for (int options = 0; options < 192; ++options) {   // every combination, tiny
    GruDescription d;
    d.input_size = 3;
    d.hidden_size = 5;
    d.num_layers = 1 + (options & 1);
    d.bias = options & 2;
    d.reset_after = options & 4;
    d.direction = static_cast<Direction>(options / 32 % 3);
    if (options >= 96) d.clip = 0.6f;
    expect_gru(make_case(d, 4, 4, options & 8, options & 16, random), one, two, 60, random);
  }
  const Activation all[] = {{ActivationKind::linear, 0, 0},
                            {ActivationKind::relu, 0, 0},
                            {ActivationKind::tanh, 0, 0},
                            {ActivationKind::sigmoid, 0, 0},
                            {ActivationKind::softsign, 0, 0},
                            {ActivationKind::softplus, 0, 0},
                            {ActivationKind::affine, 0.4f, 0.1f},
                            {ActivationKind::leaky_relu, 0.2f, 0},
                            {ActivationKind::thresholded_relu, 0.3f, 0},
                            {ActivationKind::scaled_tanh, 0.8f, 0.7f},
                            {ActivationKind::hard_sigmoid, 0.2f, 0.5f},
                            {ActivationKind::elu, 0.9f, 0}};
  for (int round = 0; round < 48; ++round) {   // every activation in every place, a pair for each direction
    GruDescription d;
    d.input_size = 3;
    d.hidden_size = 6;
    d.direction = Direction::both;
    d.reset_after = round & 1;
    d.clip = round >= 24 ? 0.5f : 0;
    const size_t kind = static_cast<size_t>(round / 2 % 12);
    d.recurrent_activation = {all[kind], all[(kind + 5) % 12]};
    d.activation = {all[(kind + 3) % 12], all[(kind + 10) % 12]};
    expect_gru(make_case(d, 3, 3, round & 2, true, random), one, two, 80, random);
  }
  struct Shape { int inputs, hidden, layers, batch, steps; Direction direction; bool after; };
  const Shape shapes[] = {{10, 16, 1, 9, 5, Direction::forward, true},  {7, 33, 2, 17, 4, Direction::both, true},
                          {20, 50, 1, 40, 3, Direction::forward, true}, {5, 70, 1, 70, 3, Direction::backward, true},
                          {30, 64, 1, 70, 3, Direction::both, false},   {16, 300, 1, 3, 3, Direction::forward, true},
                          {8, 300, 1, 1, 5, Direction::both, true},     {9, 170, 1, 40, 3, Direction::forward, false},
                          {1, 1, 3, 1, 7, Direction::both, true}};
  for (const Shape& s : shapes) {   // several panels and tiles, each way of cutting between threads
    for (int options = 0; options < 2; ++options) {
      GruDescription d;
      d.input_size = s.inputs;
      d.hidden_size = s.hidden;
      d.num_layers = s.layers;
      d.direction = s.direction;
      d.reset_after = s.after;
      expect_gru(make_case(d, s.batch, s.steps, options == 1, true, random), one, options ? four : two, 8, random);
    }
  }
  GruDescription d;
  expect_error("[gru] expected inputSize of at least 1, got 0", ErrorCode::invalid_argument, [&] { make_cpu_gru(d, one); });
  d.input_size = 2;
  d.hidden_size = 3;
  GruCase c = make_case(d, 2, 3, false, false, random);
  reference_forward(c);
  c.lengths = {1, 4};
  expect_error("got 4 for row 1", ErrorCode::shape_mismatch, [&] {
    compute(*make_cpu_gru(d, one), c, {Doubles(18), Doubles(6)}, false, 0);
  });
  return checks().report();
}

int main(int argc, char** argv) { return in_every_engine(argc, argv, run); }
