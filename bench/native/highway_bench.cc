// The engine's panel product and its tanh, beside the same written with Highway (libhwy-dev): GFLOP/s and ns per element, best of several
// interleaved rounds on one thread.
// g++ -O3 -march=skylake-avx512 -DHWY_COMPILE_ONLY_STATIC -std=c++17 -Inative bench/native/highway_bench.cc build/cmake/libgrus_engine.a -lhwy -lpthread -ldl
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "cpu/kernels.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

namespace hn = hwy::HWY_NAMESPACE;

namespace {

constexpr int64_t kRows = 64;
const hn::ScalableTag<float> kTag;

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// 8 rows times one panel of 3 vectors.
void tile(int64_t k, const float* a, int64_t a_step, const float* panel, float* c, int64_t ldc) {
  using V = hn::Vec<decltype(kTag)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(kTag));
  V sums[8][3];
  for (auto& row : sums) {
    for (V& sum : row) sum = hn::Zero(kTag);
  }
  for (int64_t i = 0; i < k; ++i, panel += 3 * lanes) {
    const V w0 = hn::LoadU(kTag, panel), w1 = hn::LoadU(kTag, panel + lanes), w2 = hn::LoadU(kTag, panel + 2 * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      const V x = hn::Set(kTag, a[r * a_step + i]);
      sums[r][0] = hn::MulAdd(x, w0, sums[r][0]);
      sums[r][1] = hn::MulAdd(x, w1, sums[r][1]);
      sums[r][2] = hn::MulAdd(x, w2, sums[r][2]);
    }
  }
  for (int r = 0; r < 8; ++r) {
    for (int v = 0; v < 3; ++v) hn::StoreU(sums[r][v], kTag, c + r * ldc + v * lanes);
  }
}

void product(int64_t panels, int64_t k, const float* a, int64_t a_step, const float* packed, float* c, int64_t ldc) {
  const int64_t width = 3 * static_cast<int64_t>(hn::Lanes(kTag));
  for (int64_t panel = 0; panel < panels; ++panel) {
    for (int64_t row = 0; row < kRows; row += 8) {
      tile(k, a + row * a_step, a_step, packed + panel * width * k, c + row * ldc + panel * width, ldc);
    }
  }
}

template <class F>
void keep_best(double& best, const F& f) {
  const double start = now();
  f();
  best = std::min(best, now() - start);
}

}  // namespace

int main() {
  const grus::Kernels& kernel = grus::kernels();
  std::printf("%s, Highway with %d lanes\n%6s %6s %8s %8s\n", kernel.name, static_cast<int>(hn::Lanes(kTag)), "cols", "k", "grus",
              "Highway");
  for (const int64_t hidden : {64, 128, 256, 512}) {
    const int64_t width = 3 * kernel.lanes, columns = 3 * hidden, panels = columns / width, stride = hidden + 16, ldc = columns + 16;
    std::vector<float> a(static_cast<size_t>(kRows * stride), 0.5f), c(static_cast<size_t>(kRows * ldc));
    std::vector<float> packed(static_cast<size_t>((panels + 1) * width * hidden), 0.25f);
    double own = 1e9, highway = 1e9;
    for (int round = 0; round < 400; ++round) {
      keep_best(own, [&] {
        grus::PanelMultiply m{};
        m.rows = kRows, m.cols = columns, m.k = hidden;
        m.a = a.data(), m.a_step = stride, m.a_tile = stride * kernel.tile_rows;
        m.panels = packed.data(), m.panel_stride = width * hidden;
        m.c = c.data(), m.ldc = ldc, m.alpha = 1;
        kernel.multiply(m);
      });
      keep_best(highway, [&] { product(panels, hidden, a.data(), stride, packed.data(), c.data(), ldc); });
    }
    const double flops = 2.0 * kRows * static_cast<double>(columns * hidden) * 1e-9;
    std::printf("%6ld %6ld %8.1f %8.1f\n", static_cast<long>(columns), static_cast<long>(hidden), flops / own, flops / highway);
  }
  std::vector<float> x(4096), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 700) / 100.0f - 3.5f;
  double own = 1e9, highway = 1e9;
  for (int round = 0; round < 2000; ++round) {
    keep_best(own, [&] { kernel.tanh(x.data(), y.data(), static_cast<int64_t>(x.size())); });
    keep_best(highway, [&] {
      for (size_t i = 0; i < x.size(); i += hn::Lanes(kTag)) hn::StoreU(hn::Tanh(kTag, hn::LoadU(kTag, x.data() + i)), kTag, y.data() + i);
    });
  }
  const double count = static_cast<double>(x.size()) * 1e-9;
  std::printf("tanh, ns per element: grus %.3f, Highway %.3f\n", own / count, highway / count);
}
