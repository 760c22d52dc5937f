#pragma once
#include <cmath>

#include "../../backend.h"
#include "launch.h"

// What the losses' kernels share.
namespace grus::cuda {

struct LossContext {
  Loss loss;
  const StepScalars* scalars;

  GRUS_DEVICE bool masked(int64_t row) const { return loss.mask && !loss.mask[row]; }
  GRUS_DEVICE double weight(int64_t row) const { return loss.weights ? loss.weights[row] : 1.0f; }
  GRUS_DEVICE double inverse() const { return scalars->denominator > 0 ? 1.0 / scalars->denominator : 0.0; }
  GRUS_DEVICE float scale(int64_t row) const { return static_cast<float>(weight(row) * inverse()); }   // of the row's gradient
  // complete: these are the last rows of the batch
  GRUS_DEVICE void add(double total, bool complete, double* stats) const {
    stats[0] += total * inverse() * scalars->samples;
    if (complete) stats[1] += scalars->samples;
  }
};

// Predictions that are probabilities are clipped to [1e-7, 1 - 1e-7], and get no gradient where that cut them, as in Keras.
constexpr double kLeast = 1e-7;
GRUS_DEVICE inline bool inside(double q) { return !(q < kLeast) && !(q > 1 - kLeast); }   // NaN counts as inside, and stays NaN
GRUS_DEVICE inline double clipped(double q) { return q < kLeast ? kLeast : q > 1 - kLeast ? 1 - kLeast : q; }

// Targets y as y * (1 - amount) + amount * share
GRUS_DEVICE inline float smoothed(float y, float amount, double share) { return y * (1 - amount) + static_cast<float>(amount * share); }

// Losses that are means over the columns: binary crossentropy, mse, mae, huber; and any loss of no rows.
void element_loss(cudaStream_t, const Loss&, const StepScalars* scalars, double* stats, void* scratch);
// Losses of a distribution over the columns: categorical and sparse categorical crossentropy.
void distribution_loss(cudaStream_t, const Loss&, const StepScalars* scalars, double* stats, void* scratch);

}  // namespace grus::cuda
