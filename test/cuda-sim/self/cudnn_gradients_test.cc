// Gradients of the simulated cuDNN against central differences of its own forward pass, in double, and the values of a GRU done by hand.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

// sum of y o dy and hy o dhy over what counts
double objective(Gru& gru, const Values& dy, const Values& dhy) {
  CHECK(category_of(gru.forward(ForwardMode::inference)) == 0);
  gru.synchronize();
  const Options& o = gru.options;
  const Values y = gru.y->get(), hy = gru.hy->get();
  const size_t width = static_cast<size_t>(o.hidden) * o.directions();
  double sum = 0;
  for (int t = 0; t < o.steps; ++t) {
    for (int b = 0; b < o.batch; ++b) {
      const bool batch_first = o.layout == RnnDataLayout::batch_major_unpacked;
      const size_t row = batch_first ? static_cast<size_t>(b) * o.steps + t : static_cast<size_t>(t) * o.batch + b;
      for (size_t j = 0; j < width && t < o.lengths[static_cast<size_t>(b)]; ++j) sum += y[row * width + j] * dy[row * width + j];
    }
  }
  for (size_t i = 0; i < hy.size(); ++i) sum += hy[i] * dhy[i];
  return sum;
}

void compare(Gru& gru, Array& values, const Values& gradient, const char* what) {
  const Values dy = gru.dy->get(), dhy = gru.dhy->get(), original = values.get();
  constexpr double kStep = 1e-5;
  double worst = 0;
  for (size_t i = 0; i < original.size(); ++i) {
    Values moved = original;
    moved[i] = original[i] + kStep;
    values.set(moved);
    const double above = objective(gru, dy, dhy);
    moved[i] = original[i] - kStep;
    values.set(moved);
    const double below = objective(gru, dy, dhy);
    const double numeric = (above - below) / (2 * kStep);
    if (std::isnan(gradient[i])) {
      if (numeric != 0) CHECK_CLOSE(gradient[i], numeric, 0);   // padding of dx is NaN, and x has no influence there
    } else {
      worst = std::max(worst, std::fabs(numeric - gradient[i]));
    }
  }
  values.set(original);
  if (!CHECK_CLOSE(worst, 0, 1e-8)) std::printf("  in the gradient of %s\n", what);
}

void gradients(Options o) {
  Gru gru(o);
  CHECK(gru.train() == 0);
  const Values dx = gru.dx->get(), dhx = gru.dhx->get(), dweights = gru.dweights->get();
  compare(gru, *gru.x, dx, "x");
  compare(gru, *gru.hx, dhx, "hx");
  compare(gru, *gru.weights, dweights, "weights");
}

// one step of one unit
void by_hand() {
  Options o;
  o.steps = o.batch = o.inputs = o.hidden = 1;
  Gru gru(o);
  Values weights = gru.weights->get();
  // W of r, z, n; R of r, z, n; the biases in the same order
  const Values w = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2};
  std::copy(w.begin(), w.end(), weights.begin());
  gru.weights->set(weights);
  gru.x->set({2});
  gru.hx->set({-0.5});
  CHECK(category_of(gru.forward(ForwardMode::inference)) == 0);
  gru.synchronize();
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  const double r = sigmoid(0.1 * 2 + 0.7 + 0.4 * -0.5 + 1.0), z = sigmoid(0.2 * 2 + 0.8 + 0.5 * -0.5 + 1.1);
  const double n = std::tanh(0.3 * 2 + 0.9 + r * (0.6 * -0.5 + 1.2));
  CHECK_CLOSE(gru.y->get()[0], (1 - z) * n + z * -0.5, 1e-15);
  CHECK_CLOSE(gru.hy->get()[0], gru.y->get()[0], 0);
}

// Elements of the weight space whose NaN reaches y: all that belong to a gate, none between them.
int elements_that_matter() {
  const Knob knob("CUDNN_LAYOUT", "permuted");
  Gru gru({});
  const Values weights = gru.weights->get();
  int count = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    Values spoiled = weights;
    spoiled[i] = NAN;
    gru.weights->set(spoiled);
    gru.forward(ForwardMode::inference);
    gru.synchronize();
    const Values y = gru.y->get();
    count += std::any_of(y.begin(), y.end(), [](double v) { return std::isnan(v); });
  }
  return count;
}

}   // namespace

int main() {
  by_hand();
  gradients({});
  Options deep;
  deep.layers = 2;
  deep.direction = DirectionMode::bidirectional;
  deep.lengths = {5, 1, 3};
  gradients(deep);
  deep.layout = RnnDataLayout::batch_major_unpacked;
  deep.bias = RnnBiasMode::none;
  gradients(deep);
  deep.bias = RnnBiasMode::double_bias;
  for (const char* layout : {"permuted", "poisoned"}) {
    const Knob knob("CUDNN_LAYOUT", layout);
    gradients(deep);
  }
  CHECK(elements_that_matter() == 3 * 3 * (4 + 3) + 6 * 3);
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
