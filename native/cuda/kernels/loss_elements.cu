#include "long_rows.h"
#include "loss_rows.h"

namespace grus::cuda {
namespace {

// Of one element: the value, and its derivative by the prediction.
struct Term {
  double value, slope;
};

GRUS_DEVICE inline float magnitude(float x) { return x < 0 ? -x : x; }
GRUS_DEVICE inline float sign(float x) { return x < 0 ? -1.0f : x > 0 ? 1.0f : x; }   // NaN of NaN

GRUS_DEVICE inline Term huber(float e, float delta) {
  const double size = magnitude(e);
  if (size <= delta) return {0.5 * size * size, e};
  return {delta * (size - 0.5 * delta), delta * sign(e)};
}

// max(x, 0) - x * y + log(1 + exp(-|x|))
GRUS_DEVICE inline Term binary_logit(float x, float y) {
  const double positive = x < 0 ? 0.0 : x;
  const float probability = 1 / (1 + expf(-x));
  return {positive - static_cast<double>(x) * y + log1pf(expf(-magnitude(x))), probability - y};
}

GRUS_DEVICE inline Term binary_probability(double p, double y) {
  const double q = clipped(p);
  return {-(y * log(q) + (1 - y) * log1p(-q)), inside(p) ? (q - y) / (q * (1 - q)) : 0.0};
}

struct ElementLoss : LossContext {
  using Value = double;
  double* stats;

  ElementLoss(const Loss& options, const StepScalars* scalars, double* stats) : LossContext{options, scalars}, stats(stats) {}

  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE double map(int64_t i) const {
    const int64_t row = loss.cols == 1 ? i : quotient(i, loss.cols);
    if (masked(row)) {
      if (loss.d_prediction) loss.d_prediction[i] = 0;
      return 0;
    }
    const Term term = value(loss.prediction[i], loss.target[i]);
    const auto share = static_cast<float>(scale(row) / static_cast<double>(loss.cols));
    if (loss.d_prediction) loss.d_prediction[i] = static_cast<float>(share * term.slope);
    return weight(row) * term.value;
  }
  GRUS_DEVICE void done(double total) const { add(loss.cols > 0 ? total / static_cast<double>(loss.cols) : 0.0, true, stats); }

 private:
  GRUS_DEVICE Term value(float p, float target) const {
    const float e = p - target;
    switch (loss.kind) {
      case LossKind::mse: return {(static_cast<double>(p) - target) * (static_cast<double>(p) - target), 2.0f * e};
      case LossKind::mae: return {magnitude(e), sign(e)};
      case LossKind::huber: return huber(e, loss.delta);
      default: break;
    }
    const float y = smoothed(target, loss.label_smoothing, 0.5);
    return loss.from_logits ? binary_logit(p, y) : binary_probability(p, y);
  }
};

}  // namespace

void element_loss(cudaStream_t stream, const Loss& options, const StepScalars* scalars, double* stats, void* scratch) {
  reduce_all(stream, options.rows * options.cols, ElementLoss(options, scalars, stats), scratch);
}

}  // namespace grus::cuda
