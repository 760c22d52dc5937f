// What one writes with a BLAS and no more: one product for all inputs, one a step for the state, plain loops for the gates, which the
// compiler vectorises.
#include <algorithm>
#include <cmath>

#include "openblas.h"
#include "peer.h"

using namespace grus::bench;

namespace {

// C = op(A) op(B) + beta C, rows dense
void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float* a, const float* b, float beta, float* c) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, ta == CblasTrans ? m : k, b, tb == CblasTrans ? k : n, beta, c, n);
}

inline float sigmoid(float v) { return 1 / (1 + std::exp(-v)); }
inline float tanh_of(float v) { return 2 / (1 + std::exp(-2 * v)) - 1; }

class CblasSubject final : public Subject {
 public:
  explicit CblasSubject(const Case& c)
      : case_(c),
        rows_(static_cast<size_t>(c.steps) * c.batch),
        cells_(static_cast<size_t>(c.batch) * c.hidden),
        weight_ih_t_(c.weight_ih.size()),
        weight_hh_t_(c.weight_hh.size()),
        gates_x_(rows_ * 3 * c.hidden),
        gates_h_(3 * cells_),
        state_(cells_),
        y_(rows_ * c.hidden) {
    openblas_set_num_threads(c.threads);
    transpose_weights();
    if (!c.backward) return;
    recurrent_.resize(rows_ * c.hidden);
    dgates_h_.resize(rows_ * 3 * c.hidden);
    gradients_.dx.resize(c.x.size());
    gradients_.weight_ih.resize(c.weight_ih.size());
    gradients_.weight_hh.resize(c.weight_hh.size());
  }

  std::string engine() const override { return openblas_version(); }

  void run() override {
    if (case_.backward) transpose_weights();
    forward();
    if (case_.backward) backward();
  }

  Results results() const override {
    Results results = gradients_;
    results.y = y_;
    results.hy.assign(y_.end() - static_cast<std::ptrdiff_t>(cells_), y_.end());
    return results;
  }

 private:
  // OpenBLAS is much faster without a transposed second operand
  void transpose_weights() {
    transpose(case_.weight_ih.data(), 3 * case_.hidden, case_.input, weight_ih_t_.data(), 3 * case_.hidden);
    transpose(case_.weight_hh.data(), 3 * case_.hidden, case_.hidden, weight_hh_t_.data(), 3 * case_.hidden);
  }

  void forward() {
    const int B = case_.batch, H = case_.hidden;
    multiply(CblasNoTrans, CblasNoTrans, static_cast<int>(rows_), 3 * H, case_.input, case_.x.data(), weight_ih_t_.data(), 0,
             gates_x_.data());
    std::fill(state_.begin(), state_.end(), 0.0f);
    const float* h = state_.data();
    for (int t = 0; t < case_.steps; ++t) {
      multiply(CblasNoTrans, CblasNoTrans, B, 3 * H, H, h, weight_hh_t_.data(), 0, gates_h_.data());
      float* y = y_.data() + t * cells_;
      for (int b = 0; b < B; ++b) gates_forward(t, b, h + static_cast<size_t>(b) * H, y + static_cast<size_t>(b) * H);
      h = y;
    }
  }

  // leaves r, z, n in gates_x_ where backward follows
  void gates_forward(int t, int b, const float* h, float* y) {
    const int H = case_.hidden;
    const size_t row = static_cast<size_t>(t) * case_.batch + b;
    float* __restrict x = gates_x_.data() + row * 3 * H;
    const float* __restrict g = gates_h_.data() + static_cast<size_t>(b) * 3 * H;
    const float* __restrict bx = case_.bias_ih.data(), * __restrict bh = case_.bias_hh.data();
    float* __restrict out = y;
    if (!case_.backward) {
      for (int j = 0; j < H; ++j) {
        const float r = sigmoid(x[j] + bx[j] + g[j] + bh[j]);
        const float z = sigmoid(x[H + j] + bx[H + j] + g[H + j] + bh[H + j]);
        const float n = tanh_of(x[2 * H + j] + bx[2 * H + j] + r * (g[2 * H + j] + bh[2 * H + j]));
        out[j] = n + z * (h[j] - n);
      }
      return;
    }
    float* __restrict q = recurrent_.data() + row * H;
    for (int j = 0; j < H; ++j) {
      const float r = sigmoid(x[j] + bx[j] + g[j] + bh[j]);
      const float z = sigmoid(x[H + j] + bx[H + j] + g[H + j] + bh[H + j]);
      q[j] = g[2 * H + j] + bh[2 * H + j];
      const float n = tanh_of(x[2 * H + j] + bx[2 * H + j] + r * q[j]);
      x[j] = r, x[H + j] = z, x[2 * H + j] = n;
      out[j] = n + z * (h[j] - n);
    }
  }

