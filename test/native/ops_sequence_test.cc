// Embedding, dropout, moved steps and merged directions, each against a plain loop, on 1, 2 and 5 threads with the same bits.
#include "core/error.h"
#include "core/philox.h"
#include "ops_support.h"

using namespace grus;

namespace {

void embedding(int64_t rows, int64_t cols) {
  const int32_t vocabulary = 19;
  const Floats table = random_floats(static_cast<size_t>(vocabulary * cols), 11), dy = random_floats(static_cast<size_t>(rows * cols), 12);
  const std::vector<int32_t> ids = random_ints(static_cast<size_t>(rows), vocabulary, 13);
  const Floats y = on_any_team([&](Backend& backend) {
    Floats out(static_cast<size_t>(rows * cols));
    backend.embedding(table.data(), ids.data(), out.data(), rows, cols);
    return out;
  });
  const Floats gradient = on_any_team([&](Backend& backend) {
    Floats out = table;
    backend.embedding_grad(out.data(), ids.data(), {}, dy.data(), rows, cols);
    return out;
  });
  Doubles want = widened(table);
  bool looked_up = true;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const auto from = static_cast<size_t>(ids[static_cast<size_t>(r)] * cols + c), at = static_cast<size_t>(r * cols + c);
      looked_up = looked_up && y[at] == table[from];
      want[from] += dy[at];
    }
  CHECK(looked_up);
  CHECK(first_difference(gradient, want, 1e-5, 1e-4) == -1);
}

bool dropped(const Dropout& options, const StepScalars& scalars, int64_t row, int64_t col) {
  const uint64_t e = static_cast<uint64_t>(row % options.row_period * options.cols + col), counter = e / 4;
  const auto low = [](uint64_t value) { return static_cast<uint32_t>(value); };
  const auto words = Philox::draw({low(counter), low(counter >> 32), low(scalars.step), options.layer},
                                  {low(scalars.seed), low(scalars.seed >> 32)});
  return words[e % 4] * std::pow(2.0, -32) < static_cast<double>(options.rate);
}

void dropout(int64_t rows, int64_t cols, int64_t period, float rate) {
  Dropout options;
  options.rate = rate;
  options.layer = 3;
  options.rows = rows;
  options.cols = cols;
  options.row_period = period;
  StepScalars scalars;
  scalars.seed = 0x123456789abcdef0u;
  scalars.step = 41;
  const auto count = static_cast<size_t>(rows * cols);
  Floats x = random_floats(count, 14, 0.5f, 1);
  const Floats y = on_any_team([&](Backend& backend) {
    Floats out(count);
    backend.dropout(options, &scalars, x.data(), out.data());
    return out;
  });
  bool right = true;
  size_t gone = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const auto at = static_cast<size_t>(r * cols + c);
      const bool drop = dropped(options, scalars, r, c);
      right = right && (drop ? y[at] == 0 : near(y[at], x[at] / (1.0 - rate)));
      gone += drop;
    }
  CHECK(right);
  if (count > 10000) CHECK(near(static_cast<double>(gone) / static_cast<double>(count), rate, 0, 0.02));

  auto backend = make_cpu_backend(1);
  Floats again = x;
  backend->dropout(options, &scalars, again.data(), again.data());   // in place, and the same mask
  CHECK(same_bits(again, y));
  StepScalars later = scalars;
  later.step = 42;
  backend->dropout(options, &later, x.data(), again.data());
  if (count > 100 && rate > 0) CHECK(!same_bits(again, y));
  std::fill(x.begin(), x.end(), not_a_number);
  backend->dropout(options, &scalars, x.data(), again.data());
  bool isolated = true;
  for (size_t i = 0; i < count; ++i) isolated = isolated && (y[i] == 0) == (again[i] == 0);
  CHECK(isolated);
}

