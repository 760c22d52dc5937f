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

// What one plan makes of one batch after another of one size, each pass by way of Backend::run with the same key.
class Passes {
 public:
  Passes(Gpu& gpu, const GruDescription& d, int batch, int steps, std::mt19937& random)
      : gpu_(gpu),
        key_("ragged " + std::to_string(d.num_layers) + " " + std::to_string(static_cast<int>(d.direction))),
        plan_(gpu.make(d)),
        problem_(make_problem(d, batch, steps, Lengths(static_cast<size_t>(batch), steps), random)),
        setup_(gpu, *plan_, problem_) {}

  const Result& run(const Lengths& lengths) {
    problem_.lengths = lengths;
    setup_.forward.lengths = setup_.backward.lengths = problem_.lengths.data();
    gpu_.upload(const_cast<int32_t*>(setup_.forward.device_lengths), lengths.data(), lengths.size() * sizeof(int32_t));
    const Floats before = scatter(*plan_, problem_.before, 0);
    gpu_.upload(setup_.backward.dweights, before.data(), before.size() * sizeof(float));
    gpu_.backend->run(key_, [&] {
      ++enqueued_;
      plan_->forward(setup_.forward);
      plan_->backward(setup_.backward);
    });
    return result_ = setup_.result();
  }
  const Problem& problem() const { return problem_; }
  int enqueued() const { return enqueued_; }

 private:
  Gpu& gpu_;
  const std::string key_;
  const std::unique_ptr<GruPlan> plan_;
  Problem problem_;
  Setup setup_;
  Result result_;
  int enqueued_ = 0;
};

// Work is enqueued without a look at the lengths: the graph made for some serves all, with the bits of work that is enqueued anew.
void captured(Gpu& gpu, Gpu& eager, Engine& cpu, std::mt19937& random) {
  for (const int layers : {1, 2, 3}) {
    for (const Direction direction : {Direction::forward, Direction::backward, Direction::both}) {
      const GruDescription d = gru::describe(3, 6, layers, direction);
      std::mt19937 same_numbers(random());
      std::mt19937 twice = same_numbers;
      Passes graphs(gpu, d, 4, 5, same_numbers), anew(eager, d, 4, 5, twice);
      for (const Lengths& lengths : {Lengths{5, 5, 5, 5}, {2, 0, 5, 3}, {1, 4, 0, 0}, {5, 2, 2, 1}, {0, 0, 0, 0}}) {
        const Result &got = graphs.run(lengths), expected = compute(cpu, graphs.problem());
        CHECK_CLOSE(difference(got.y, expected.y), 0.0, 1e-5);
        CHECK_CLOSE(difference(got.hy, expected.hy), 0.0, 1e-5);
        CHECK_CLOSE(difference(got.dx, expected.dx), 0.0, 1e-4);
        CHECK_CLOSE(difference(got.dhx, expected.dhx), 0.0, 1e-4);
        CHECK_CLOSE(difference(got.dweights, expected.dweights), 0.0, 1e-4);
        CHECK(same(got, anew.run(lengths)));
      }
      CHECK(graphs.enqueued() == 3 && anew.enqueued() == 5);   // twice as it is, then into the graph
    }
  }
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
  EngineOptions without_graphs = on_gpu();
  without_graphs.graphs = false;
  BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(5);
  every_row(cpu, *gpu, random);
  padding(*gpu, random);
  captured(*gpu, *find_gpu(without_graphs), cpu, random);
  wrong_lengths(*gpu, random);
  return checks().report();
}
