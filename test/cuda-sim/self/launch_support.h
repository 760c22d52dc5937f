#pragma once
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include "launch.h"

// Functors that count their calls, and the order of summation that launch.h promises, in plain loops.
namespace launch_test {

// Device memory, which the host may touch between launches: integers are 0, all else is as fresh memory is, NaN.
template <class T>
class Device {
 public:
  explicit Device(int64_t size) : values_(static_cast<size_t>(size)) {
    CHECK(cudaMalloc(reinterpret_cast<void**>(&at_), bytes()) == cudaSuccess);
    if (size > 0) std::memset(static_cast<void*>(at_), std::is_integral<T>::value ? 0 : 0xFF, bytes());
  }
  ~Device() { cudaFree(at_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  T* data() const { return at_; }
  int64_t size() const { return static_cast<int64_t>(values_); }
  T& operator[](int64_t i) const { return at_[i]; }
  bool all(const T& value) const {
    for (size_t i = 0; i < values_; ++i)
      if (at_[i] != value) return false;
    return true;
  }
  bool untouched_from(int64_t first) const {
    const auto* byte = reinterpret_cast<const unsigned char*>(at_);
    for (size_t i = static_cast<size_t>(first) * sizeof(T); i < bytes(); ++i)
      if (byte[i] != 0xFF) return false;
    return true;
  }

 private:
  size_t bytes() const { return values_ * sizeof(T); }
  size_t values_;
  T* at_ = nullptr;
};

// In float32, where another order gives other bits.
struct Sum {
  float sum = 0;
  int count = 0;
  bool operator==(const Sum& other) const { return sum == other.sum && count == other.count; }
};
inline Sum operator+(const Sum& a, const Sum& b) { return {a.sum + b.sum, a.count + b.count}; }

struct View {
  float* at = nullptr;
  int64_t cols = 0;
};

// [rows, cols] random values.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t cols) : values_(rows * cols), cols_(cols) {
    std::mt19937 random(static_cast<unsigned>(rows * 31 + cols));
    for (int64_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(random() % 20001) / 10000 - 1;
  }
  View view() const { return {values_.data(), cols_}; }
  float at(int64_t row, int64_t col) const { return values_[row * cols_ + col]; }

 private:
  Device<float> values_;
  int64_t cols_;
};

struct Visit {
  int* visits;
  GRUS_DEVICE void operator()(int64_t i) const { ++visits[i]; }
};

struct Count {
  double* total;
  GRUS_DEVICE void operator()(int64_t) const { grus::cuda::count_one(total); }
};

struct Reduction {
  using Value = Sum;
  View x;
  int* visits = nullptr;
  Sum* sums = nullptr;
  GRUS_DEVICE Sum identity() const { return {}; }
  GRUS_DEVICE Sum map(int64_t i) const {
    ++visits[i];
    return {x.at[i], 1};
  }
  GRUS_DEVICE Sum combine(const Sum& a, const Sum& b) const { return a + b; }
  GRUS_DEVICE void done(int64_t i, const Sum& sum) const {
    const bool first = sums[i].sum != sums[i].sum;   // NaN before
    sums[i] = {sum.sum, first ? sum.count : -1};
  }
};

struct Rows : Reduction {
  GRUS_DEVICE Sum map(int64_t row, int64_t col) const { return Reduction::map(row * x.cols + col); }
};

struct All : Reduction {
  GRUS_DEVICE void done(const Sum& sum) const { Reduction::done(0, sum); }
};

GRUS_DEVICE inline float transformed(float x, const Sum& all) { return x * 0.5f + all.sum + static_cast<float>(all.count); }

struct Transform : Rows {
  GRUS_DEVICE void each(int64_t row, int64_t col, const Sum& all) const {
    const int64_t i = row * x.cols + col;
    ++visits[i];
    x.at[i] = transformed(x.at[i], all);
  }
};

// A tree of fixed shape over a power of two of values.
inline Sum tree(std::vector<Sum> lanes) {
  for (size_t half = lanes.size() / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) lanes[lane] = lanes[lane] + lanes[lane + half];
  return lanes[0];
}

// Lane l of a block takes the values l, l + threads, ... in this order.
template <class Value>
Sum as_a_block(int64_t threads, int64_t count, Value value) {
  std::vector<Sum> lanes(static_cast<size_t>(threads));
  for (int64_t i = 0; i < count; ++i) {
    Sum& lane = lanes[static_cast<size_t>(i % threads)];
    lane = lane + Sum{value(i), 1};
  }
  return tree(lanes);
}

}  // namespace launch_test
