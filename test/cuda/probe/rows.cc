#include <algorithm>

#include "groups.h"

namespace probe {
namespace {

// Of [T, B, width]: the values of the steps that a row does not have, or does.
Floats part(const Network& n, Array array, bool of_padding) {
  const Shape& s = n.shape();
  const Floats all = n.read(array);
  const size_t batch = static_cast<size_t>(s.batch), width = all.size() / (batch * static_cast<size_t>(s.steps));
  Floats some;
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t row = i / width % batch, step = i / width / batch;
    const bool padded = step >= static_cast<size_t>(s.lengths[row]);
    if (padded == of_padding) some.push_back(all[i]);
  }
  return some;
}

void fill_padding(Network& n, Array array, float value) {
  const Shape& s = n.shape();
  Floats all = n.read(array);
  const size_t batch = static_cast<size_t>(s.batch), width = all.size() / (batch * static_cast<size_t>(s.steps));
  for (size_t i = 0; i < all.size(); ++i) {
    if (i / width / batch >= static_cast<size_t>(s.lengths[i / width % batch])) all[i] = value;
  }
  n.write(array, all);
}

Json kinds_of(const Floats& values) {   // which values there are
  if (values.empty()) return "nothing";
  const auto all = [&](auto test) { return std::all_of(values.begin(), values.end(), test); };
  if (all([](float v) { return v == 0; })) return "all 0";
  if (all([](float v) { return v == 1.5f; })) return "all 1.5";
  if (all([](float v) { return v == 77; })) return "all as they were before";
  if (all([](float v) { return std::isnan(v); })) return "all NaN";
  return all([](float v) { return std::isfinite(v); }) ? "other values" : "other values, some not finite";
}

bool state_kept(const Network& n) {   // of rows without a step
  const Floats hx = n.read(HX), hy = n.read(HY);
  const std::vector<int32_t>& lengths = n.shape().lengths;
  for (size_t i = 0; i < hx.size(); ++i) {
    if (lengths[i / static_cast<size_t>(n.shape().hidden)] == 0 && hx[i] != hy[i]) return false;
  }
  return true;
}

Shape ragged(const Kind& kind = kFloat32, Fill fill = Fill::zero) {
  Shape shape;
  shape.kind = kind, shape.fill = fill;
  shape.lengths = {8, 3, 5, 1};
  return shape;
}

}  // namespace

void empty_rows(Context& context) {
  const std::vector<std::pair<const char*, std::vector<int32_t>>> all = {
      {"the last row of 4", {8, 3, 5, 0}}, {"the first row of 4", {0, 8, 3, 5}}, {"every row", {0, 0, 0, 0}}};
  for (const auto& [what, lengths] : all) {
    for (const bool training : {false, true}) {
      Shape shape;
      shape.lengths = lengths;
      const std::string question = std::string("rows without a step, ") + what + (training ? ", training" : ", inference");
      trying(question);
      Network n(context, shape);
      if (!n.refused().good) {
        answer("8.4", question, n.refused().text);
        continue;
      }
      const Outcome outcome = n.pass(training);
      const cudaError_t after = cudaDeviceSynchronize();
      answer("8.4", question, {{"outcome", outcome.text}, {"hy is hx there", outcome.good ? Json(state_kept(n)) : Json("unknown")},
                               {"device afterwards", cudaGetErrorName(after)}});
      if (after != cudaSuccess) return;
    }
  }
}

void padding(Context& context) {
  for (const Kind& kind : {kFloat32, kFloat16}) {
    for (const auto& [fill, name] :
         {std::pair{Fill::none, "no fill"}, std::pair{Fill::zero, "fill 0"}, std::pair{Fill::one_and_a_half, "fill 1.5"}}) {
      const std::string question = std::string("padding of y and dx with ") + name + ", " + kind.name;
      trying(question);
      Network n(context, ragged(kind, fill));
      n.write(Y, Floats(n.count(Y), 77));
      n.write(DX, Floats(n.count(DX), 77));
      const Outcome outcome = n.pass(true);
      answer("8.5", question, {{"outcome", outcome.text}, {"y", kinds_of(part(n, Y, true))}, {"dx", kinds_of(part(n, DX, true))}});
    }
  }
  trying("NaN in padding");
  Network clean(context, ragged());
  const Outcome outcome = clean.pass(true);
  for (const auto& [array, name] : {std::pair{X, "x"}, std::pair{DY, "dy"}}) {
    Network n(context, ragged());
    fill_padding(n, array, NAN);
    const Outcome now = n.pass(true);
    bool same = part(n, Y, false) == part(clean, Y, false) && part(n, DX, false) == part(clean, DX, false);
    for (const Array whole : {HY, DHX, DWEIGHTS}) same &= n.bytes(whole) == clean.bytes(whole);
    answer("8.5", std::string("NaN in the padding of ") + name, {{"outcome", outcome.good ? now.text : outcome.text},
                                                                 {"all results as without it, bit for bit", same}});
  }
}

}  // namespace probe
