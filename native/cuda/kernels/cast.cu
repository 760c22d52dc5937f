#include "cast.h"

#include "../../core/half.h"
#include "cells.h"

namespace grus::cuda {
namespace {

struct alignas(8) FourShort {
  uint16_t x, y, z, w;
};

// kType is known when compiled: no branch for every number.
template <Precision kType>
GRUS_DEVICE uint16_t narrowed(float value) { return kType == Precision::bfloat16 ? to_bfloat16(value) : to_float16(value); }
template <Precision kType>
GRUS_DEVICE FourShort narrowed(Four v) { return {narrowed<kType>(v.x), narrowed<kType>(v.y), narrowed<kType>(v.z), narrowed<kType>(v.w)}; }

template <Precision kType>
GRUS_DEVICE float widened(uint16_t value) { return kType == Precision::bfloat16 ? from_bfloat16(value) : from_float16(value); }
template <Precision kType>
GRUS_DEVICE Four widened(FourShort v) { return {widened<kType>(v.x), widened<kType>(v.y), widened<kType>(v.z), widened<kType>(v.w)}; }

// Float is float or Four, Short is uint16_t or FourShort.

template <Precision kType, class Float, class Short>
struct Narrow {
  const Float* x;
  Short* y;
  const float* scale;
  GRUS_DEVICE void operator()(int64_t i) const { y[i] = narrowed<kType>(scale ? x[i] * *scale : x[i]); }
};

template <Precision kType, class Float, class Short>
struct Widen {
  const Short* x;
  Float* y;
  const float* scale;
  bool add;
  GRUS_DEVICE void operator()(int64_t i) const {
    Float value = widened<kType>(x[i]);
    if (scale) {
      const float by = *scale;
      value = each([by](float v) { return v / by; }, value);
    }
    y[i] = add ? y[i] + value : value;
  }
};

template <Precision kType>
void narrow_to(cudaStream_t stream, const float* x, uint16_t* y, int64_t count, const float* scale) {
  if (in_fours({x, y}, {count})) {
    for_each(stream, count / 4, Narrow<kType, Four, FourShort>{fours(x), reinterpret_cast<FourShort*>(y), scale});
  } else {
    for_each(stream, count, Narrow<kType, float, uint16_t>{x, y, scale});
  }
}

template <Precision kType>
void widen_from(cudaStream_t stream, const uint16_t* x, float* y, int64_t count, const float* scale, bool add) {
  if (in_fours({x, y}, {count})) {
    for_each(stream, count / 4, Widen<kType, Four, FourShort>{reinterpret_cast<const FourShort*>(x), fours(y), scale, add});
  } else {
    for_each(stream, count, Widen<kType, float, uint16_t>{x, y, scale, add});
  }
}

}  // namespace

void narrow(cudaStream_t stream, Precision type, const float* x, uint16_t* y, int64_t count, const float* scale) {
  if (type == Precision::bfloat16) return narrow_to<Precision::bfloat16>(stream, x, y, count, scale);
  narrow_to<Precision::float16>(stream, x, y, count, scale);
}

void widen(cudaStream_t stream, Precision type, const uint16_t* x, float* y, int64_t count, const float* scale, bool add) {
  if (type == Precision::bfloat16) return widen_from<Precision::bfloat16>(stream, x, y, count, scale, add);
  widen_from<Precision::float16>(stream, x, y, count, scale, add);
}

}  // namespace grus::cuda
