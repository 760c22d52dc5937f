#include <cmath>

#include "session_support.h"

using namespace grus;

namespace {

void maps() {
  SequenceInfo info;
  const int B = 3, T = 4;
  // rows: 0 1 1 0 | 1 1 0 0 | 0 0 0 0, time-major
  const std::vector<uint8_t> mask = {0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0};
  info.set(B, T, mask.data());
  CHECK(info.kind() == MaskKind::any);
  CHECK(info.valid() == 4);
  CHECK(info.lengths()[0] == 2 && info.lengths()[1] == 2 && info.lengths()[2] == 0);
  std::vector<int32_t> map(B * T);
  const auto row = [&](int b) { return std::vector<int32_t>{map[b], map[B + b], map[2 * B + b], map[3 * B + b]}; };
  info.fill_align(map.data());
  CHECK(row(0) == (std::vector<int32_t>{1, 2, -1, -1}));
  CHECK(row(1) == (std::vector<int32_t>{0, 1, -1, -1}));
  info.fill_outputs(map.data(), false, false, false);
  CHECK(row(0) == (std::vector<int32_t>{-1, 0, 1, 1}));
  CHECK(row(2) == (std::vector<int32_t>{-1, -1, -1, -1}));
  info.fill_outputs(map.data(), true, false, false);
  CHECK(row(0) == (std::vector<int32_t>{0, 0, 1, -1}));
  info.fill_outputs(map.data(), true, false, true);
  CHECK(row(0) == (std::vector<int32_t>{-1, 1, 0, 0}));
  info.fill_outputs(map.data(), false, true, false);
  CHECK(row(1) == (std::vector<int32_t>{0, 1, -1, -1}));
  SequenceInfo flipped;
  flipped.set_flipped(info);
  CHECK(flipped.kind() == MaskKind::any && flipped.mask()[0 * B + 1] == 0 && flipped.mask()[3 * B + 1] == 1);
  const std::vector<uint8_t> full(B * T, 1);
  info.set(B, T, full.data());
  CHECK(info.kind() == MaskKind::none && info.lengths() == nullptr && info.valid() == B * T);
  const std::vector<uint8_t> padded = {1, 1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0};
  info.set(B, T, padded.data());
  CHECK(info.kind() == MaskKind::prefix && info.lengths()[2] == 3);
}

void table() {
  ParameterTable all;
  Parameter scattered;   // gates in reverse order, with a gap
  scattered.name = "w";
  scattered.shape = {3, 2};
  scattered.pieces = {{10, 2}, {5, 2}, {0, 2}};
  CHECK(all.add({scattered}, 12) == 0);
  Parameter plain;
  plain.name = "b";
  plain.shape = {3};
  plain.pieces = {{0, 3}};
  plain.regularizer.l2 = 0.5f;
  CHECK(all.add({plain}, 3) == 64);
  CHECK(all.flat_count() == 128 && all.logical_count() == 9 && all.regularized());
  CHECK(all.segments().size() == 4 && all.segments()[3].offset == 64 && all.segments()[3].variable == 1);
  const std::vector<float> logical = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<float> flat(128), back(9);
  all.scatter(logical.data(), flat.data());
  CHECK(flat[10] == 1 && flat[5] == 3 && flat[0] == 5 && flat[64] == 7);
  all.gather(flat.data(), back.data());
  CHECK(back == logical);
}

void wrong_models() {
  const auto code = [](const ModelDescription& model) { return thrown([&] { make_session(model); }); };
  CHECK(code(features_model(3, {})) == "INVALID_ARGUMENT");
  CHECK(code(features_model(3, {layer(LayerKind::dense, "a", 4, 2)})) == "SHAPE_MISMATCH");
  CHECK(code(features_model(3, {layer(LayerKind::dense, "a", 3, 2), layer(LayerKind::dense, "a", 2, 2)})) == "INVALID_ARGUMENT");
  CHECK(code(features_model(3, {gru_layer("a", 3, 2), gru_layer("b", 2, 2)})) == "SHAPE_MISMATCH");
  CHECK(code(features_model(3, {layer(LayerKind::embedding, "a", 3, 2)})) == "INVALID_ARGUMENT");
  CHECK(code(features_model(3, {layer(LayerKind::softmax, "a", 3, 2)})) == "SHAPE_MISMATCH");
}

// What a model of one gru layer puts out under a mask, from the same layer run on each row's valid steps alone (no mask: the fast path).
void masked_rows(Direction direction, Merge merge, bool sequences, bool zeros, bool stateful) {
  const int I = 3, H = 4, B = 3, T = 5;
  LayerDescription gru = gru_layer("gru", I, H, direction, merge);
  gru.return_sequences = sequences;
  gru.zero_output_for_mask = zeros;
  gru.return_state = stateful;
  const int C = gru.output_size, D = gru.gru.directions();
  Session masked = make_session(features_model(I, {gru}));
  LayerDescription separate = gru;
  separate.merge = Merge::concat;
  separate.output_size = D * H;
  Session single = make_session(features_model(I, {separate}));
  fill_parameters(masked, 5);
  fill_parameters(single, 5);
  const std::vector<float> x = draw(B * T * I, 9), h = draw(static_cast<size_t>(D * B * H), 12);
  const std::vector<uint8_t> mask = {0, 1, 0, 1, 1, /**/ 1, 1, 0, 0, 0, /**/ 0, 0, 1, 0, 1};
  if (stateful) masked.write_states({h}, B);
  const std::vector<float> y = predict(masked, features(B, T, x, &mask));
  const bool back = direction == Direction::backward;
  for (int b = 0; b < B; ++b) {
    std::vector<int> valid;
    std::vector<float> row;
    for (int t = 0; t < T; ++t) {
      if (!mask[b * T + t]) continue;
      valid.push_back(t);
      row.insert(row.end(), x.begin() + (b * T + t) * I, x.begin() + (b * T + t + 1) * I);
    }
    const int n = static_cast<int>(valid.size());
    if (stateful) {
      std::vector<float> state;
      for (int d = 0; d < D; ++d) state.insert(state.end(), h.begin() + (d * B + b) * H, h.begin() + (d * B + b + 1) * H);
      single.write_states({state}, 1);
    }
    const std::vector<float> part = predict(single, features(1, n, row));   // [n, D*H] or [D*H]
    const auto joined = [&](int t, int d, int c) -> float {                 // aligned to input time; direction d's own fallback
      if (!sequences) return part[d * H + c];
      const bool reverse = back || d == 1;
      int position = -1;
      for (int i = 0; i < n; ++i) {
        if (reverse ? valid[n - 1 - i] >= t : valid[i] <= t) position = reverse ? n - 1 - i : i;
      }
      if (zeros && !mask[b * T + t]) return 0;
      if (position < 0) return stateful ? h[(d * B + b) * H + c] : 0;
      return part[(back ? n - 1 - position : position) * D * H + d * H + c];   // go_backwards puts out in processing order
    };
    for (int t = 0; t < (sequences ? T : 1); ++t) {
      for (int c = 0; c < C; ++c) {
        const int shown = sequences && back ? T - 1 - t : t;
        const float got = y[(sequences ? b * T + t : b) * C + c];
        float expected = 0;
        if (D == 1 || merge == Merge::concat) expected = joined(shown, c / H, c % H);
        else if (merge == Merge::mul) expected = joined(shown, 0, c) * joined(shown, 1, c);
        else expected = (joined(shown, 0, c) + joined(shown, 1, c)) * (merge == Merge::ave ? 0.5f : 1.0f);
        CHECK_CLOSE(got, expected, 2e-6);
      }
    }
  }
}

// Gradients of sum(y * dy) by the door, against central differences of the same forward.
void gradients(const char* name, const ModelDescription& model, bool training, const std::vector<uint8_t>* mask) {
  const int B = 3, T = 5;
  Session session = make_session(model);
  session.configure({});
  fill_parameters(session, 21);
  std::vector<float> x = draw(static_cast<size_t>(B * T * model.input_size), 4), y, dx;
  const auto forward = [&] {
    Session::OptimizerState state = session.read_optimizer();
    state.step = state.train_steps = 0;   // the same dropout masks each time
    session.write_optimizer(state);
    session.forward(features(B, T, x, mask), training, y);
  };
  forward();
  const std::vector<float> dy = draw(y.size(), 33);
  CHECK(session.backward(dy.data(), dy.size(), dx));
  const std::vector<float> got = session.read_gradients();
  std::vector<float> weights = session.read_parameters();
  const auto value = [&] {
    forward();
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y[i]) * dy[i];
    return sum;
  };
  const float step = 4e-3f;
  int wrong = 0;
  const auto compare = [&](float& place, float gradient, const std::function<void()>& commit) {
    const float kept = place;
    place = kept + step;
    commit();
    const double above = value();
    place = kept - step;
    commit();
    const double below = value();
    place = kept;
    commit();
    const double expected = (above - below) / (2.0 * step);
    if (!(std::fabs(expected - gradient) <= 2e-3 + 5e-3 * std::fabs(expected))) ++wrong;
  };
  for (size_t i = 0; i < weights.size(); i += 3) {
    compare(weights[i], got[i], [&] { session.write_parameters(weights.data(), weights.size()); });
  }
  for (size_t i = 0; i < x.size(); i += 2) compare(x[i], dx[i], [] {});
  if (!CHECK(wrong == 0)) std::printf("  %s: %d gradients differ\n", name, wrong);
}

