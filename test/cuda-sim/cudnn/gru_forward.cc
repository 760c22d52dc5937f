#include "gru.h"

namespace grus::sim::dnn {
namespace {

Values load_region(const RnnConfig& config, const WeightLayout& layout, int pseudo, int first_id, bool bias, const void* weights,
                   int columns) {
  Values values(static_cast<size_t>(3) * config.hidden * columns, 0.0);
  for (int gate = 0; gate < 3; ++gate) {
    const Region* region = layout.find(pseudo, first_id + gate, bias);
    if (!region) continue;
    load_many(config.data, weights, region->offset, region->elements(), values.data() + gate * region->elements());
  }
  return values;
}

Values transposed(const Values& matrix, size_t columns) {
  const size_t rows = matrix.size() / columns;
  Values result(matrix.size());
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
  }
  return result;
}

double sigmoid(double value) { return 1 / (1 + std::exp(-value)); }

}  // namespace

Gru::Gru(const RnnConfig& config, const Sequences& x, const Precision& precision, const WeightLayout& layout, const void* weights)
    : config_(config), x_(x), precision_(precision), layout_(layout) {
  for (int pseudo = 0; weights && pseudo < config.pseudo_layers(); ++pseudo) {
    const int inputs = config.layer_input(pseudo / config.directions());
    LayerWeights one;
    one.w = load_region(config, layout, pseudo, 0, false, weights, inputs);
    one.r = load_region(config, layout, pseudo, 3, false, weights, config.hidden);
    one.bias_w = load_region(config, layout, pseudo, 0, true, weights, 1);
    one.bias_r = load_region(config, layout, pseudo, 3, true, weights, 1);
    precision.operands_of(one.w);
    precision.operands_of(one.r);
    one.w_transposed = transposed(one.w, static_cast<size_t>(inputs));
    one.r_transposed = transposed(one.r, units());
    weights_.push_back(std::move(one));
  }
}

Gru::Walk Gru::walk(int layer, int direction) const {
  return {layer, direction, layer * config_.directions() + direction, config_.layer_input(layer), units(), static_cast<size_t>(x_.batch)};
}

void Gru::forward(const Values& x, const Values& hx, Values& y, Values& hy, Reserve* reserve) const {
  const size_t states = units() * x_.batch;
  hy = hx.empty() ? Values(states * config_.pseudo_layers(), 0.0) : hx;
  Values input = x;
  for (int layer = 0; layer < config_.layers; ++layer) {
    y.assign(rows() * config_.directions() * units(), 0.0);
    for (int direction = 0; direction < config_.directions(); ++direction) {
      const Walk one = walk(layer, direction);
      const auto first = hy.begin() + static_cast<std::ptrdiff_t>(one.pseudo * states);
      Values state(first, first + static_cast<std::ptrdiff_t>(states));
      forward_walk(one, input, state, y, reserve);
      std::copy(state.begin(), state.end(), first);
    }
    input = y;
  }
}

void Gru::forward_walk(const Walk& walk, const Values& input, Values& state, Values& output, Reserve* reserve) const {
  const LayerWeights& weights = weights_[static_cast<size_t>(walk.pseudo)];
  const size_t H = walk.units, in = static_cast<size_t>(walk.inputs), width = H * config_.directions();
  Values x(in), h(H), gates_x(3 * H), gates_h(3 * H), r(H), z(H), n(H), q(H), next(H);
  for (int step = 0; step < x_.steps; ++step) {
    const int t = walk.step(step, x_.steps);
    for (int b = 0; b < x_.batch; ++b) {
      if (!x_.valid(t, b)) continue;
      const size_t row = static_cast<size_t>(t) * walk.batch + static_cast<size_t>(b);
      double* const h_row = state.data() + static_cast<size_t>(b) * H;
      for (size_t i = 0; i < in; ++i) x[i] = precision_.operand(input[row * in + i]);
      for (size_t j = 0; j < H; ++j) h[j] = precision_.operand(h_row[j]);
      gates_x.assign(3 * H, 0.0);
      gates_h.assign(3 * H, 0.0);
      multiply_add(1, walk.inputs, static_cast<int64_t>(3 * H), x.data(), weights.w_transposed.data(), gates_x.data());
      multiply_add(1, config_.hidden, static_cast<int64_t>(3 * H), h.data(), weights.r_transposed.data(), gates_h.data());
      for (size_t j = 0; j < H; ++j) {
        const auto gate_x = [&](size_t gate) { return precision_.product(gates_x[gate * H + j]) + weights.bias_w[gate * H + j]; };
        const auto gate_h = [&](size_t gate) { return precision_.product(gates_h[gate * H + j]) + weights.bias_r[gate * H + j]; };
        r[j] = sigmoid(gate_x(0) + gate_h(0));
        z[j] = sigmoid(gate_x(1) + gate_h(1));
        q[j] = gate_h(2);
        n[j] = std::tanh(gate_x(2) + r[j] * q[j]);
        next[j] = precision_.state((1 - z[j]) * n[j] + z[j] * h_row[j]);
      }
      std::copy(next.begin(), next.end(), h_row);
      std::copy(next.begin(), next.end(), output.begin() + static_cast<std::ptrdiff_t>(row * width + walk.direction * H));
      if (!reserve) continue;
      reserve->write(walk.pseudo, t, b, Reserve::kReset, r);
      reserve->write(walk.pseudo, t, b, Reserve::kUpdate, z);
      reserve->write(walk.pseudo, t, b, Reserve::kNew, n);
      reserve->write(walk.pseudo, t, b, Reserve::kProduct, q);
      reserve->write(walk.pseudo, t, b, Reserve::kState, next);
    }
  }
}

}  // namespace grus::sim::dnn
