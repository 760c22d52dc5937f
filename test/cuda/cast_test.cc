// float32 <-> 16 bits on the GPU: every number, and the very bits of the host's conversion.
#include <array>

#include "core/half.h"
#include "cuda/kernels/cast.h"
#include "on_stream.h"

using namespace grus;

namespace {

uint16_t narrowed(Precision type, float value) { return type == Precision::bfloat16 ? to_bfloat16(value) : to_float16(value); }
float widened(Precision type, uint16_t value) { return type == Precision::bfloat16 ? from_bfloat16(value) : from_float16(value); }

// Neighbours of 16-bit numbers, their middles, and what lies right beside those.
Floats turning_points(Precision type) {
  Floats values{0.0f, -0.0f, INFINITY, -INFINITY, not_a_number, -not_a_number, 3.4028235e38f, -3.4028235e38f, 1e-45f, 65519.996f, 65520.0f};
  for (uint32_t word = 0; word < 0x10000; word += 7) {
    const double low = widened(type, static_cast<uint16_t>(word)), high = widened(type, static_cast<uint16_t>(word + 1));
    if (!std::isfinite(low) || !std::isfinite(high)) continue;
    const auto middle = static_cast<float>((low + high) / 2);
    for (const float value : {static_cast<float>(low), std::nextafter(middle, -INFINITY), middle, std::nextafter(middle, INFINITY)})
      values.push_back(value);
  }
  return values;
}

void narrowing(Stream& stream, Precision type, size_t shift) {
  Floats x = turning_points(type);
  if (!shift) x.resize(x.size() / 4 * 4);   // in Fours
  const auto count = static_cast<int64_t>(x.size());
  const OnStream<float> from(stream, x, shift);
  for (const float scale : {0.0f, 1024.0f, 0.125f}) {   // 0: none is given
    const OnStream<float> by(stream, {scale});
    const OnStream<uint16_t> to(stream, std::vector<uint16_t>(x.size(), 1));
    const auto pass = [&] {
      cuda::narrow(stream.stream(), type, from.data(), to.data(), count, scale > 0 ? by.data() : nullptr);
      return to.read();
    };
    std::vector<uint16_t> want(x.size());
    for (size_t i = 0; i < x.size(); ++i) want[i] = narrowed(type, scale > 0 ? x[i] * scale : x[i]);
    auto got = pass();
    CHECK(same_bits(got, pass()));
    int wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) {   // which NaN is a device's own matter once it has multiplied one
      const float a = widened(type, got[i]), b = widened(type, want[i]);
      wrong += !(got[i] == want[i] || (std::isnan(a) && std::isnan(b)));
    }
    CHECK(wrong == 0);
  }
}

void widening(Stream& stream, Precision type, size_t shift) {
  std::vector<uint16_t> x(0x10000 - shift);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint16_t>(i * 40503);   // odd: every number, but the last of a shifted run
  const Floats before = random_floats(x.size(), 1);
  const OnStream<uint16_t> from(stream, x);
  for (const float scale : {0.0f, 1024.0f, 0.125f})
    for (const bool add : {false, true}) {
      const OnStream<float> by(stream, {scale});
      const auto pass = [&] {
        const OnStream<float> to(stream, before, shift);
        cuda::widen(stream.stream(), type, from.data(), to.data(), static_cast<int64_t>(x.size()), scale > 0 ? by.data() : nullptr, add);
        return to.read();
      };
      const Floats got = pass();
      CHECK(same_bits(got, pass()));
      int wrong = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const float value = scale > 0 ? widened(type, x[i]) / scale : widened(type, x[i]), want = add ? before[i] + value : value;
        wrong += !(float_bits(got[i]) == float_bits(want) || (std::isnan(got[i]) && std::isnan(want)));
      }
      CHECK(wrong == 0);
    }
}

}  // namespace

int main() {
  const auto stream = Stream::open();
  if (!stream) return kNothingTested;
  for (const Precision type : {Precision::bfloat16, Precision::float16})
    for (const size_t shift : {size_t{0}, size_t{1}}) {
      narrowing(*stream, type, shift);
      widening(*stream, type, shift);
    }
  const OnStream<float> none(*stream, {});
  const OnStream<uint16_t> nothing(*stream, {});
  cuda::narrow(stream->stream(), Precision::float16, none.data(), nothing.data(), 0, nullptr);
  cuda::widen(stream->stream(), Precision::float16, nothing.data(), none.data(), 0, nullptr, true);
  CHECK(none.read().empty());
  return checks().report();
}
