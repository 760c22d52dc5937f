#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/engine_name.h"
#include "cpu/vector_math.h"
#include "every_engine.h"

using namespace grus;

namespace {

using Array = void (*)(const float*, float*, int64_t);
using Exact = long double (*)(long double);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

long double sigmoid_exact(long double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

// In units of the last place of the correctly rounded result, subnormals included.
double ulps(float got, long double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || std::isinf(got) || std::isnan(got)) return got == rounded || (std::isnan(got) && std::isnan(exact)) ? 0 : 1e9;
  const float size = std::fabs(rounded);
  const long double unit = static_cast<long double>(std::nextafter(size, kInfinity)) - size;
  return static_cast<double>(std::fabs(got - exact) / unit);
}

// Every 4093rd float of either sign: exponents of all sizes, subnormals, infinities and NaN among them.
double worst_ulps(Array array, Exact exact, float low, float high, float* where) {
  std::vector<float> x, y;
  double worst = 0;
  const auto flush = [&] {
    y.assign(x.size(), 0);
    array(x.data(), y.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(y[i], exact(x[i]));
      if (!(error <= worst) && !std::isnan(worst)) {
        worst = error;
        *where = x[i];
      }
    }
    x.clear();
  };
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 4093) {
    const uint32_t word = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, sizeof value);
    if (!std::isnan(value) && value >= low && value <= high) x.push_back(value);
    if (x.size() == 1021) flush();   // not a multiple of any vector
  }
  flush();
  return worst;
}

void expect_accuracy(const char* name, Array array, Exact exact, float low, float high, double limit) {
  float where = 0;
  const double worst = worst_ulps(array, exact, low, high, &where);
  std::printf("%-8s %.2f ulp at %.9g\n", name, worst, where);
  CHECK_CLOSE(worst, 0.0, limit);
}

float one(Array array, float x) {
  float y = 0;
  array(&x, &y, 1);
  return y;
}

// An array of every length up to 70: right values, nothing beyond the end touched, in place too.
void expect_tails(Array array) {
  bool good = true;
  for (int count = 0; count <= 70; ++count) {
    std::vector<float> x(static_cast<size_t>(count) + 1), y(x.size(), -77.0f);
    for (int i = 0; i <= count; ++i) x[static_cast<size_t>(i)] = 0.1f + 0.03f * static_cast<float>(i);
    std::vector<float> in_place = x;
    array(x.data(), y.data(), count);
    array(in_place.data(), in_place.data(), count);
    for (int i = 0; i < count; ++i) {
      const size_t at = static_cast<size_t>(i);
      good = good && y[at] == one(array, x[at]) && y[at] == in_place[at];
    }
    good = good && y.back() == -77.0f && in_place.back() == x.back();
  }
  CHECK(good);
}

struct Expected {
  Activation f;
  std::function<double(double)> value;
};

void expect_activation(const Expected& e) {
  std::vector<float> x;
  for (int i = -400; i <= 400; ++i) x.push_back(static_cast<float>(i) / 37.0f + 0.001f);
  std::vector<float> y(x.size()), dx(x.size()), dy(x.size(), 2.0f);
  const int64_t count = static_cast<int64_t>(x.size());
  activate(e.f, x.data(), y.data(), count);
  activate_grad(e.f, y.data(), dy.data(), dx.data(), count);
  double worst = 0, worst_slope = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double step = 1e-5, exact = e.value(x[i]), slope = (e.value(x[i] + step) - e.value(x[i] - step)) / step;
    worst = std::max(worst, std::fabs(y[i] - exact) / (1 + std::fabs(exact)));
    worst_slope = std::max(worst_slope, std::fabs(dx[i] - slope));
  }
  if (!CHECK_CLOSE(worst, 0.0, 4e-7) | !CHECK_CLOSE(worst_slope, 0.0, 3e-6)) std::printf("  activation %d\n", static_cast<int>(e.f.kind));
  float nan = kNan, out = 0;
  activate(e.f, &nan, &out, 1);
  CHECK(std::isnan(out));
  for (float big : {3e38f, -3e38f, kInfinity, -kInfinity}) {
    activate(e.f, &big, &out, 1);
    const double exact = e.value(big);
    const float limit = static_cast<float>(exact);
    if (!CHECK(out == limit || std::fabs(out - exact) <= 1e-6 * std::fabs(exact))) {
      std::printf("  activation %d of %g: got %g, expected %g\n", static_cast<int>(e.f.kind), big, out, limit);
    }
  }
}

}  // namespace

