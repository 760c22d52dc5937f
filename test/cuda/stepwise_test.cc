// The numbers of the stepwise GRU are the CPU engine's: every variant, activation, direction and kind of lengths.
#include "stepwise_support.h"

using namespace grus;
using namespace stepwise;

namespace {

GruDescription describe(int inputs, int hidden, int layers, Direction direction, bool bias, bool after) {
  GruDescription d;
  d.input_size = inputs;
  d.hidden_size = hidden;
  d.num_layers = layers;
  d.direction = direction;
  d.bias = bias;
  d.reset_after = after;
  return d;
}

bool zero_beyond(const Problem& p, const Floats& values, size_t cols) {   // of [T, B, cols]
  for (size_t i = 0; i < p.rows() && !p.lengths.empty(); ++i) {
    const auto row = values.begin() + static_cast<std::ptrdiff_t>(i * cols);
    const bool beyond = static_cast<int>(i / static_cast<size_t>(p.batch)) >= p.lengths[i % static_cast<size_t>(p.batch)];
    if (beyond && !std::all_of(row, row + static_cast<std::ptrdiff_t>(cols), [](float v) { return v == 0; })) return false;
  }
  return true;
}

void expect_like_cpu(Engine& cpu, Engine& gpu, const Problem& p) {
  const Result expected = compute(cpu, p), got = compute(gpu, p), inference = compute(gpu, p, false);
  bool good = agree(got, expected);
  good &= CHECK_CLOSE(difference(inference.y, got.y), 0.0, 2e-6);
  good &= CHECK_CLOSE(difference(inference.hy, got.hy), 0.0, 2e-6);
  good &= CHECK(zero_beyond(p, got.y, p.width()) && zero_beyond(p, inference.y, p.width()));
  if (p.dx) good &= CHECK(zero_beyond(p, got.dx, static_cast<size_t>(p.description.input_size)));
  if (good) return;
  const GruDescription& d = p.description;
  std::printf("  I %d H %d L %d B %d T %d direction %d bias %d after %d clip %g recurrent %d %d activation %d %d lengths", d.input_size,
              d.hidden_size, d.num_layers, p.batch, p.steps, static_cast<int>(d.direction), d.bias, d.reset_after,
              static_cast<double>(d.clip), static_cast<int>(d.recurrent_activation[0].kind),
              static_cast<int>(d.recurrent_activation[1].kind), static_cast<int>(d.activation[0].kind),
              static_cast<int>(d.activation[1].kind));
  for (const int32_t length : p.lengths) std::printf(" %d", length);
  std::printf("\n");
}

std::vector<Lengths> patterns() {   // of 5 rows and 4 steps
  return {{}, {4, 4, 4, 4, 4}, {4, 3, 3, 2, 1}, {1, 4, 2, 4, 3}, {0, 2, 4, 0, 1}, {0, 0, 0, 0, 0}};
}

void structures(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const bool after : {true, false}) {
    for (const bool bias : {true, false}) {
      for (const Direction direction : {Direction::forward, Direction::backward, Direction::both}) {
        for (const int layers : {1, 2, 3}) {
          for (const Lengths& lengths : patterns()) {
            expect_like_cpu(cpu, gpu, make_problem(describe(3, 6, layers, direction, bias, after), 5, 4, lengths, random));
          }
        }
      }
    }
  }
}

std::vector<Activation> activations() {
  using K = ActivationKind;
  return {{K::linear, 0, 0},        {K::relu, 0, 0},
          {K::tanh, 0, 0},          {K::sigmoid, 0, 0},
          {K::softsign, 0, 0},      {K::softplus, 0, 0},
          {K::affine, 0.4f, 0.3f},  {K::leaky_relu, 0.1f, 0},
          {K::thresholded_relu, 0.2f, 0}, {K::scaled_tanh, 1.5f, 0.7f},
          {K::hard_sigmoid, 0.3f, 0.4f}, {K::elu, 0.8f, 0}};
}

// Each kind for r and z and for n, another one in the other direction; clip is small enough to hold many inputs.
void every_activation(Engine& cpu, Engine& gpu, std::mt19937& random) {
  const std::vector<Activation> all = activations();
  for (size_t i = 0; i < all.size(); ++i) {
    for (const bool after : {true, false}) {
      for (const float clip : {0.0f, 0.5f}) {
        GruDescription d = describe(4, 9, 2, Direction::both, true, after);
        d.recurrent_activation = {all[i], all[(i + 5) % all.size()]};
        d.activation = {all[(i + 1) % all.size()], all[(i + 7) % all.size()]};
        d.clip = clip;
        expect_like_cpu(cpu, gpu, make_problem(d, 5, 4, {}, random));
        expect_like_cpu(cpu, gpu, make_problem(d, 5, 4, {2, 4, 0, 3, 1}, random));
        d.direction = Direction::backward;
        expect_like_cpu(cpu, gpu, make_problem(d, 5, 4, {4, 1, 3, 2, 4}, random));
      }
    }
  }
}

