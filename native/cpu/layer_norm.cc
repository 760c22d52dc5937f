#include "layer_norm.h"

#include <cmath>
#include <cstring>

#include "ops.h"
#include "ops_stretches.h"

namespace grus::cpu {
namespace {

// Columns are shared out, never rows: each sum keeps the order of the rows, in double.
void weight_grad(const LayerNorm& call, const float* dy, float* dweight, Team& team) {
  constexpr int64_t width = 64;
  const OpLoops& loops = op_loops();
  const auto block = [&](int64_t task) {
    const int64_t begin = task * width, used = std::min(width, call.cols - begin);
    double sums[width] = {0};
    loops.normalized_column_sums(call.x + begin, dy + begin, call.statistics, call.cols, call.rows, used, sums);
    for (int64_t c = 0; c < used; ++c) dweight[begin + c] = static_cast<float>(dweight[begin + c] + sums[c]);
  };
  const int64_t tasks = (call.cols + width - 1) / width;
  if (tasks > 1 && call.rows * call.cols > Stretches::alone) {
    team.parallel(tasks, block);
  } else {
    for (int64_t task = 0; task < tasks; ++task) block(task);
  }
}

}  // namespace

void layer_norm(const LayerNorm& call, const float* bias, float* y, Team& team) {
  if (call.cols <= 0) return;
  const OpLoops& loops = op_loops();
  const int64_t cols = call.cols;
  Stretches(call.rows, cols).run(team, [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t r = begin; r < end; ++r) {
      const float* x = call.x + r * cols;
      float* out = y + r * cols;
      const double mean = loops.sum(x, cols) / static_cast<double>(cols);
      const double variance = loops.squares_about(x, mean, cols) / static_cast<double>(cols);
      const double scale = 1 / std::sqrt(variance + call.epsilon);
      call.statistics[2 * r] = mean, call.statistics[2 * r + 1] = scale;
      loops.normalize(x, mean, scale, out, cols);
      if (call.weight) loops.product(out, call.weight, out, cols);
      if (bias) loops.add(bias, out, cols);
    }
  });
}

void layer_norm_grad(const LayerNorm& call, const float* dy, float* dx, float* dweight, Team& team) {
  if (call.cols <= 0) return;
  if (dweight) weight_grad(call, dy, dweight, team);
  if (!dx) return;
  const OpLoops& loops = op_loops();
  const int64_t cols = call.cols;
  Stretches(call.rows, cols).run(team, [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t r = begin; r < end; ++r) {
      const float* x = call.x + r * cols;
      const double mean = call.statistics[2 * r], scale = call.statistics[2 * r + 1];
      float* d = dx + r * cols;   // first the gradient of the normalized row
      if (call.weight) loops.product(dy + r * cols, call.weight, d, cols);
      else if (d != dy + r * cols) std::memcpy(d, dy + r * cols, static_cast<size_t>(cols) * sizeof(float));
      const double of_mean = loops.sum(d, cols) / static_cast<double>(cols);
      const double of_scale = scale * loops.dot_about(d, x, mean, cols) / static_cast<double>(cols);
      loops.normalize_grad(x, mean, scale, of_mean, of_scale, d, cols);
    }
  });
}

}  // namespace grus::cpu
