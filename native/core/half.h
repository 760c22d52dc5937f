#pragma once
#include <cstdint>
#include <cstring>

#include "device.h"

// float32 <-> the 16-bit floating point types, to the nearest with ties to even. NaN stays NaN with its sign, beyond the largest finite
// number is infinity, subnormal numbers are kept.
namespace grus {

GRUS_DEVICE inline uint32_t float_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

GRUS_DEVICE inline float float_from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

GRUS_DEVICE inline uint16_t to_bfloat16(float value) {
  const uint32_t bits = float_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);   // quiet, or cut to infinity
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

GRUS_DEVICE inline float from_bfloat16(uint16_t value) { return float_from_bits(uint32_t{value} << 16); }

GRUS_DEVICE inline uint16_t to_float16(float value) {
  const uint32_t sign = float_bits(value) >> 16 & 0x8000u, size = float_bits(value) & 0x7fffffffu;
  if (size > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | (size >> 13 & 0x1ffu));
  if (size >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);   // from 65520 on
  if (size < 0x38800000u) {                                                // below 2^-14: 0.5 + size counts units of 2^-24
    return static_cast<uint16_t>(sign | (float_bits(float_from_bits(size) + 0.5f) - 0x3f000000u));
  }
  return static_cast<uint16_t>(sign | ((size + 0xfffu + (size >> 13 & 1u) - 0x38000000u) >> 13));
}

GRUS_DEVICE inline float from_float16(uint16_t value) {
  const uint32_t sign = (value & 0x8000u) << 16, exponent = value >> 10 & 31u, mantissa = value & 0x3ffu;
  if (exponent == 31) return float_from_bits(sign | 0x7f800000u | mantissa << 13);
  if (exponent > 0) return float_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
  const float size = static_cast<float>(mantissa) * 5.9604644775390625e-8f;   // 2^-24, exact
  return sign ? -size : size;
}

}  // namespace grus
