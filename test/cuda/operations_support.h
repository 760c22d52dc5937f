#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "backend.h"
#include "check.h"
#include "core/error.h"

// What the tests of single operations share: one body run on the CPU's backend and on CUDA's, values in their memory, comparisons.
namespace operations {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

// Values in a backend's memory.
template <class T>
class Stored {
 public:
  Stored(grus::Backend& backend, const std::vector<T>& values)
      : backend_(backend), count_(values.size()), memory_(backend.allocate(std::max<size_t>(count_, 1) * sizeof(T))) {
    set(values);
  }
  void set(const std::vector<T>& values) {
    if (count_ > 0) backend_.upload(memory_.as<void>(), values.data(), count_ * sizeof(T));
  }
  std::vector<T> get() const {
    std::vector<T> values(count_);
    if (count_ > 0) backend_.download(values.data(), memory_.as<void>(), count_ * sizeof(T));
    return values;
  }
  T* data() const { return memory_.as<T>(); }
  T* data_or_null() const { return count_ > 0 ? data() : nullptr; }

 private:
  grus::Backend& backend_;
  size_t count_;
  grus::Buffer memory_;
};

inline Floats random_floats(size_t count, uint32_t seed, float low = -1, float high = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> draw(low, high);
  Floats values(count);
  for (float& value : values) value = draw(engine);
  return values;
}

inline std::vector<int32_t> random_ints(size_t count, int32_t below, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int32_t> draw(0, below - 1);
  std::vector<int32_t> values(count);
  for (int32_t& value : values) value = draw(engine);
  return values;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// |got - want| <= absolute + relative * |want|; NaN agrees with NaN, an infinity with itself.
inline bool near(double got, double want, double relative, double absolute) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  return got == want || std::fabs(got - want) <= absolute + relative * std::fabs(want);
}

template <class T>
bool all_near(const std::vector<T>& got, const std::vector<T>& want, double relative, double absolute) {
  if (got.size() != want.size()) return false;
  for (size_t i = 0; i < got.size(); ++i) {
    if (near(got[i], want[i], relative, absolute)) continue;
    std::printf("  element %zu of %zu: got %.9g, want %.9g\n", i, got.size(), static_cast<double>(got[i]), static_cast<double>(want[i]));
    return false;
  }
  return true;
}

// Null, with a line that says why, where this machine has no CUDA, or this GPU lacks what is asked for.
inline std::unique_ptr<grus::Backend> cuda_backend(grus::EngineOptions options = {}) {
  options.device = grus::Device::cuda;
  try {
    return grus::make_cuda_backend(options);
  } catch (const grus::Error& error) {
    if (error.code() != grus::ErrorCode::backend_unavailable && error.code() != grus::ErrorCode::unsupported) throw;
    std::printf("skipped: %s\n", error.what());
    return nullptr;
  }
}

}  // namespace operations
