#include "optimizer.h"

#include <algorithm>
#include <string>

#include "../../core/error.h"
#include "clip.h"
#include "stretches.h"
#include "update_coefficients.h"

namespace grus::cuda {
namespace {

struct Fill {
  float* slots;
  float value;
  GRUS_DEVICE void operator()(int64_t i) const { slots[i] = value; }
};

struct Update {
  Stretches stretches;
  UpdateRule rule;
  const UpdateCoefficients* coefficients;
  float clip_value;               // 0: off
  const float* factors;           // of each stretch; null: none
  float* parameters;
  const float* gradients;
  float* slot[3];                 // as UpdateRule::apply takes them; null: it has none

  GRUS_DEVICE void operator()(int64_t i) const {
    if (coefficients->skip) return;
    const UpdateCoefficients with = *coefficients;
    const int stretch = stretches.find(i);
    const int64_t at = stretches.place(stretch, i);
    float g = gradients[at] * with.clip;
    if (factors) g *= factors[stretch];
    if (clip_value > 0) g = g > clip_value ? clip_value : g < -clip_value ? -clip_value : g;
    // everything is read before anything is written, so that the reads are under way together
    float w = parameters[at], a = slot[0] ? slot[0][at] : 0, b = slot[1] ? slot[1][at] : 0, c = slot[2] ? slot[2][at] : 0;
    rule.apply(with, g, w, a, b, c);
    parameters[at] = w;
    if (slot[0]) slot[0][at] = a;
    if (slot[1]) slot[1][at] = b;
    if (slot[2]) slot[2][at] = c;
  }
};

// The trainable segments, joined; with clip_norm those of one variable side by side.
std::vector<Segment> stretches_to_update(const Optimizer& options, const Segment* segment, int segments) {
  const bool by_variable = options.clip_norm > 0;
  std::vector<Segment> all = joined(
    segment, segments, [](const Segment& s) { return s.trainable; },
    [&](const Segment& a, const Segment& b) { return !by_variable || a.variable == b.variable; });
  if (by_variable) std::stable_sort(all.begin(), all.end(), [](const Segment& a, const Segment& b) { return a.variable < b.variable; });
  return all;
}

// How many stretches from `first` on are whole variables that variable_factors takes at once.
size_t whole_variables(const std::vector<Segment>& stretches, size_t first) {
  size_t end = std::min(stretches.size(), first + kClippedStretches);
  while (end > first && end < stretches.size() && stretches[end - 1].variable == stretches[end].variable) --end;
  if (end == first) {
    throw Error(ErrorCode::unsupported, "[optimizer] expected, for clipNorm, variables of at most " + std::to_string(kClippedStretches) +
                                          " stretches, variable " + std::to_string(stretches[first].variable) +
                                          " has more; use globalClipNorm");
  }
  return end - first;
}

}  // namespace

void optimizer_init(cudaStream_t stream, const Optimizer& options, float* slots, int64_t count) {
  const float start = options.kind == OptimizerKind::adagrad ? options.initial_accumulator : 0.0f;
  for_each(stream, count * optimizer_slots(options), Fill{slots, start});
}

void optimize(cudaStream_t stream, const Optimizer& options, const Segment* segment, int segments, const StepScalars* scalars,
              float* parameters, float* gradients, float* slots, int64_t count, UpdateState* state, bool dynamic_scale, void* scratch) {
  const std::vector<Segment> stretches = stretches_to_update(options, segment, segments);
  auto* coefficients = reinterpret_cast<UpdateCoefficients*>(static_cast<char*>(scratch) + kCoefficientsAt);
  const bool by_variable = options.clip_norm > 0, over_all = !by_variable && options.global_clip_norm > 0;
  if (dynamic_scale || over_all) sum_squares(stream, stretches, gradients, &state->norm, scratch);
  prepare_update(stream, options, scalars, state, dynamic_scale, coefficients);

  Update update{{}, UpdateRule(options), coefficients, 0, nullptr, parameters, gradients, {}};
  if (!by_variable && !over_all) update.clip_value = options.clip_value;
  // rmsprop without momentum keeps its mean gradient in the second stretch of the slots
  const bool skips_momentum = options.kind == OptimizerKind::rmsprop && !(options.momentum > 0);
  const int kept = optimizer_slots(options);
  for (int slot = 0; slot < kept; ++slot) update.slot[skips_momentum && slot == 1 ? 2 : slot] = slots + slot * count;

  for (size_t first = 0; first < stretches.size();) {
    size_t group = stretches.size() - first;
    if (by_variable) {
      group = whole_variables(stretches, first);
      variable_factors(stream, stretches.data() + first, group, options.clip_norm, gradients, scratch);
    }
    in_chunks(group, [&](size_t at, size_t size) {
      update.stretches = stretches_of(stretches.data() + first + at, size);
      if (by_variable) update.factors = static_cast<const float*>(scratch) + kFactorsAt / sizeof(float) + at;
      for_each(stream, update.stretches.total, update);
    });
    first += group;
  }
}

}  // namespace grus::cuda
