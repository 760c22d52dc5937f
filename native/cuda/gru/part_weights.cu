#include <algorithm>
#include <vector>

#include "launch.h"
#include "part_weights.h"

namespace grus::cuda {
namespace {

// The place in the whole of a value of the part, -1 where there is none.
GRUS_DEVICE int64_t in_whole(const PartWeights::Stretches& stretches, int64_t at) {
  for (int i = 0; i < stretches.count; ++i) {
    const int64_t within = at - stretches.all[i].part;
    if (within >= 0 && within < stretches.all[i].count) return stretches.all[i].whole + within;
  }
  return -1;
}

struct Take {
  PartWeights::Stretches stretches;
  const float* whole;
  float* part;
  GRUS_DEVICE void operator()(int64_t i) const {
    const int64_t at = in_whole(stretches, i);
    part[i] = at < 0 ? 0 : whole[at];
  }
};

struct Add {
  PartWeights::Stretches stretches;
  const float* part;
  float* whole;
  GRUS_DEVICE void operator()(int64_t i) const {
    const int64_t at = in_whole(stretches, i);
    if (at >= 0) whole[at] += part[i];
  }
};

}  // namespace

PartWeights::PartWeights(const std::vector<GruParameter>& whole, int layer, int direction, const std::vector<GruParameter>& part) {
  std::vector<Stretch> gates;
  auto from = std::find_if(whole.begin(), whole.end(), [&](const GruParameter& p) { return p.layer == layer && p.direction == direction; });
  for (const GruParameter& parameter : part) {
    for (size_t gate = 0; gate < parameter.gate_offset.size(); ++gate) {
      gates.push_back({parameter.gate_offset[gate], from->gate_offset[gate], parameter.rows / 3 * parameter.cols});
    }
    ++from;
  }
  std::sort(gates.begin(), gates.end(), [](const Stretch& a, const Stretch& b) { return a.part < b.part; });
  for (const Stretch& gate : gates) {
    Stretch* last = stretches_.count > 0 ? &stretches_.all[stretches_.count - 1] : nullptr;
    if (last && last->part + last->count == gate.part && last->whole + last->count == gate.whole)
      last->count += gate.count;
    else
      stretches_.all[stretches_.count++] = gate;
  }
}

void PartWeights::take(cudaStream_t stream, const float* whole, float* part, int64_t count) const {
  for_each(stream, count, Take{stretches_, whole, part});
}

void PartWeights::add(cudaStream_t stream, const float* part, int64_t count, float* whole) const {
  for_each(stream, count, Add{stretches_, part, whole});
}

}  // namespace grus::cuda
