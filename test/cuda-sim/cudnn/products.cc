#include "precision.h"

namespace grus::sim::dnn {
namespace {

// Nothing but speed: the whole test suite runs on this.
__attribute__((always_inline)) inline void multiply_add_here(int64_t rows, int64_t depth, int64_t columns, const double* a, const double* b,
                                                             double* c) {
  for (int64_t m = 0; m < rows; ++m) {
    const double* const in = a + m * depth;
    double* const out = c + m * columns;
    int64_t k = 0;
    for (; k + 4 <= depth; k += 4) {
      const double f0 = in[k], f1 = in[k + 1], f2 = in[k + 2], f3 = in[k + 3];
      const double *b0 = b + k * columns, *b1 = b0 + columns, *b2 = b1 + columns, *b3 = b2 + columns;
      for (int64_t n = 0; n < columns; ++n) out[n] += f0 * b0[n] + f1 * b1[n] + f2 * b2[n] + f3 * b3[n];
    }
    for (; k < depth; ++k) {
      for (int64_t n = 0; n < columns; ++n) out[n] += in[k] * b[k * columns + n];
    }
  }
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) void multiply_add_avx2(int64_t rows, int64_t depth, int64_t columns, const double* a, const double* b,
                                                           double* c) {
  multiply_add_here(rows, depth, columns, a, b, c);
}
#endif

}   // namespace

void multiply_add(int64_t rows, int64_t depth, int64_t columns, const double* a, const double* b, double* c) {
#ifdef __x86_64__
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) return multiply_add_avx2(rows, depth, columns, a, b, c);
#endif
  multiply_add_here(rows, depth, columns, a, b, c);
}

}   // namespace grus::sim::dnn
