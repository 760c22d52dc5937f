#pragma once
#include <cmath>

#include "../../core/activation.h"
#include "../../core/device.h"

// The activations of native/core/activation.h for one value on the device, as native/cpu/kernels/activation.inc computes them: NaN gives
// NaN, and no argument overflows on the way to a finite result.
namespace grus::cuda {

// exp of a negative number alone, which keeps the relative accuracy for very negative x.
GRUS_DEVICE inline float sigmoid(float x) {
  const float e = expf(-fabsf(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

GRUS_DEVICE inline float activate(ActivationKind kind, float x, float alpha, float beta) {
  switch (kind) {
    case ActivationKind::linear: return x;
    case ActivationKind::relu: return x < 0 ? 0.0f : x;
    case ActivationKind::tanh: return tanhf(x);
    case ActivationKind::sigmoid: return sigmoid(x);
    case ActivationKind::softsign: {
      const float c = x > 1e30f ? 1e30f : x < -1e30f ? -1e30f : x;   // infinity / infinity would be NaN
      return c / (1.0f + fabsf(c));
    }
    case ActivationKind::softplus: return (x < 0 ? 0.0f : x) + log1pf(expf(-fabsf(x)));
    case ActivationKind::affine: return fmaf(alpha, x, beta);   // spelt out: the same bits in whichever kernel, see slope() of gates.cu
    case ActivationKind::leaky_relu: return x < 0 ? alpha * x : x;
    case ActivationKind::thresholded_relu: return x <= alpha ? 0.0f : x;
    case ActivationKind::scaled_tanh: return alpha * tanhf(beta * x);
    case ActivationKind::hard_sigmoid: {
      const float line = fmaf(alpha, x, beta);
      return line > 1 ? 1.0f : line < 0 ? 0.0f : line;
    }
    case ActivationKind::elu: return x < 0 ? alpha * expm1f(x) : x;
  }
  return x;
}

// f'(x) as a function of y = f(x).
GRUS_DEVICE inline float activation_slope(ActivationKind kind, float y, float alpha, float beta) {
  switch (kind) {
    case ActivationKind::linear: return 1;
    case ActivationKind::relu: return y > 0 ? 1.0f : 0.0f;
    case ActivationKind::tanh: return 1.0f - y * y;
    case ActivationKind::sigmoid: return y * (1.0f - y);
    case ActivationKind::softsign: return (1.0f - fabsf(y)) * (1.0f - fabsf(y));
    case ActivationKind::softplus: return -expm1f(-y);
    case ActivationKind::affine: return alpha;
    case ActivationKind::leaky_relu: return y > 0 ? 1.0f : alpha;
    case ActivationKind::thresholded_relu: return y != 0 ? 1.0f : 0.0f;
    case ActivationKind::scaled_tanh: return alpha == 0 ? 0.0f : beta * (alpha - y * y / alpha);
    case ActivationKind::hard_sigmoid: return y > 0 && y < 1 ? alpha : 0.0f;
    case ActivationKind::elu: return y > 0 ? 1.0f : y + alpha;
  }
  return 1;
}

GRUS_DEVICE inline float activate(const Activation& f, float x) { return activate(f.kind, x, f.alpha, f.beta); }
GRUS_DEVICE inline float activation_slope(const Activation& f, float y) { return activation_slope(f.kind, y, f.alpha, f.beta); }

}  // namespace grus::cuda
