// Operations on elements and rows on the GPU against the CPU's: the same bits wherever no function of <cmath> is called.
#include "on_both.h"

using namespace grus;

namespace {

void rows_and_bias(Engines& engines, int64_t rows, int64_t cols, int64_t gap, size_t shift) {
  const int64_t x_stride = cols + gap, y_stride = cols + 2 * gap;
  const Floats x = random_floats(static_cast<size_t>(rows * x_stride), 1), start = random_floats(static_cast<size_t>(rows * y_stride), 2);
  for (const bool add : {false, true})
    for (const int64_t stride : {x_stride, int64_t{0}}) {
      const Results y = on_both(engines, [&](Backend& backend) {
        const On<float> from(backend, x, shift), to(backend, start);
        engines.run(backend, [&] {
          if (add) backend.add_rows(from.data(), stride, to.data(), y_stride, rows, cols);
          else backend.copy_rows(from.data(), stride, to.data(), y_stride, rows, cols);
        });
        return to.read();
      });
      CHECK(same_bits(y.cuda, y.cpu));   // gaps between the rows stay, too
    }
  const Floats bias = random_floats(static_cast<size_t>(cols), 3), dense = random_floats(static_cast<size_t>(rows * cols), 4);
  const Results biased = on_both(engines, [&](Backend& backend) {
    const On<float> b(backend, bias, shift), y(backend, dense);
    engines.run(backend, [&] { backend.bias_add(y.data(), b.data(), rows, cols); });
    return y.read();
  });
  CHECK(same_bits(biased.cuda, biased.cpu));
}

Floats with_extremes(size_t count) {
  Floats x = random_floats(count, 5, -6, 6);
  const Floats extremes{0.0f,  -0.0f,  INFINITY, -INFINITY, not_a_number, 1e30f, -1e30f, 3e38f,
                        -3e38f, 1e-40f, -1e-40f,  88.7f,     -88.7f,       20.0f, -104.0f};
  for (size_t i = 0; i < count / 3 && i < extremes.size(); ++i) x[3 * i + 2] = extremes[i];
  return x;
}

void activations(Engines& engines, size_t count, size_t shift) {
  const Activation kinds[] = {{ActivationKind::linear, 0, 0}, {ActivationKind::relu, 0, 0}, {ActivationKind::tanh, 0, 0},
                              {ActivationKind::sigmoid, 0, 0}, {ActivationKind::softsign, 0, 0}, {ActivationKind::softplus, 0, 0},
                              {ActivationKind::affine, 0.7f, 0.2f}, {ActivationKind::leaky_relu, 0.1f, 0},
                              {ActivationKind::thresholded_relu, 0.4f, 0}, {ActivationKind::scaled_tanh, 1.3f, 0.6f},
                              {ActivationKind::scaled_tanh, 0, 0.6f}, {ActivationKind::hard_sigmoid, 0.2f, 0.5f},
                              {ActivationKind::elu, 0.9f, 0}};
  const Floats x = with_extremes(count), dy = random_floats(count, 6);
  const auto n = static_cast<int64_t>(count);
  for (const Activation& kind : kinds) {
    const Results y = on_both(engines, [&](Backend& backend) {
      const On<float> from(backend, x, shift), to(backend, dy);
      engines.run(backend, [&] { backend.activation(kind, from.data(), to.data(), n); });
      return to.read();
    });
    const bool line = kind.kind == ActivationKind::affine || kind.kind == ActivationKind::hard_sigmoid;
    // 4 units of the last place of either engine; where a line crosses zero, one of them may not have rounded the product
    CHECK(first_apart(y, 1e-6, line ? 6e-8 : 1e-37) == -1);
    const Results in_place = on_both(engines, [&](Backend& backend) {
      const On<float> values(backend, x, shift);
      engines.run(backend, [&] { backend.activation(kind, values.data(), values.data(), n); });
      return values.read();
    });
    CHECK(same_bits(in_place.cuda, y.cuda));
    const Results dx = on_both(engines, [&](Backend& backend) {
      const On<float> out(backend, y.cpu, shift), d(backend, dy);
      engines.run(backend, [&] { backend.activation_grad(kind, out.data(), d.data(), d.data(), n); });
      return d.read();
    });
    CHECK(first_apart(dx, 1e-6, 3e-7) == -1);   // 1 - y * y cancels; one of the engines may not round y * y
  }
}

void merges(Engines& engines, int64_t rows, int64_t cols) {
  const auto count = static_cast<size_t>(rows * cols);
  const Floats x = random_floats(2 * count, 7), dy = random_floats(count, 8);
  for (const Merge kind : {Merge::sum, Merge::mul, Merge::ave}) {
    const Results y = on_both(engines, [&](Backend& backend) {
      const On<float> from(backend, x), to(backend, Floats(count, not_a_number));
      engines.run(backend, [&] { backend.merge(kind, from.data(), to.data(), rows, cols); });
      return to.read();
    });
    CHECK(same_bits(y.cuda, y.cpu));
    const Results dx = on_both(engines, [&](Backend& backend) {
      const On<float> from(backend, x), d(backend, dy), to(backend, Floats(2 * count, not_a_number));
      engines.run(backend, [&] { backend.merge_grad(kind, from.data(), d.data(), to.data(), rows, cols); });
      return to.read();
    });
    CHECK(same_bits(dx.cuda, dx.cpu));
  }
  std::string refused;
  try {
    engines.cuda->merge(Merge::concat, nullptr, nullptr, rows, cols);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid_argument) refused = error.what();
  }
  CHECK(refused.find("[merge]") == 0);
}

