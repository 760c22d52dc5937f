#pragma once
#include <cmath>

#include "../../backend.h"
#include "launch.h"

// One update of one weight, by optimizer: the formulas of native/cpu/ops_updates.inc.
namespace grus::cuda {

// What the rules need of one update, made on the device from StepScalars.
struct UpdateCoefficients {
  float rate = 0;                 // step size, bias correction included
  float keep1 = 0, take1 = 0;     // first average: keep1 = beta1 or momentum; take1 = 1 - keep1
  float keep2 = 0, take2 = 0;     // second average: beta2 or rho
  float scale = 1;                // of the second average's root
  float look_ahead = 0;           // nadam: weight of the gradient itself
  float decay = 0;                // w -= decay * w
  float clip = 1;                 // of every gradient
  bool skip = false;              // a gradient was not finite
};

struct UpdateRule {
  OptimizerKind kind = OptimizerKind::sgd;
  bool momentum = false, nesterov = false, amsgrad = false, centered = false;
  float inside = 0, outside = 0;  // epsilon, added under the root (adamax: the maximum) or to it

  explicit UpdateRule(const Optimizer& options)
      : kind(options.kind), momentum(options.momentum > 0), nesterov(options.nesterov), amsgrad(options.amsgrad),
        centered(options.centered) {
    (is_inside(options) ? inside : outside) = options.epsilon;
  }

  static bool is_inside(const Optimizer& options) {
    switch (options.kind) {
      case OptimizerKind::rmsprop:
      case OptimizerKind::adagrad: return !options.torch_epsilon;
      case OptimizerKind::adadelta: return true;
      case OptimizerKind::adamax: return options.torch_epsilon;   // PyTorch's lies under the maximum
      default: return false;
    }
  }

  GRUS_DEVICE static float larger(float a, float b) { return b > a || b != b ? b : a; }   // NaN if either is

  // a, b, c: the weight's slots, as far as this rule has them.
  GRUS_DEVICE void apply(const UpdateCoefficients& with, float g, float& w, float& a, float& b, float& c) const {
    if (with.decay != 0) w -= with.decay * w;
    w -= step(with, g, a, b, c);
  }

 private:
  GRUS_DEVICE static float average(float& mean, float value, float take) { return mean += (value - mean) * take; }

  GRUS_DEVICE float step(const UpdateCoefficients& with, float g, float& a, float& b, float& c) const {
    switch (kind) {
      case OptimizerKind::sgd: return sgd(with, g, a);
      case OptimizerKind::adam:
      case OptimizerKind::adamw: {
        const float m = average(a, g, with.take1), v = average(b, g * g, with.take2);
        const float second = amsgrad ? (c = larger(c, v)) : v;
        return with.rate * m / (sqrtf(second) * with.scale + outside);
      }
      case OptimizerKind::rmsprop: return rmsprop(with, g, a, b, c);
      case OptimizerKind::adagrad: {
        const float total = a += g * g;
        return with.rate * g / (sqrtf(total + inside) + outside);
      }
      case OptimizerKind::adadelta: {
        const float gradients = a = with.keep2 * a + with.take2 * (g * g);
        const float delta = sqrtf(b + inside) * g / sqrtf(gradients + inside);
        b = with.keep2 * b + with.take2 * (delta * delta);
        return with.rate * delta;
      }
      case OptimizerKind::adamax: {
        const float m = average(a, g, with.take1);
        const float u = b = larger(with.keep2 * b, fabsf(g) + inside);
        return with.rate * m / (u + outside);
      }
      case OptimizerKind::nadam: {
        const float m = average(a, g, with.take1), v = average(b, g * g, with.take2);
        return (with.rate * m + with.look_ahead * g) / (sqrtf(v) * with.scale + outside);
      }
    }
    return 0;
  }

  GRUS_DEVICE float sgd(const UpdateCoefficients& with, float g, float& a) const {
    if (!momentum) return with.rate * g;
    const float m = a = with.keep1 * a - with.rate * g;
    return nesterov ? with.rate * g - with.keep1 * m : -m;
  }

  // a: v, b: momentum, c: mean gradient. Rounding may not make the variance v - mean^2 negative.
  GRUS_DEVICE float rmsprop(const UpdateCoefficients& with, float g, float& a, float& b, float& c) const {
    float variance = a = with.keep2 * a + with.take2 * (g * g);
    if (centered) {
      const float mean = c = with.keep2 * c + with.take2 * g;
      variance -= mean * mean;
      variance = variance < 0 ? 0.0f : variance;
    }
    const float increment = with.rate * g / (sqrtf(variance + inside) + outside);
    return momentum ? (b = with.keep1 * b + increment) : increment;
  }
};

}  // namespace grus::cuda
