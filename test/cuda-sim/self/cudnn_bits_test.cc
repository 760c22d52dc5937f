// The last bits of a row depend on how many rows it is computed with: whoever compares batches of different sizes bit by bit sees it.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

constexpr int kHidden = 16, kSteps = 5;

// y of the first row, in a batch of that many
Values first_row(int batch, DataType type, RnnAlgo algo) {
  Options o;
  o.type = type, o.math_prec = type == DataType::float64 ? type : DataType::float32;
  o.algo = algo, o.hidden = kHidden, o.steps = kSteps, o.batch = batch;
  Gru gru(o);
  const auto repeated = [&](size_t width, int lines, unsigned long long seed) {   // all rows alike, [lines, B, width]
    Values values;
    const Values one = random(width * static_cast<size_t>(lines), seed);
    for (int line = 0; line < lines; ++line) {
      for (int row = 0; row < batch; ++row) {
        const auto from = one.begin() + static_cast<std::ptrdiff_t>(width) * line;
        values.insert(values.end(), from, from + static_cast<std::ptrdiff_t>(width));
      }
    }
    return values;
  };
  gru.x->set(repeated(static_cast<size_t>(o.inputs), kSteps, 1));
  gru.hx->set(repeated(kHidden, 1, 2));
  CHECK(gru.train() == 0);
  const Values y = gru.y->get();
  Values row;
  for (int t = 0; t < kSteps; ++t) {
    const auto from = y.begin() + static_cast<std::ptrdiff_t>(t) * batch * kHidden;
    row.insert(row.end(), from, from + kHidden);
    CHECK(std::equal(from, from + kHidden, y.begin() + (static_cast<std::ptrdiff_t>(t + 1) * batch - 1) * kHidden));   // as in the last row
  }
  return row;
}

double apart(const Values& a, const Values& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

}   // namespace

int main() {
  for (const RnnAlgo algo : {RnnAlgo::standard, RnnAlgo::persist_static_small_h}) {
    const Values alone = first_row(1, DataType::float32, algo);
    CHECK(first_row(1, DataType::float32, algo) == alone);
    for (const int batch : {2, 3, 8}) {
      const double distance = apart(first_row(batch, DataType::float32, algo), alone);
      if (!CHECK(distance > 0 && distance < 1e-6)) std::printf("  batch %d: %g\n", batch, distance);
    }
    const Knob same("BITS", "same");
    CHECK(first_row(3, DataType::float32, algo) == first_row(1, DataType::float32, algo));
  }
  CHECK(first_row(3, DataType::float64, RnnAlgo::standard) == first_row(1, DataType::float64, RnnAlgo::standard));
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
