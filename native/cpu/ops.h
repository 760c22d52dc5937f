#pragma once
#include <cstdint>

namespace grus {

// The inner loops of the element-wise operations: one source (ops.inc), compiled once per instruction set, picked at run time.
// Every loop adds up in an order that depends on n alone.

struct DropoutBlock {             // mask elements [4 * first_counter, 4 * first_counter + 4 * counters)
  uint64_t seed = 0, step = 0;
  uint64_t first_counter = 0;
  int64_t counters = 0;
  uint32_t layer = 0;
  uint32_t threshold = 0;         // dropped when the 32-bit word is below
};

// Coefficients of one update; what each means by kind stands beside its loop in ops.inc.
struct UpdateCoefficients {
  float rate = 0;                 // step size, bias correction included
  float keep1 = 0, take1 = 0;     // first average: keep1 = beta1, momentum or rho; take1 = 1 - keep1
  float keep2 = 0, take2 = 0;     // second average
  float scale = 1;                // of the second average before or after the root
  float look_ahead = 0;           // nadam: weight of the gradient itself
  float epsilon = 0;
  bool outside = false;           // epsilon is added to the root, not under it
  bool nesterov = false;
};

struct UpdatePointers {
  float* w = nullptr;
  const float* g = nullptr;
  float* slot[3] = {nullptr, nullptr, nullptr};
  int64_t count = 0;
};

using UpdateLoop = void (*)(const UpdateCoefficients&, const UpdatePointers&);

struct OpLoops {
  void (*add)(const float* x, float* y, int64_t n);                            // y += x
  void (*column_sums)(const float* x, int64_t stride, int64_t rows, int64_t cols, double* sums);   // sums += ; cols <= 64
  void (*dropout_mask)(const DropoutBlock&, uint32_t* keep);                   // all bits set: kept; 4 * counters words
  void (*dropout_apply)(const float* x, const uint32_t* keep, float scale, float* y, int64_t n);

  float (*maximum)(const float* x, int64_t n);                                 // NaN if one is; n >= 1
  double (*sum)(const float* x, int64_t n);
  double (*dot)(const float* x, const float* y, int64_t n);
  void (*shift)(const float* x, float by, float* y, int64_t n);                // y = x - by
  void (*scale)(const float* x, float by, float* y, int64_t n);                // y = x * by
  void (*minus_magnitude)(const float* x, float* y, int64_t n);                // y = -|x|
  void (*softmax_grad)(const float* y, const float* dy, float dot, float* dx, int64_t n);   // dx = y * (dy - dot)

  double (*squares_about)(const float* x, double mean, int64_t n);             // sum of (x - mean)^2
  double (*dot_about)(const float* y, const float* x, double mean, int64_t n); // sum of y * (x - mean)
  void (*normalize)(const float* x, double mean, double scale, float* y, int64_t n);   // y = (x - mean) * scale
  // d = scale * (d - of_mean - of_scale * (x - mean) * scale)
  void (*normalize_grad)(const float* x, double mean, double scale, double of_mean, double of_scale, float* d, int64_t n);
  // sums += dy * (x - mean) * scale by column; statistics: mean and scale of each row; cols <= 64
  void (*normalized_column_sums)(const float* x, const float* dy, const double* statistics, int64_t stride, int64_t rows, int64_t cols,
                                 double* sums);

  double (*sum_squares)(const float* x, int64_t n);
  void (*clamp)(float* x, float limit, int64_t n);                             // to [-limit, limit]
  double (*penalty)(const float* w, float l1, float l2, int64_t n);
  void (*penalty_grad)(const float* w, float l1, float l2, float* g, int64_t n);   // g +=

  void (*scaled_sum)(const float* a, const float* b, float factor, float* y, int64_t n);   // y = factor * (a + b)
  void (*product)(const float* a, const float* b, float* y, int64_t n);

  // Sums of value(prediction - target) over a row; the gradient, times scale, goes to d where d is not null.
  double (*squared_error)(const float* p, const float* t, float scale, float* d, int64_t n);
  double (*absolute_error)(const float* p, const float* t, float scale, float* d, int64_t n);
  double (*huber)(const float* p, const float* t, float delta, float scale, float* d, int64_t n);

  void (*decay)(float* w, float rate, int64_t n);                              // w -= rate * w
  UpdateLoop sgd, momentum, adam, amsgrad, rmsprop, rmsprop_momentum, rmsprop_centered, rmsprop_centered_momentum,
      adagrad, adadelta, adamax, nadam;
};

const OpLoops& op_loops();        // of the instruction set that kernels() picked

}  // namespace grus
