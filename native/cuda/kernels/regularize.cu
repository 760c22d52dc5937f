#include "optimizer.h"
#include "stretches.h"

namespace grus::cuda {
namespace {

// The penalty, and on the way the gradients.
struct Penalty {
  using Value = double;
  Stretches stretches;
  float l1[Stretches::most] = {}, l2[Stretches::most] = {};
  const float* parameters = nullptr;
  float* gradients = nullptr;
  const StepScalars* scalars = nullptr;
  double* stats = nullptr;

  GRUS_DEVICE double identity() const { return 0; }
  GRUS_DEVICE double combine(double a, double b) const { return a + b; }
  GRUS_DEVICE double map(int64_t i) const {
    const int stretch = stretches.find(i);
    const int64_t place = stretches.place(stretch, i);
    const float w = parameters[place], one = l1[stretch], two = l2[stretch];
    if (gradients) {
      const float sign = w < 0 ? -1.0f : w > 0 ? 1.0f : w;   // NaN of NaN
      gradients[place] += one * sign + 2.0f * two * w;
    }
    return static_cast<double>(one) * (w < 0 ? -w : w) + static_cast<double>(two) * w * w;
  }
  GRUS_DEVICE void done(double penalty) const { stats[0] += penalty * scalars->samples; }
};

}  // namespace

void regularize(cudaStream_t stream, const Segment* segment, int segments, const float* parameters, float* gradients,
                const StepScalars* scalars, double* stats, void* scratch) {
  const std::vector<Segment> penalised = joined(
    segment, segments, [](const Segment& s) { return s.trainable && (s.l1 != 0 || s.l2 != 0); },
    [](const Segment& a, const Segment& b) { return a.l1 == b.l1 && a.l2 == b.l2; });
  in_chunks(penalised.size(), [&](size_t first, size_t count) {
    Penalty penalty;
    penalty.stretches = stretches_of(penalised.data() + first, count);
    for (size_t i = 0; i < count; ++i) {
      penalty.l1[i] = penalised[first + i].l1;
      penalty.l2[i] = penalised[first + i].l2;
    }
    penalty.parameters = parameters;
    penalty.gradients = gradients;
    penalty.scalars = scalars;
    penalty.stats = stats;
    reduce_all(stream, penalty.stretches.total, penalty, scratch);
  });
}

}  // namespace grus::cuda
