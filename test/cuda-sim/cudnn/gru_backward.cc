#include "gru.h"

namespace grus::sim::dnn {

void Gru::previous_state(const Walk& walk, int t, int b, const Values& hx, const Reserve& reserve, Values& h) const {
  const int before = walk.direction == 0 ? t - 1 : t + 1;
  if (before >= 0 && x_.valid(before, b)) {
    reserve.read(walk.pseudo, before, b, Reserve::kState, h);
  } else if (hx.empty()) {
    h.assign(walk.units, 0.0);
  } else {
    const size_t first = (static_cast<size_t>(walk.pseudo) * walk.batch + static_cast<size_t>(b)) * walk.units;
    for (size_t j = 0; j < walk.units; ++j) h[j] = hx[first + j];
  }
}

void Gru::backward_data(const Values& dy, const Values& dhy, const Values& hx, Reserve& reserve, Values& dx, Values& dhx) const {
  const size_t states = units() * x_.batch;
  dhx = dhy.empty() ? Values(states * config_.pseudo_layers(), 0.0) : dhy;
  Values doutput = dy;
  for (int layer = config_.layers - 1; layer >= 0; --layer) {
    dx.assign(rows() * config_.layer_input(layer), 0.0);
    for (int direction = 0; direction < config_.directions(); ++direction) {
      const Walk one = walk(layer, direction);
      const auto first = dhx.begin() + static_cast<std::ptrdiff_t>(one.pseudo * states);
      Values dstate(first, first + static_cast<std::ptrdiff_t>(states));
      backward_walk(one, hx, doutput, dstate, dx, reserve);
      std::copy(dstate.begin(), dstate.end(), first);
    }
    doutput = dx;
  }
}

void Gru::backward_walk(const Walk& walk, const Values& hx, const Values& doutput, Values& dstate, Values& dinput, Reserve& reserve) const {
  const LayerWeights& weights = weights_[static_cast<size_t>(walk.pseudo)];
  const size_t H = walk.units, in = static_cast<size_t>(walk.inputs), width = H * config_.directions();
  Values r(H), z(H), n(H), q(H), h(H), dr(H), dz(H), dn(H), dnr(H), through_x(3 * H), through_h(3 * H), previous(H);
  for (int step = x_.steps - 1; step >= 0; --step) {
    const int t = walk.step(step, x_.steps);
    for (int b = 0; b < x_.batch; ++b) {
      if (!x_.valid(t, b)) continue;
      const size_t row = static_cast<size_t>(t) * walk.batch + static_cast<size_t>(b);
      double* const d_row = dstate.data() + static_cast<size_t>(b) * H;
      reserve.read(walk.pseudo, t, b, Reserve::kReset, r);
      reserve.read(walk.pseudo, t, b, Reserve::kUpdate, z);
      reserve.read(walk.pseudo, t, b, Reserve::kNew, n);
      reserve.read(walk.pseudo, t, b, Reserve::kProduct, q);
      previous_state(walk, t, b, hx, reserve, h);
      for (size_t j = 0; j < H; ++j) {
        const double d = d_row[j] + doutput[row * width + walk.direction * H + j];
        dn[j] = d * (1 - z[j]) * (1 - n[j] * n[j]);
        dz[j] = precision_.gradient(d * (h[j] - n[j]) * z[j] * (1 - z[j]));
        dr[j] = precision_.gradient(dn[j] * q[j] * r[j] * (1 - r[j]));
        dnr[j] = precision_.gradient(dn[j] * r[j]);
        dn[j] = precision_.gradient(dn[j]);
        previous[j] = d * z[j];
        through_x[j] = through_h[j] = dr[j];
        through_x[H + j] = through_h[H + j] = dz[j];
        through_x[2 * H + j] = dn[j];
        through_h[2 * H + j] = dnr[j];
      }
      multiply_add(1, static_cast<int64_t>(3 * H), config_.hidden, through_h.data(), weights.r.data(), previous.data());
      multiply_add(1, static_cast<int64_t>(3 * H), walk.inputs, through_x.data(), weights.w.data(), dinput.data() + row * in);
      std::copy(previous.begin(), previous.end(), d_row);
      reserve.write(walk.pseudo, t, b, Reserve::kReset, dr);
      reserve.write(walk.pseudo, t, b, Reserve::kUpdate, dz);
      reserve.write(walk.pseudo, t, b, Reserve::kNew, dn);
      reserve.write(walk.pseudo, t, b, Reserve::kProduct, dnr);
    }
  }
}

void Gru::backward_weights(const Values& x, const Values& hx, const Reserve& reserve, Values& dweights) const {
  dweights.assign(layout_.elements(), 0.0);
  Values input = x;
  Values state(units());
  for (int layer = 0; layer < config_.layers; ++layer) {
    const size_t width = units() * config_.directions();
    Values output(rows() * width, 0.0);
    for (int direction = 0; direction < config_.directions(); ++direction) {
      const Walk one = walk(layer, direction);
      weights_walk(one, input, hx, reserve, dweights);
      for (int t = 0; t < x_.steps; ++t) {
        for (int b = 0; b < x_.batch; ++b) {
          if (!x_.valid(t, b)) continue;
          reserve.read(one.pseudo, t, b, Reserve::kState, state);
          const size_t row = static_cast<size_t>(t) * one.batch + static_cast<size_t>(b);
          std::copy(state.begin(), state.end(), output.begin() + static_cast<std::ptrdiff_t>(row * width + direction * units()));
        }
      }
    }
    input = std::move(output);
  }
}

void Gru::weights_walk(const Walk& walk, const Values& input, const Values& hx, const Reserve& reserve, Values& dweights) const {
  const size_t H = walk.units, in = static_cast<size_t>(walk.inputs);
  static constexpr Reserve::Slot kOf[6] = {Reserve::kReset, Reserve::kUpdate, Reserve::kNew,
                                           Reserve::kReset, Reserve::kUpdate, Reserve::kProduct};
  double *matrix[6], *bias[6];
  for (int id = 0; id < 6; ++id) {
    matrix[id] = dweights.data() + layout_.find(walk.pseudo, id, false)->offset;
    const Region* region = layout_.find(walk.pseudo, id, true);
    bias[id] = region ? dweights.data() + region->offset : nullptr;
  }
  Values x(in), h(H), d(H);
  for (int t = 0; t < x_.steps; ++t) {
    for (int b = 0; b < x_.batch; ++b) {
      if (!x_.valid(t, b)) continue;
      const size_t row = static_cast<size_t>(t) * walk.batch + static_cast<size_t>(b);
      for (size_t i = 0; i < in; ++i) x[i] = precision_.operand(input[row * in + i]);
      previous_state(walk, t, b, hx, reserve, h);
      precision_.operands_of(h);
      for (int id = 0; id < 6; ++id) {
        reserve.read(walk.pseudo, t, b, kOf[id], d);
        const Values& factor = id < 3 ? x : h;
        multiply_add(static_cast<int64_t>(H), 1, static_cast<int64_t>(factor.size()), d.data(), factor.data(), matrix[id]);
        for (size_t j = 0; bias[id] && j < H; ++j) bias[id][j] += d[j];
      }
    }
  }
}

}  // namespace grus::sim::dnn