static int run() {
  std::printf("math: %s\n", cpu_engine_name().c_str());
  const float most = std::numeric_limits<float>::max();
  expect_accuracy("exp", vector_exp, [](long double x) { return std::exp(x); }, -kInfinity, kInfinity, 4);
  expect_accuracy("log", vector_log, [](long double x) { return std::log(x); }, 0, kInfinity, 4);
  expect_accuracy("log1p", vector_log1p, [](long double x) { return std::log1p(x); }, -1, most, 4);
  expect_accuracy("tanh", vector_tanh, [](long double x) { return std::tanh(x); }, -kInfinity, kInfinity, 4);
  expect_accuracy("sigmoid", vector_sigmoid, sigmoid_exact, -kInfinity, kInfinity, 4);
  for (Array array : {vector_exp, vector_log, vector_log1p, vector_tanh, vector_sigmoid}) {
    CHECK(std::isnan(one(array, kNan)));
    expect_tails(array);
  }
  CHECK(one(vector_log, 0.0f) == -kInfinity);
  CHECK(one(vector_log, -0.0f) == -kInfinity);
  CHECK(std::isnan(one(vector_log, -1.0f)));
  CHECK(one(vector_log, kInfinity) == kInfinity);
  CHECK(one(vector_log1p, -1.0f) == -kInfinity);
  CHECK(one(vector_log1p, kInfinity) == kInfinity);
  CHECK(std::isnan(one(vector_log1p, -2.0f)));
  CHECK(one(vector_tanh, kInfinity) == 1.0f);
  CHECK(one(vector_tanh, -kInfinity) == -1.0f);
  CHECK(one(vector_sigmoid, kInfinity) == 1.0f);
  CHECK(one(vector_sigmoid, -kInfinity) == 0.0f);

  using K = ActivationKind;
  const Expected all[] = {
      {{K::linear, 0, 0}, [](double x) { return x; }},
      {{K::relu, 0, 0}, [](double x) { return x > 0 ? x : 0.0; }},
      {{K::tanh, 0, 0}, [](double x) { return std::tanh(x); }},
      {{K::sigmoid, 0, 0}, [](double x) { return static_cast<double>(sigmoid_exact(x)); }},
      {{K::softsign, 0, 0}, [](double x) { return std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::fabs(x)); }},
      {{K::softplus, 0, 0}, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }},
      {{K::affine, 0.5f, 0.25f}, [](double x) { return 0.5 * x + 0.25; }},
      {{K::leaky_relu, 0.125f, 0}, [](double x) { return x > 0 ? x : 0.125 * x; }},
      {{K::thresholded_relu, 1.5f, 0}, [](double x) { return x > 1.5 ? x : 0.0; }},
      {{K::scaled_tanh, 1.75f, 0.5f}, [](double x) { return 1.75 * std::tanh(0.5 * x); }},
      {{K::hard_sigmoid, 0.25f, 0.5f}, [](double x) { return std::min(1.0, std::max(0.0, 0.25 * x + 0.5)); }},
      {{K::elu, 0.75f, 0}, [](double x) { return x > 0 ? x : 0.75 * std::expm1(x); }},
  };
  for (const Expected& e : all) expect_activation(e);
  return checks().report();
}

int main(int argc, char** argv) { return in_every_engine(argc, argv, run); }
