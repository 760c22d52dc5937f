#pragma once
#include <string>

#include "../backend.h"

namespace grus {

// A CBLAS found at run time, with one thread of its own. Loaded once per process, never closed.
class Blas {
 public:
  // Null when none was found, or GRUS_BLAS=none. GRUS_BLAS may name a library (path or soname): Error backend_unavailable if that one
  // cannot be used.
  static const Blas* find();
  // The one that gemm() uses for large products, or null. With AVX-512 the packed kernel is within 15 % of an OpenBLAS that knows the CPU
  // and several times as fast as one that does not, so there it takes GRUS_BLAS to have a CBLAS used, and none is loaded otherwise; with
  // narrower vectors the one that is found is used, unless it runs kernels of much older CPUs (figures: bench/native/gemm_bench.cc).
  static const Blas* chosen();

  const std::string& name() const { return name_; }   // "openblas 0.3.21"
  static bool fits(const Gemm&);                       // every size within CBLAS' int
  void gemm(const Gemm&) const;

 private:
  using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float* a, int lda,
                         const float* b, int ldb, float beta, float* c, int ldc);
  static bool load(const std::string& library, Blas& blas, std::string& reason);
  static Blas load_any();

  std::string name_;
  bool outdated_ = false;   // it does not know this CPU, and runs kernels without AVX
  Sgemm sgemm_ = nullptr;
};

}  // namespace grus
