#pragma once
#include <limits>

#include "on_both.h"

// Beside on_both.h: engines with options, arguments that may be missing, and comparisons of any values.
namespace grus {

inline constexpr float infinite = std::numeric_limits<float>::infinity();

template <class T>
T* or_null(const On<T>& stored, const std::vector<T>& given) {
  return given.empty() ? nullptr : stored.data();
}

template <class T>
void write(Backend& backend, const On<T>& to, const std::vector<T>& values) {
  if (!values.empty()) backend.upload(to.data(), values.data(), values.size() * sizeof(T));
}

// |got - want| <= absolute + relative * |want|; NaN agrees with NaN, an infinity with itself.
template <class T>
bool all_near(const std::vector<T>& got, const std::vector<T>& want, double relative, double absolute) {
  if (got.size() != want.size()) return false;
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i] == want[i] || near(got[i], want[i], relative, absolute)) continue;
    std::printf("  element %zu of %zu: got %.9g, want %.9g\n", i, got.size(), static_cast<double>(got[i]), static_cast<double>(want[i]));
    return false;
  }
  return true;
}

// Null, with a line that says why, where this machine has no CUDA, or this GPU lacks what is asked for.
inline std::unique_ptr<Backend> cuda_backend(const EngineOptions& options = {}) {
  try {
    return make_cuda_backend(options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::backend_unavailable && error.code() != ErrorCode::unsupported) throw;
    std::printf("skipped: %s\n", error.what());
    return nullptr;
  }
}

}  // namespace grus
