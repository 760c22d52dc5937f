// The matrix product of the GPU against the CPU's.
#include <cmath>

#include "runtime_support.h"

using namespace grus;

namespace {

std::vector<float> values(size_t count, int seed) {
  std::vector<float> made = pattern(count, seed);
  for (float& value : made) value *= 1.0f / 499;
  return made;
}

struct Shape {
  int64_t m, n, k;
};

// Strides wider than the rows; what lies between the rows stays.
std::vector<float> compute(Backend& backend, const Shape& s, bool transpose_a, bool transpose_b, float alpha, float beta, bool nan_in_c) {
  const int64_t lda = (transpose_a ? s.m : s.k) + 3, ldb = (transpose_b ? s.k : s.n) + 2, ldc = s.n + 5;
  const auto a = values(static_cast<size_t>((transpose_a ? s.k : s.m) * lda), 1), b = values(static_cast<size_t>((transpose_b ? s.n : s.k) * ldb), 2);
  auto c = values(static_cast<size_t>(s.m * ldc), 3);
  if (nan_in_c) {
    for (int64_t row = 0; row < s.m; ++row) std::fill_n(c.begin() + row * ldc, s.n, NAN);
  }
  const Buffer da = backend.allocate(a.size() * 4), db = backend.allocate(b.size() * 4), dc = backend.allocate(c.size() * 4);
  backend.upload(da.as<void>(), a.data(), a.size() * 4);
  backend.upload(db.as<void>(), b.data(), b.size() * 4);
  backend.upload(dc.as<void>(), c.data(), c.size() * 4);
  Gemm g;
  g.transpose_a = transpose_a, g.transpose_b = transpose_b;
  g.m = s.m, g.n = s.n, g.k = s.k, g.alpha = alpha, g.beta = beta;
  g.a = da.as<float>(), g.lda = lda, g.b = db.as<float>(), g.ldb = ldb, g.c = dc.as<float>(), g.ldc = ldc;
  backend.gemm(g);
  return read<float>(backend, dc.as<void>(), c.size());
}

void agrees(Backend& cpu, Backend& cuda) {
  const std::pair<float, float> factors[] = {{1, 0}, {1, 1}, {-0.5f, 2}};
  for (const Shape& s : {Shape{1, 1, 1}, Shape{1, 64, 7}, Shape{3, 5, 129}, Shape{64, 96, 32}, Shape{17, 1, 40}, Shape{130, 67, 33}}) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        for (const auto& [alpha, beta] : factors) {
          const auto expected = compute(cpu, s, transpose_a, transpose_b, alpha, beta, false);
          const auto got = compute(cuda, s, transpose_a, transpose_b, alpha, beta, false);
          double furthest = 0;
          for (size_t i = 0; i < got.size(); ++i) furthest = std::max(furthest, std::fabs(double{got[i]} - expected[i]));
          // values are at most 1 in size: each of k terms and each of their sums rounds by 2^-24 of at most k
          CHECK_CLOSE(furthest, 0, 6e-8 * static_cast<double>(s.k + 4) * 4);
          CHECK(got == compute(cuda, s, transpose_a, transpose_b, alpha, beta, false));
        }
        const auto clean = compute(cuda, s, transpose_a, transpose_b, 1, 0, false);
        CHECK(compute(cuda, s, transpose_a, transpose_b, 1, 0, true) == clean);   // beta 0 does not read C
      }
    }
  }
}

void products_of_nothing(Backend& cpu, Backend& cuda) {
  for (const float beta : {0.0f, 1.0f}) {
    for (const Shape& s : {Shape{3, 4, 0}, Shape{0, 4, 2}, Shape{4, 0, 2}}) {
      CHECK(compute(cuda, s, false, false, 1, beta, false) == compute(cpu, s, false, false, 1, beta, false));
    }
  }
}

void too_large_is_refused(Backend& cuda) {
  Gemm g;
  g.m = int64_t{1} << 31, g.n = g.k = 1, g.lda = g.ldb = g.ldc = 1;
  const std::string text = thrown_by([&] { cuda.gemm(g); });
  CHECK(has(text, "UNSUPPORTED [cuda:0] "));
  CHECK(has(text, "2147483648"));
}

}  // namespace

int main() {
  if (!have_gpu()) return kNothingTested;
  const auto cpu = make_cpu_backend(1), cuda = make_cuda_backend({});
  agrees(*cpu, *cuda);
  products_of_nothing(*cpu, *cuda);
  too_large_is_refused(*cuda);
  return checks().report();
}
