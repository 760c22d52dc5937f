#pragma once
#include <cstdint>
#include <numeric>

#include "sim.h"

namespace grus::sim {

// Visits 0 <= i < count, each once, in an order that depends on count and seed alone. Seed 0: upwards.
class Order {
 public:
  Order(int64_t count, unsigned long long seed) : count_(count) {
    if (count < 3 || seed == 0) return;
    step_ = 1 + static_cast<int64_t>(mix(seed) % static_cast<uint64_t>(count));
    while (std::gcd(step_, count) != 1) ++step_;
    start_ = static_cast<int64_t>(mix(seed + 1) % static_cast<uint64_t>(count));
  }
  int64_t operator()(int64_t i) const {
    return static_cast<int64_t>((static_cast<__int128>(i) * step_ + start_) % count_);
  }

 private:
  int64_t count_, step_ = 1, start_ = 0;
};

}  // namespace grus::sim