void gather(int steps, int batch, int cols) {
  GatherSteps options;
  options.steps = steps;
  options.batch = batch;
  options.cols = cols;
  options.x_stride = cols + 2;
  options.y_stride = cols + 1;
  options.fallback_stride = cols + 3;
  std::vector<int32_t> map = random_ints(static_cast<size_t>(steps * batch), steps + 2, 15);
  for (int32_t& step : map) step = step >= steps ? -1 : step;   // repeated sources and holes
  options.map = map.data();
  const size_t places = map.size();
  const Floats x = random_floats(places * static_cast<size_t>(cols + 2), 16);
  const Floats spare = random_floats(static_cast<size_t>(batch * (cols + 3)), 17);
  const Floats dy = random_floats(places * static_cast<size_t>(cols + 1), 18);
  for (const bool with_fallback : {true, false}) {
    const Floats y = on_any_team([&](Backend& backend) {
      Floats out = dy;
      backend.gather_steps(options, x.data(), with_fallback ? spare.data() : nullptr, out.data());
      return out;
    });
    const Floats dx = on_any_team([&](Backend& backend) {
      Floats out = x;
      backend.gather_steps_grad(options, dy.data(), out.data(), nullptr);
      return out;
    });
    const Floats dspare = on_any_team([&](Backend& backend) {
      Floats out = spare;
      backend.gather_steps_grad(options, dy.data(), nullptr, out.data());
      return out;
    });
    Doubles want = widened(dy), want_dx = widened(x), want_dspare = widened(spare);
    for (size_t place = 0; place < places; ++place)
      for (size_t c = 0; c < static_cast<size_t>(cols); ++c) {
        const size_t b = place % static_cast<size_t>(batch), at = place * static_cast<size_t>(cols + 1) + c;
        const size_t from_spare = b * static_cast<size_t>(cols + 3) + c;
        if (map[place] >= 0) {
          const size_t from = (static_cast<size_t>(map[place]) * static_cast<size_t>(batch) + b) * static_cast<size_t>(cols + 2) + c;
          want[at] = x[from];
          want_dx[from] += dy[at];
        } else {
          want[at] = with_fallback ? spare[from_spare] : 0;
          want_dspare[from_spare] += dy[at];
        }
      }
    CHECK(first_difference(y, want) == -1);
    CHECK(first_difference(dx, want_dx) == -1);
    CHECK(first_difference(dspare, want_dspare) == -1);
  }
}

void merge(int64_t rows, int64_t cols) {
  const auto count = static_cast<size_t>(rows * cols);
  const Floats x = random_floats(2 * count, 19), dy = random_floats(count, 20);
  for (const Merge kind : {Merge::sum, Merge::mul, Merge::ave}) {
    const Floats y = on_any_team([&](Backend& backend) {
      Floats out(count);
      backend.merge(kind, x.data(), out.data(), rows, cols);
      return out;
    });
    const Floats dx = on_any_team([&](Backend& backend) {
      Floats out(2 * count);
      backend.merge_grad(kind, x.data(), dy.data(), out.data(), rows, cols);
      return out;
    });
    Doubles want(count), want_dx(2 * count);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < cols; ++c) {
        const auto at = static_cast<size_t>(r * cols + c), f = static_cast<size_t>(2 * r * cols + c), b = f + static_cast<size_t>(cols);
        const double factor = kind == Merge::ave ? 0.5 : 1;
        want[at] = kind == Merge::mul ? static_cast<double>(x[f]) * x[b] : factor * (static_cast<double>(x[f]) + x[b]);
        want_dx[f] = dy[at] * (kind == Merge::mul ? x[b] : factor);
        want_dx[b] = dy[at] * (kind == Merge::mul ? x[f] : factor);
      }
    CHECK(first_difference(y, want) == -1);
    CHECK(first_difference(dx, want_dx) == -1);
  }
  bool refused = false;
  Floats out(count);
  try {
    make_cpu_backend(1)->merge(Merge::concat, x.data(), out.data(), rows, cols);
  } catch (const Error& error) {
    refused = error.code() == ErrorCode::invalid_argument;
  }
  CHECK(refused);
}

}  // namespace

int main() {
  embedding(1, 1);
  embedding(40, 33);
  embedding(1000, 130);
  dropout(1, 1, 1, 0.5f);
  dropout(7, 5, 7, 0.3f);
  dropout(60, 33, 4, 0.1f);
  dropout(300, 250, 300, 0.25f);
  dropout(1000, 99, 100, 0.9f);
  dropout(333, 1030, 50, 0.5f);   // rows not a multiple of the period
  dropout(10, 10, 10, 0);
  gather(1, 1, 1);
  gather(5, 3, 7);
  gather(40, 16, 96);
  merge(1, 1);
  merge(9, 21);
  merge(500, 96);
  return checks().report();
}