// Every input far outside, on either side: the clamp alone decides, and gradients end there.
void held_by_clip(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const bool after : {true, false}) {
    for (const float side : {-1.0f, 1.0f}) {
      GruDescription d = describe(3, 5, 1, Direction::both, true, after);
      d.clip = 0.25f;
      Problem p = make_problem(d, 4, 3, {}, random);
      for (float& v : p.x) v = 10 + std::fabs(v);
      for (float& v : p.weights) v = side * (40 + std::fabs(v));
      const Result got = compute(gpu, p);
      CHECK(agree(got, compute(cpu, p)));
      CHECK(std::all_of(got.dx.begin(), got.dx.end(), [](float v) { return v == 0; }));
      CHECK(same(got.dweights, p.before));
    }
  }
}

// Null: zeros come in, or what is not wanted is not computed; 2^7 combinations.
void optional_pointers(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const bool after : {true, false}) {
    const Problem all = make_problem(describe(3, 5, 2, Direction::both, true, after), 4, 3, {3, 0, 2, 1}, random);
    for (int bits = 0; bits < 128; ++bits) {
      Problem p = all;
      if (bits & 1) p.hx.clear();
      if (bits & 2) p.dy.clear();
      if (bits & 4) p.dhy.clear();
      p.hy = !(bits & 8);
      p.dx = !(bits & 16);
      p.dhx = !(bits & 32);
      p.dweights = !(bits & 64);
      if (!agree(compute(gpu, p), compute(cpu, p))) std::printf("  null pointers: bits %d after %d\n", bits, after);
    }
  }
}

void other_sizes(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const bool after : {true, false}) {
    for (const Direction direction : {Direction::forward, Direction::both}) {
      expect_like_cpu(cpu, gpu, make_problem(describe(1, 1, 2, direction, true, after), 1, 1, {}, random));
      expect_like_cpu(cpu, gpu, make_problem(describe(40, 33, 2, direction, true, after), 3, 1, {}, random));
      expect_like_cpu(cpu, gpu, make_problem(describe(2, 65, 1, direction, true, after), 1, 12, {}, random));
      Lengths lengths;
      for (int row = 0; row < 34; ++row) lengths.push_back(static_cast<int32_t>(random() % 10));
      expect_like_cpu(cpu, gpu, make_problem(describe(17, 48, 2, direction, true, after), 34, 9, lengths, random));
    }
  }
}

// What the backend makes where cuDNN has no such GRU.
void not_of_cudnn(Engine& cpu, Engine& chosen, std::mt19937& random) {
  std::vector<GruDescription> all(4, describe(4, 7, 1, Direction::both, true, true));
  all[0].reset_after = false;
  all[1].clip = 0.5f;
  all[2].activation[1] = {ActivationKind::relu, 0, 0};
  all[3].recurrent_activation[0] = {ActivationKind::hard_sigmoid, 0.2f, 0.5f};
  for (const GruDescription& d : all) expect_like_cpu(cpu, chosen, make_problem(d, 5, 4, {2, 4, 0, 3, 1}, random));
}

// The same bits in every run, on memory used before or not.
void repeatable(Engine& gpu, std::mt19937& random) {
  for (const bool after : {true, false}) {
    const Problem p = make_problem(describe(7, 40, 2, Direction::both, true, after), 9, 6, {6, 0, 3, 2, 6, 5, 1, 4, 6}, random);
    const Result first = compute(gpu, p);
    for (int run = 0; run < 3; ++run) CHECK(same(compute(gpu, p), first));
    const auto plan = gpu.make(p.description);
    Problem sums = p;
    sums.before.assign(p.before.size(), 0);
    Setup setup(gpu, *plan, sums);
    setup.run();
    const Result once = setup.result();
    setup.run();
    const Result twice = setup.result();
    CHECK(same(once.y, twice.y) && same(once.hy, twice.hy) && same(once.dx, twice.dx) && same(once.dhx, twice.dhx));
    Floats doubled = once.dweights;
    for (float& v : doubled) v *= 2;
    CHECK_CLOSE(difference(twice.dweights, doubled), 0.0, 1e-5);   // added to
  }
}

}  // namespace

int main() {
  EngineOptions options;
  options.device = Device::cuda;
  std::unique_ptr<StepwiseEngine> gpu;
  std::unique_ptr<BackendEngine> chosen;
  try {
    gpu = std::make_unique<StepwiseEngine>(options);
    chosen = std::make_unique<BackendEngine>(make_cuda_backend(options));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::backend_unavailable) throw;
    std::printf("skipped: %s\n", error.what());
    return kNothingTested;
  }
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(11);
  structures(cpu, *gpu, random);
  every_activation(cpu, *gpu, random);
  held_by_clip(cpu, *gpu, random);
  optional_pointers(cpu, *gpu, random);
  other_sizes(cpu, *gpu, random);
  not_of_cudnn(cpu, *chosen, random);
  repeatable(*gpu, random);
  return checks().report();
}