void dropout(Engines& engines, int64_t rows, int64_t cols, int64_t period, float rate, size_t shift) {
  Dropout options;
  options.rate = rate;
  options.layer = 3;
  options.rows = rows;
  options.cols = cols;
  options.row_period = period;
  StepScalars scalars;
  scalars.seed = 0x123456789abcdef0u;
  scalars.step = 0x300000029u;
  Floats x = random_floats(static_cast<size_t>(rows * cols), 9, 0.5f, 1);
  for (size_t i = 0; i < x.size(); i += 5) x[i] = not_a_number;
  for (const bool in_place : {false, true}) {
    const Results y = on_both(engines, [&](Backend& backend) {
      const On<StepScalars> step(backend, {scalars});
      const On<float> from(backend, x, shift), to(backend, Floats(x.size(), -1));
      float* result = in_place ? from.data() : to.data();
      engines.run(backend, [&] { backend.dropout(options, step.data(), from.data(), result); });
      return in_place ? from.read() : to.read();
    });
    bool same = true;
    for (size_t i = 0; i < x.size(); ++i) same = same && (y.cuda[i] == y.cpu[i] || (std::isnan(y.cuda[i]) && std::isnan(y.cpu[i])));
    CHECK(same && y.cuda.size() == x.size());
  }
}

// More elements than one launch has threads.
void many(Engines& engines) {
  const size_t count = (size_t{1} << 24) + 1003;
  const Floats x = random_floats(count, 10), dy(count, 2);
  const Results y = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, x), d(backend, dy);
    engines.run(backend, [&] {
      backend.activation_grad({ActivationKind::relu, 0, 0}, from.data(), d.data(), d.data(), static_cast<int64_t>(count));
    });
    return d.read();
  });
  CHECK(same_bits(y.cuda, y.cpu));
}

}  // namespace

int main() {
  const auto engines = both_engines();
  if (!engines) return kNothingTested;
  struct { int64_t rows, cols; } shapes[] = {{0, 5}, {5, 0}, {1, 1}, {1, 7}, {37, 51}, {64, 128}, {3, 1030}, {70001, 3}, {513, 68}};
  for (const auto& [rows, cols] : shapes) {
    rows_and_bias(*engines, rows, cols, 0, 0);
    rows_and_bias(*engines, rows, cols, 4, 0);   // strides of whole Fours
    rows_and_bias(*engines, rows, cols, 3, 0);
    rows_and_bias(*engines, rows, cols, 0, 1);   // not on a boundary of 16 bytes
    merges(*engines, rows, cols);
  }
  for (const size_t count : {0, 1, 77, 4096, 70001}) activations(*engines, count, 0);
  activations(*engines, 4096, 1);
  dropout(*engines, 0, 5, 5, 0.5f, 0);
  dropout(*engines, 1, 1, 1, 0.5f, 0);
  dropout(*engines, 7, 5, 7, 0.3f, 0);
  dropout(*engines, 60, 33, 4, 0.1f, 0);
  dropout(*engines, 300, 256, 300, 0.25f, 0);
  dropout(*engines, 300, 256, 20, 0.25f, 0);
  dropout(*engines, 300, 256, 20, 0.25f, 1);
  dropout(*engines, 1000, 99, 100, 0.9f, 0);
  dropout(*engines, 333, 1030, 50, 0.5f, 0);      // rows not a multiple of the period
  dropout(*engines, 35, 64, 8, 0.5f, 0);          // the same in Fours
  dropout(*engines, 10, 10, 20, 0.5f, 0);
  dropout(*engines, 10, 10, 10, 0, 0);
  dropout(*engines, 10, 10, 10, 1, 0);
  many(*engines);
  return checks().report();
}