  void backward() {
    const int B = case_.batch, H = case_.hidden, I = case_.input, all = static_cast<int>(rows_);
    std::vector<float>& dh = state_;
    std::fill(dh.begin(), dh.end(), 0.0f);
    gradients_.bias_ih.assign(size_t{3} * H, 0);
    gradients_.bias_hh.assign(size_t{3} * H, 0);
    for (int t = case_.steps - 1; t >= 0; --t) {
      for (int b = 0; b < B; ++b) gates_backward(t, b, dh.data() + static_cast<size_t>(b) * H);
      if (t > 0) multiply(CblasNoTrans, CblasNoTrans, B, H, 3 * H, dgates_h_.data() + 3 * t * cells_, case_.weight_hh.data(), 1, dh.data());
    }
    multiply(CblasTrans, CblasNoTrans, 3 * H, I, all, gates_x_.data(), case_.x.data(), 0, gradients_.weight_ih.data());
    multiply(CblasTrans, CblasNoTrans, 3 * H, H, all - B, dgates_h_.data() + 3 * cells_, y_.data(), 0, gradients_.weight_hh.data());
    multiply(CblasNoTrans, CblasNoTrans, all, I, 3 * H, gates_x_.data(), case_.weight_ih.data(), 0, gradients_.dx.data());
  }

  // gates_x_ (r, z, n) becomes the gradients of the gates' inputs, dh the part of dh that z lets through
  void gates_backward(int t, int b, float* carried) {
    const int H = case_.hidden;
    const size_t row = static_cast<size_t>(t) * case_.batch + b;
    float* __restrict x = gates_x_.data() + row * 3 * H;
    float* __restrict g = dgates_h_.data() + row * 3 * H;
    const float* __restrict q = recurrent_.data() + row * H, * __restrict dy = case_.dy.data() + row * H;
    const float* __restrict h = t > 0 ? y_.data() + (row - case_.batch) * H : nullptr;
    float* __restrict dh = carried, * __restrict dbx = gradients_.bias_ih.data(), * __restrict dbh = gradients_.bias_hh.data();
    for (int j = 0; j < H; ++j) {
      const float r = x[j], z = x[H + j], n = x[2 * H + j], d = dh[j] + dy[j], before = h ? h[j] : 0.0f;
      const float dn = d * (1 - z) * (1 - n * n), dz = d * (before - n) * z * (1 - z), dr = dn * q[j] * r * (1 - r);
      x[j] = g[j] = dr, x[H + j] = g[H + j] = dz, x[2 * H + j] = dn, g[2 * H + j] = dn * r;
      dh[j] = d * z;
      dbx[j] += dr, dbx[H + j] += dz, dbx[2 * H + j] += dn;
      dbh[j] += dr, dbh[H + j] += dz, dbh[2 * H + j] += dn * r;
    }
  }

  Case case_;
  size_t rows_, cells_;  // T * B; B * H
  std::vector<float> weight_ih_t_, weight_hh_t_, gates_x_, gates_h_, state_, y_, recurrent_, dgates_h_;
  Results gradients_;
};

}  // namespace

int main() {
  return serve("cblas", openblas_version(), [](const Case& c) { return std::make_unique<CblasSubject>(c); });
}