void all_gradients() {
  const std::vector<uint8_t> gaps = {0, 1, 0, 1, 1, /**/ 1, 1, 1, 0, 0, /**/ 0, 0, 0, 0, 0};
  const std::vector<uint8_t> padded = {1, 1, 1, 0, 0, /**/ 1, 1, 1, 1, 1, /**/ 0, 0, 0, 0, 0};
  for (const std::vector<uint8_t>* mask : {static_cast<const std::vector<uint8_t>*>(nullptr), &padded, &gaps}) {
    for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave}) {
      LayerDescription first = gru_layer("first", 3, 4, Direction::both, merge);
      first.return_sequences = true;
      LayerDescription second = gru_layer("second", first.output_size, 3, Direction::both, merge);
      gradients("both", features_model(3, {first, second, layer(LayerKind::dense, "dense", second.output_size, 2)}), false, mask);
    }
    LayerDescription back = gru_layer("back", 3, 4, Direction::backward);
    back.return_sequences = true;
    back.rate = 0.3f;
    LayerDescription again = gru_layer("again", 4, 3);
    again.return_sequences = true;
    again.zero_output_for_mask = true;
    LayerDescription drop = layer(LayerKind::dropout, "drop", 3, 3);
    drop.rate = 0.25f;
    LayerDescription tanh = layer(LayerKind::activation, "tanh", 2, 2);
    tanh.activation.kind = ActivationKind::tanh;
    LayerDescription dense = layer(LayerKind::dense, "dense", 3, 2);
    gradients("backwards", features_model(3, {back, again, drop, dense, tanh, layer(LayerKind::softmax, "soft", 2, 2)}), true, mask);
    LayerDescription norm = layer(LayerKind::layer_normalization, "norm", 3, 3), bare = layer(LayerKind::layer_normalization, "bare", 4, 4);
    norm.epsilon = bare.epsilon = 1e-3f;
    bare.scale = false;
    LayerDescription aligned = gru_layer("aligned", 3, 4, Direction::backward);
    aligned.return_sequences = true;
    aligned.go_backwards = false;
    gradients("normalized", features_model(3, {norm, aligned, bare, gru_layer("gru", 4, 3)}), false, mask);
    LayerDescription input_drop = layer(LayerKind::dropout, "input", 3, 3);
    input_drop.rate = 0.4f;
    gradients("identity first", features_model(3, {input_drop, gru_layer("gru", 3, 3)}), false, mask);
    gradients("dropout first", features_model(3, {input_drop, gru_layer("gru", 3, 3)}), true, mask);
  }
}

}  // namespace

int main() {
  maps();
  table();
  wrong_models();
  for (const bool sequences : {true, false}) {
    for (const bool zeros : {true, false}) {
      for (const bool stateful : {true, false}) {
        for (const Direction direction : {Direction::forward, Direction::backward}) {
          masked_rows(direction, Merge::concat, sequences, zeros, stateful);
        }
        for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave}) {
          masked_rows(Direction::both, merge, sequences, zeros, stateful);
        }
      }
    }
  }
  all_gradients();
  return checks().report();
}
