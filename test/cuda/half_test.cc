// Numbers of 16 bits on the host: every one of them, and every place where rounding turns, against their definition in double.
#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "check.h"
#include "core/half.h"

using namespace grus;

namespace {

struct Format {
  int mantissa, bias;                     // bits of the mantissa, bias of the exponent
  uint16_t (*narrow)(float);
  float (*widen)(uint16_t);
  uint16_t infinity() const { return static_cast<uint16_t>(((1 << (15 - mantissa)) - 1) << mantissa); }
};

double defined(const Format& format, uint16_t bits) {
  const int exponent = (bits & 0x7fff) >> format.mantissa, fraction = bits & ((1 << format.mantissa) - 1);
  const double size = exponent == 0 ? std::ldexp(fraction, 1 - format.bias - format.mantissa)
                                    : std::ldexp(fraction + (1 << format.mantissa), exponent - format.bias - format.mantissa);
  return bits & 0x8000 ? -size : size;
}

void every_number(const Format& format) {
  int wrong = 0;
  for (uint32_t word = 0; word < 0x10000; ++word) {
    const auto bits = static_cast<uint16_t>(word);
    const float value = format.widen(bits);
    const uint16_t size = bits & 0x7fff;
    if (size > format.infinity()) {
      const uint16_t back = format.narrow(value);
      wrong += !(std::isnan(value) && (back & 0x7fff) > format.infinity() && (back & 0x8000) == (bits & 0x8000));
      continue;
    }
    if (size == format.infinity()) wrong += !(std::isinf(value) && std::signbit(value) == (bits >> 15 != 0));
    else wrong += static_cast<double>(value) != defined(format, bits) || std::signbit(value) != (bits >> 15 != 0);
    wrong += format.narrow(value) != bits;
  }
  CHECK(wrong == 0);
}

// Between two neighbours: their middle goes to the even one, whatever lies beside it to the nearer one.
void every_turn(const Format& format) {
  int wrong = 0;
  for (uint32_t word = 0; word < format.infinity(); ++word)
    for (const uint16_t sign : {uint16_t{0}, uint16_t{0x8000}}) {
      const auto low = static_cast<uint16_t>(word | sign), high = static_cast<uint16_t>(low + 1);   // nearer to zero, and further away
      // past the largest number the definition goes on to the power of two where infinity stands
      const double exact = (std::fabs(defined(format, low)) + std::fabs(defined(format, high))) / 2;
      const auto middle = static_cast<float>(sign ? -exact : exact);
      wrong += std::fabs(static_cast<double>(middle)) != exact;   // a float has room for it
      wrong += format.narrow(middle) != (low & 1 ? high : low);
      wrong += format.narrow(std::nextafter(middle, 0.0f)) != low;
      wrong += format.narrow(std::nextafter(middle, sign ? -INFINITY : INFINITY)) != high;
    }
  CHECK(wrong == 0);
}

void extremes(const Format& format) {
  const uint16_t infinity = format.infinity();
  CHECK(format.narrow(INFINITY) == infinity && format.narrow(-INFINITY) == (infinity | 0x8000));
  CHECK(format.narrow(3.4028235e38f) == infinity && format.narrow(-3.4028235e38f) == (infinity | 0x8000));
  CHECK(format.narrow(0.0f) == 0 && format.narrow(-0.0f) == 0x8000);
  CHECK(format.narrow(1e-45f) == 0 && format.narrow(-1e-45f) == 0x8000);
  for (const uint32_t nan : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {   // also where only low bits say so
    const uint16_t bits = format.narrow(float_from_bits(nan));
    CHECK((bits & 0x7fff) > infinity && bits >> 15 == nan >> 31);
    CHECK(std::isnan(format.widen(bits)));
  }
}

}  // namespace

int main() {
  for (const Format& format : {Format{7, 127, to_bfloat16, from_bfloat16}, Format{10, 15, to_float16, from_float16}}) {
    every_number(format);
    every_turn(format);
    extremes(format);
  }
  CHECK(to_float16(65504.0f) == 0x7bff && to_float16(65519.996f) == 0x7bff && to_float16(65520.0f) == 0x7c00);
  CHECK(to_bfloat16(1.0f) == 0x3f80 && to_float16(-2.0f) == 0xc000);
  return checks().report();
}
