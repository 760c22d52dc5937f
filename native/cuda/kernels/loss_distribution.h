#pragma once
#include "loss_rows.h"

// Crossentropy of a row, in two reductions over its columns and one pass for the gradient. `first` gives what `second` needs (the peak of
// logits, the sum of probabilities); both together give what the gradient needs.
namespace grus::cuda {

struct Totals {
  double a, b, c;
};

struct RowResult {
  double first, share;             // share: what the gradient needs of the second reduction
  double value;                    // times the row's weight
};

// y: targets, smoothed, or 1 at the label.
struct Distribution : LossContext {
  GRUS_DEVICE int64_t place(int64_t row, int64_t col) const { return row * loss.cols + col; }
  GRUS_DEVICE float target(int64_t row, int64_t col) const {
    if (loss.kind == LossKind::sparse_categorical_crossentropy) return loss.labels[row] == col ? 1.0f : 0.0f;
    return smoothed(loss.target[place(row, col)], loss.label_smoothing, 1.0 / static_cast<double>(loss.cols));
  }
};

struct FromLogits : Distribution {
  GRUS_DEVICE double before() const { return -INFINITY; }
  GRUS_DEVICE double first(int64_t row, int64_t col) const { return loss.prediction[place(row, col)]; }
  GRUS_DEVICE static double join(double a, double b) { return b > a || b != b ? b : a; }   // NaN if either is
  // sums of exp(x - peak), of y, and of y * (x - peak)
  GRUS_DEVICE Totals second(int64_t row, int64_t col, double peak) const {
    const float x = loss.prediction[place(row, col)];
    const double y = target(row, col);
    return {expf(x - static_cast<float>(peak)), y, y != 0 ? y * (x - peak) : 0.0};
  }
  GRUS_DEVICE RowResult result(double peak, const Totals& sum) const { return {peak, sum.b / sum.a, sum.b * log(sum.a) - sum.c}; }
  GRUS_DEVICE float gradient(int64_t row, int64_t col, const RowResult& of, float scale) const {
    const float x = loss.prediction[place(row, col)];
    return scale * (expf(x - static_cast<float>(of.first)) * static_cast<float>(of.share) - target(row, col));
  }
};

// q = p / sum(p), value = -sum y log(clip(q)); d value / dp_j = (sum of y where q is inside - [inside] y_j / q_j) / sum(p)
struct FromProbabilities : Distribution {
  GRUS_DEVICE double before() const { return 0; }
  GRUS_DEVICE double first(int64_t row, int64_t col) const { return loss.prediction[place(row, col)]; }
  GRUS_DEVICE static double join(double a, double b) { return a + b; }
  GRUS_DEVICE Totals second(int64_t row, int64_t col, double total) const {
    const double q = loss.prediction[place(row, col)] / total, y = target(row, col);
    return {y != 0 ? -y * log(clipped(q)) : 0.0, inside(q) ? y : 0.0, 0};
  }
  GRUS_DEVICE RowResult result(double total, const Totals& sum) const { return {total, sum.b, sum.a}; }
  GRUS_DEVICE float gradient(int64_t row, int64_t col, const RowResult& of, float scale) const {
    const double q = loss.prediction[place(row, col)] / of.first, y = target(row, col);
    return static_cast<float>(scale / of.first * (of.share - (y != 0 && inside(q) ? y / q : 0.0)));
  }
};

}  // namespace grus::cuda
