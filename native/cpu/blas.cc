#include "blas.h"

#include <cctype>
#include <climits>
#include <cstdlib>
#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include "../core/error.h"
#include "kernels.h"

namespace grus {
namespace {

constexpr const char* kLibraries[] = {
#if defined(__APPLE__)
    "/System/Library/Frameworks/Accelerate.framework/Accelerate", "libopenblas.dylib",
#endif
    "libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "libmkl_rt.so", "libblis.so.4", "libblis.so", "libcblas.so.3"};

#if !defined(_WIN32)
template <class F>
F symbol(void* library, const char* name) {
  return reinterpret_cast<F>(dlsym(library, name));
}

// The first word of the text that starts with a digit.
std::string version_in(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) && (i == 0 || text[i - 1] == ' '))
      return " " + text.substr(i, text.find(' ', i) - i);
  }
  return "";
}

// OpenBLAS falls back to these on an x86 CPU that is newer than itself.
bool without_avx(void* library) {
  auto core = symbol<char* (*)()>(library, "openblas_get_corename");
  if (!core) return false;
  const std::string name = core();
  for (const char* old : {"Katmai", "Coppermine", "Northwood", "Prescott", "Banias", "Core2", "Penryn", "Dunnington", "Nehalem", "Atom"}) {
    if (name == old) return true;
  }
  return false;
}

// Its own threads are turned off: the team cuts the work. Returns the library's name and version.
std::string tame(void* library, const std::string& file) {
  if (auto set = symbol<void (*)(int)>(library, "openblas_set_num_threads")) {
    set(1);
    auto config = symbol<const char* (*)()>(library, "openblas_get_config");
    return "openblas" + (config ? version_in(config()) : "");
  }
  if (auto set = symbol<void (*)(int)>(library, "MKL_Set_Num_Threads")) {
    set(1);
    char text[256] = {};
    if (auto version = symbol<void (*)(char*, int)>(library, "mkl_get_version_string")) version(text, sizeof text - 1);
    return "mkl" + version_in(text);
  }
  if (auto set = symbol<void (*)(long)>(library, "bli_thread_set_num_threads")) {
    set(1);
    auto version = symbol<const char* (*)()>(library, "bli_info_get_version_str");
    return "blis" + (version ? version_in(version()) : "");
  }
  return file.find("Accelerate") != std::string::npos ? "accelerate" : "cblas";
}
#endif

}  // namespace

bool Blas::load(const std::string& file, Blas& blas, std::string& reason) {
#if defined(_WIN32)
  (void)blas;
  reason = "'" + file + "': this system loads no CBLAS";
  return false;
#else
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* text = dlerror();
    reason = text ? text : "'" + file + "' cannot be opened";
    return false;
  }
  blas.sgemm_ = symbol<Sgemm>(library, "cblas_sgemm");
  if (!blas.sgemm_) {
    reason = "'" + file + "' has no cblas_sgemm";
    dlclose(library);
    return false;
  }
  blas.name_ = tame(library, file);
  blas.outdated_ = without_avx(library);
  return true;
#endif
}

Blas Blas::load_any() {
  Blas blas;
  std::string reason;
  const char* wanted = std::getenv("GRUS_BLAS");
  if (wanted && std::string(wanted) == "none") return blas;
  if (wanted && *wanted) {
    if (!load(wanted, blas, reason)) {
      throw Error(ErrorCode::backend_unavailable,
                  std::string("[GRUS_BLAS] expected a CBLAS library or 'none', got '") + wanted + "': " + reason);
    }
    return blas;
  }
  for (const char* file : kLibraries) {
    if (load(file, blas, reason)) break;
  }
  return blas;
}

const Blas* Blas::find() {
  static const Blas blas = load_any();
  return blas.sgemm_ ? &blas : nullptr;
}

const Blas* Blas::chosen() {
  static const Blas* blas = [] {
    const char* wanted = std::getenv("GRUS_BLAS");
    if (wanted && *wanted) return find();
    const Blas* found = kernels().lanes < 16 ? find() : nullptr;
    return found && found->outdated_ && kernels().lanes >= 8 ? nullptr : found;
  }();
  return blas;
}

bool Blas::fits(const Gemm& g) {
  for (int64_t size : {g.m, g.n, g.k, g.lda, g.ldb, g.ldc}) {
    if (size > INT_MAX) return false;
  }
  return true;
}

void Blas::gemm(const Gemm& g) const {
  constexpr int row_major = 101, plain = 111, transposed = 112;
  sgemm_(row_major, g.transpose_a ? transposed : plain, g.transpose_b ? transposed : plain, static_cast<int>(g.m), static_cast<int>(g.n),
         static_cast<int>(g.k), g.alpha, g.a, static_cast<int>(g.lda), g.b, static_cast<int>(g.ldb), g.beta, g.c, static_cast<int>(g.ldc));
}

}  // namespace grus
