// cuDNN's GRU gives the CPU engine's numbers: every structure, every combination of optional pointers, sizes that suit no kernel.
#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

constexpr Direction kDirections[] = {Direction::forward, Direction::backward, Direction::both};

void structures(Engine& cpu, Engine& gpu, std::mt19937& random) {
  int turn = 0;
  for (const int layers : {1, 2, 3}) {
    for (const Direction direction : kDirections) {
      for (const bool bias : {true, false}) {
        for (const Lengths& lengths : {Lengths{}, Lengths{5, 5, 5, 5}, Lengths{2, 5, 1, 4}, Lengths{0, 5, 3, 0}, Lengths{0, 0, 0, 0}}) {
          const Problem p = make_problem(gru::describe(3, 8, layers, direction, bias), 4, 5, lengths, random);
          expect_like_cpu(cpu, gpu, p);
          expect_like_cpu(cpu, gpu, without(p, turn));   // all 128 in turn
          turn = (turn + 37) % 128;
        }
      }
    }
  }
}

void optional_pointers(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const int layers : {1, 2}) {
    const Problem full = make_problem(gru::describe(3, 5, layers, Direction::forward), 3, 4, {}, random);
    const Problem ragged = make_problem(gru::describe(3, 5, layers, Direction::forward), 3, 4, {3, 0, 4}, random);
    for (int bits = 0; bits < 128; ++bits) {
      expect_like_cpu(cpu, gpu, without(full, bits));
      expect_like_cpu(cpu, gpu, without(ragged, bits));
    }
  }
}

void sizes(Engine& cpu, Engine& gpu, std::mt19937& random) {
  int turn = 0;
  for (const int hidden : {1, 3, 5, 8, 33, 130}) {
    for (const int inputs : {1, 3, 8, 33, 130}) {
      const int batch = std::array{1, 3, 5, 8, 33}[static_cast<size_t>(turn % 5)];
      const int steps = std::array{1, 3, 8, 5}[static_cast<size_t>(turn % 4)];
      const Direction direction = kDirections[turn % 3];
      const Lengths lengths = turn % 2 ? every_length(batch, steps, 0) : Lengths{};
      expect_like_cpu(cpu, gpu, make_problem(gru::describe(inputs, hidden, 1 + turn % 2, direction), batch, steps, lengths, random));
      ++turn;
    }
  }
}

// One plan, one shape after another, larger and smaller; no call leaves anything behind that the next sees.
void shapes_in_turn(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const int layers : {1, 2}) {
    const GruDescription d = gru::describe(4, 6, layers, Direction::forward);
    const auto plan = gpu.make(d);
    for (const auto& [batch, steps, least] : {std::array{2, 3, 0}, {7, 9, 0}, {1, 1, 1}, {7, 9, 1}, {2, 9, 0}, {7, 3, 0}, {2, 3, 0}}) {
      for (const bool ragged : {false, true}) {
        const Problem p = make_problem(d, batch, steps, ragged ? every_length(batch, steps, least) : Lengths{}, random);
        Setup setup(gpu, *plan, p);
        setup.run();
        const Result got = setup.result(), expected = compute(cpu, p);
        CHECK_CLOSE(difference(got.y, expected.y), 0.0, 1e-5);
        CHECK_CLOSE(difference(got.dweights, expected.dweights), 0.0, 1e-4);
        CHECK(setup.intact());
      }
    }
  }
}

void repeatable(Engine& gpu, std::mt19937& random) {
  for (const int layers : {1, 2}) {
    const Problem p = make_problem(gru::describe(7, 24, layers, Direction::both), 6, 5, {5, 0, 3, 2, 5, 1}, random);
    const Result first = compute(gpu, p);
    for (int run = 0; run < 2; ++run) CHECK(same(compute(gpu, p), first));
  }
}

void parameters(Engine& cpu, Engine& gpu) {
  for (const Direction direction : kDirections) {
    for (const bool bias : {true, false}) {
      const GruDescription d = gru::describe(3, 5, 2, direction, bias);
      const auto expected = cpu.make(d), got = gpu.make(d);
      if (!CHECK(got->parameters().size() == expected->parameters().size())) continue;
      for (size_t i = 0; i < got->parameters().size(); ++i) {
        const GruParameter &a = got->parameters()[i], &b = expected->parameters()[i];
        CHECK(a.name == b.name && a.layer == b.layer && a.direction == b.direction && a.tensor == b.tensor);
        CHECK(a.rows == b.rows && a.cols == b.cols);
      }
      CHECK(got->weight_count() % 64 == 0);   // what lies behind it stays aligned
      CHECK(got->weight_count() >= expected->weight_count());
    }
  }
}

void nothing_to_do(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const int bits : {0, 1, 4}) {
    const Problem p = without(make_problem(gru::describe(3, 4, 2, Direction::both), 3, 0, {}, random), bits);
    const Result expected = compute(cpu, p), got = compute(gpu, p);
    CHECK(same(got.hy, expected.hy) && same(got.dhx, expected.dhx) && same(got.dweights, expected.dweights));
  }
  const auto plan = gpu.make(gru::describe(3, 4, 1, Direction::forward));
  CHECK(plan->reserve_bytes(0, 5, false) == 0 && plan->workspace_bytes(0, 5, true, false) == 0);
}

void refusals(Engine& gpu) {
  expect_error(ErrorCode::invalid_argument, "inputSize of at least 1, got 0",
               [&] { gpu.make(gru::describe(0, 4, 1, Direction::forward)); });
  expect_error(ErrorCode::invalid_argument, "hiddenSize", [&] { gpu.make(gru::describe(4, 0, 1, Direction::forward)); });
  expect_error(ErrorCode::unsupported, "fewer than 2^31 values", [&] { gpu.make(gru::describe(4, 40000, 1, Direction::forward)); });
  const auto plan = gpu.make(gru::describe(4, 8, 1, Direction::forward));
  expect_error(ErrorCode::shape_mismatch, "at least 0, got -1 and 2", [&] { plan->reserve_bytes(-1, 2, false); });
  expect_error(ErrorCode::unsupported, "fewer than 2^31 values", [&] { plan->workspace_bytes(1 << 20, 1 << 14, true, false); });
}

}  // namespace

int main() {
  const auto gpu = find_gpu(on_gpu());
  if (!gpu) return kNothingTested;
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(3);
  structures(cpu, *gpu, random);
  optional_pointers(cpu, *gpu, random);
  sizes(cpu, *gpu, random);
  shapes_in_turn(cpu, *gpu, random);
  repeatable(*gpu, random);
  parameters(cpu, *gpu);
  nothing_to_do(cpu, *gpu, random);
  refusals(*gpu);
  return checks().report();
}
