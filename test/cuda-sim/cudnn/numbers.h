#pragma once
#include <cmath>
#include <cstring>

#include "shapes.h"

namespace grus::sim::dnn {

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// A float without its last `dropped` bits of mantissa, to the nearest, ties to even; infinity where that carries over the largest.
inline float without_bits(float value, int dropped) {
  const uint32_t bits = bits_of(value);
  if (!std::isfinite(value)) return value;
  return from_bits((bits + (1u << (dropped - 1)) - 1 + ((bits >> dropped) & 1)) & ~((1u << dropped) - 1));
}

// 10 bits of mantissa and the exponents of float32: what a tensor core takes of a float
inline double rounded_tf32(double value) { return without_bits(static_cast<float>(value), 13); }

struct Bfloat16 {
  static uint16_t encode(float value) {
    if (std::isnan(value)) return 0x7FC0;
    return static_cast<uint16_t>(bits_of(without_bits(value, 16)) >> 16);
  }
  static float decode(uint16_t code) { return from_bits(uint32_t{code} << 16); }
};

struct Float16 {
  static uint16_t encode(float value) {
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    const float size = std::fabs(value);
    if (std::isnan(value)) return 0x7E00;
    if (size < 6.103515625e-5f) return static_cast<uint16_t>(sign | static_cast<int>(std::nearbyint(size * 16777216.0f)));   // 2^-14, 2^24
    const uint32_t bits = bits_of(without_bits(size, 13));
    return static_cast<uint16_t>(sign | (bits >= 0x47800000 ? 0x7C00 : (bits - 0x38000000) >> 13));   // 65536; the exponents' biases
  }
  static float decode(uint16_t code) {
    const uint32_t sign = uint32_t{code & 0x8000u} << 16, rest = code & 0x7FFFu;
    if (rest >= 0x7C00) return from_bits(sign | 0x7F800000 | rest << 13);
    if (rest < 0x0400) return std::copysign(static_cast<float>(rest) / 16777216.0f, from_bits(sign | 0x3F800000));
    return from_bits(sign | ((rest << 13) + 0x38000000));
  }
};

// What is left of a value after it was stored as that type.
inline double rounded(DataType type, double value) {
  switch (type) {
    case DataType::float64: return value;
    case DataType::float32: return static_cast<float>(value);
    case DataType::float16: return Float16::decode(Float16::encode(static_cast<float>(value)));
    case DataType::bfloat16: return Bfloat16::decode(Bfloat16::encode(static_cast<float>(value)));
  }
  return value;
}

// count values from element `first` on
inline void load_many(DataType type, const void* data, size_t first, size_t count, double* out) {
  if (type == DataType::float64) {
    std::memcpy(out, static_cast<const char*>(data) + first * 8, count * 8);
  } else if (type == DataType::float32) {
    const float* from = static_cast<const float*>(data) + first;
    for (size_t i = 0; i < count; ++i) out[i] = from[i];
  } else {
    const uint16_t* from = static_cast<const uint16_t*>(data) + first;
    for (size_t i = 0; i < count; ++i) out[i] = type == DataType::float16 ? Float16::decode(from[i]) : Bfloat16::decode(from[i]);
  }
}

inline void store_many(DataType type, void* data, size_t first, size_t count, const double* values) {
  if (type == DataType::float64) {
    std::memcpy(static_cast<char*>(data) + first * 8, values, count * 8);
  } else if (type == DataType::float32) {
    float* to = static_cast<float*>(data) + first;
    for (size_t i = 0; i < count; ++i) to[i] = static_cast<float>(values[i]);
  } else {
    uint16_t* to = static_cast<uint16_t*>(data) + first;
    for (size_t i = 0; i < count; ++i) {
      const auto value = static_cast<float>(values[i]);
      to[i] = type == DataType::float16 ? Float16::encode(value) : Bfloat16::encode(value);
    }
  }
}

inline double load(DataType type, const void* data, size_t index) {
  double value;
  load_many(type, data, index, 1, &value);
  return value;
}
inline void store(DataType type, void* data, size_t index, double value) { store_many(type, data, index, 1, &value); }

}   // namespace grus::sim::dnn
