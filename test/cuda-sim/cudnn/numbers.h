#pragma once
#include <cmath>
#include <cstring>
#include <limits>

#include "shapes.h"

namespace grus::sim::dnn {

// A 16-bit floating point format by its field widths: float16 is (5, 10), bfloat16 (8, 7).
template <int exponent_bits, int mantissa_bits>
struct Narrow {
  static constexpr int kBias = (1 << (exponent_bits - 1)) - 1, kInfinity = ((1 << exponent_bits) - 1) << mantissa_bits;

  // to the nearest, ties to even
  static uint16_t encode(double value) {
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    const double size = std::fabs(value);
    if (std::isnan(value)) return static_cast<uint16_t>(sign | kInfinity | (1 << (mantissa_bits - 1)));
    if (std::isinf(value)) return static_cast<uint16_t>(sign | kInfinity);
    if (size == 0) return sign;
    const int exponent = std::max(std::ilogb(size), 1 - kBias);
    const int units = static_cast<int>(std::nearbyint(std::scalbn(size, mantissa_bits - exponent)));
    const int hidden_bit = 1 << mantissa_bits;
    // a carry out of the mantissa moves to the exponent by itself
    const int64_t code = units < hidden_bit ? units : (int64_t(exponent + kBias) << mantissa_bits) + units - hidden_bit;
    return static_cast<uint16_t>(sign | std::min<int64_t>(code, kInfinity));
  }

  static double decode(uint16_t code) {
    const int exponent = (code & 0x7FFF) >> mantissa_bits, mantissa = code & ((1 << mantissa_bits) - 1);
    double size;
    if (exponent == (1 << exponent_bits) - 1) {
      size = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
    } else {
      size = std::scalbn(exponent ? mantissa + (1 << mantissa_bits) : mantissa, std::max(exponent, 1) - kBias - mantissa_bits);
    }
    return code & 0x8000 ? -size : size;
  }
};
using Float16 = Narrow<5, 10>;
using Bfloat16 = Narrow<8, 7>;

inline double load(DataType type, const void* data, size_t index) {
  const char* at = static_cast<const char*>(data) + index * size_of(type);
  if (type == DataType::float64) { double v; std::memcpy(&v, at, sizeof v); return v; }
  if (type == DataType::float32) { float v; std::memcpy(&v, at, sizeof v); return v; }
  uint16_t code;
  std::memcpy(&code, at, sizeof code);
  return type == DataType::float16 ? Float16::decode(code) : Bfloat16::decode(code);
}

inline void store(DataType type, void* data, size_t index, double value) {
  char* at = static_cast<char*>(data) + index * size_of(type);
  if (type == DataType::float64) {
    std::memcpy(at, &value, sizeof value);
  } else if (type == DataType::float32) {
    const float v = static_cast<float>(value);
    std::memcpy(at, &v, sizeof v);
  } else {
    const uint16_t code = type == DataType::float16 ? Float16::encode(value) : Bfloat16::encode(value);
    std::memcpy(at, &code, sizeof code);
  }
}

// What is left of a value after it was stored as that type.
inline double rounded(DataType type, double value) {
  switch (type) {
    case DataType::float64: return value;
    case DataType::float32: return static_cast<float>(value);
    case DataType::float16: return Float16::decode(Float16::encode(value));
    case DataType::bfloat16: return Bfloat16::decode(Bfloat16::encode(value));
  }
  return value;
}

// 10 bits of mantissa and the exponents of float32: what a tensor core takes of a float
inline double rounded_tf32(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::ilogb(value);
  return std::scalbn(std::nearbyint(std::scalbn(value, 10 - exponent)), exponent - 10);
}

}  // namespace grus::sim::dnn
