// Rows of different lengths: what lies beyond them never matters, no row sees another, and a captured pass serves other lengths.
#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

void every_row(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const int layers : {1, 2}) {
    for (const Direction direction : {Direction::forward, Direction::backward, Direction::both}) {
      for (const auto& [batch, steps] : {std::array{1, 4}, {9, 6}, {33, 3}}) {
        for (const int least : {0, 1}) {
          const Lengths lengths = every_length(batch, steps, least);
          expect_like_cpu(cpu, gpu, make_problem(gru::describe(3, 6, layers, direction), batch, steps, lengths, random));
        }
      }
    }
  }
}

// The same bits whatever lies beyond the rows' ends.
void padding(Engine& gpu, std::mt19937& random) {
  for (const int layers : {1, 2}) {
    for (const Direction direction : {Direction::forward, Direction::backward, Direction::both}) {
      const Problem nan = make_problem(gru::describe(3, 6, layers, direction), 4, 5, {2, 0, 5, 3}, random);
      const Result expected = compute(gpu, nan);
      for (const float fill : {0.0f, 1e30f, -INFINITY}) {
        Problem p = nan;
        for (Floats* values : {&p.x, &p.dy}) std::replace_if(values->begin(), values->end(), [](float v) { return std::isnan(v); }, fill);
        CHECK(same(compute(gpu, p), expected));
      }
    }
  }
}

// A GRU of one layer and direction is enqueued without a look at the lengths: the graph made for some serves all.
void captured(Gpu& gpu, Engine& cpu, std::mt19937& random) {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const GruDescription d = gru::describe(3, 6, 1, direction);
    const auto plan = gpu.make(d);
    CHECK(!plan->reads_host_lengths());
    Problem p = make_problem(d, 4, 5, {5, 5, 5, 5}, random);
    Setup setup(gpu, *plan, p);
    for (const Lengths& lengths : {Lengths{5, 5, 5, 5}, {2, 0, 5, 3}, {1, 4, 0, 0}, {5, 2, 2, 1}}) {
      p.lengths = lengths;
      setup.forward.lengths = setup.backward.lengths = p.lengths.data();
      gpu.upload(const_cast<int32_t*>(setup.forward.device_lengths), lengths.data(), lengths.size() * sizeof(int32_t));
      const Floats before = scatter(*plan, p.before, 0);
      gpu.upload(setup.backward.dweights, before.data(), before.size() * sizeof(float));
      gpu.backend->run(direction == Direction::forward ? "ragged" : "ragged backward", [&] {
        plan->forward(setup.forward);
        plan->backward(setup.backward);
      });
      const Result got = setup.result(), expected = compute(cpu, p);
      CHECK_CLOSE(difference(got.y, expected.y), 0.0, 1e-5);
      CHECK_CLOSE(difference(got.hy, expected.hy), 0.0, 1e-5);
      CHECK_CLOSE(difference(got.dx, expected.dx), 0.0, 1e-4);
      CHECK_CLOSE(difference(got.dhx, expected.dhx), 0.0, 1e-4);
      CHECK_CLOSE(difference(got.dweights, expected.dweights), 0.0, 1e-4);
    }
  }
  CHECK(gpu.make(gru::describe(3, 6, 2, Direction::forward))->reads_host_lengths());
  CHECK(gpu.make(gru::describe(3, 6, 1, Direction::both))->reads_host_lengths());
}

void wrong_lengths(Gpu& gpu, std::mt19937& random) {
  for (const int layers : {1, 2}) {
    const GruDescription d = gru::describe(3, 6, layers, Direction::forward);
    const auto plan = gpu.make(d);
    Problem p = make_problem(d, 3, 4, {1, 2, 3}, random);
    for (const int32_t length : {-1, 5}) {
      p.lengths[1] = length;
      Setup setup(gpu, *plan, p);
      expect_error(ErrorCode::shape_mismatch, "lengths of 0 to 4, got " + std::to_string(length), [&] { plan->forward(setup.forward); });
    }
    p.lengths[1] = 2;
    Setup setup(gpu, *plan, p);
    setup.forward.device_lengths = nullptr;
    expect_error(ErrorCode::invalid_argument, "on the host and on the device", [&] { plan->forward(setup.forward); });
  }
}

}  // namespace

int main() {
  const auto gpu = find_gpu(on_gpu());
  if (!gpu) return kNothingTested;
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(5);
  every_row(cpu, *gpu, random);
  padding(*gpu, random);
  captured(*gpu, cpu, random);
  wrong_lengths(*gpu, random);
  return checks().report();
}
