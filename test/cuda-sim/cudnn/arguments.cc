#include "arguments.h"

#include <cstdint>

#include "../sim.h"

namespace grus::sim::dnn {
namespace {

constexpr uintptr_t kAlignment = 16;

bool overlap(const Argument& a, const Argument& b) {
  const auto first = reinterpret_cast<uintptr_t>(a.pointer), second = reinterpret_cast<uintptr_t>(b.pointer);
  return first < second + b.bytes && second < first + a.bytes;
}

}  // namespace

void Arguments::check() const {
  for (const Argument& one : all_) {
    if (!one.pointer) refuse(kNullPointer, std::string(one.what) + " == NULL");
    if (reinterpret_cast<uintptr_t>(one.pointer) % kAlignment) refuse(kMisaligned, std::string(one.what) + " is not aligned to 16 bytes");
    if (!check_device(call_, one.what, one.pointer, one.bytes, kAlignment)) {
      refuse(kBadParameter, std::string(one.what) + " is not device memory of the size needed");
    }
  }
  for (size_t i = 0; i < all_.size(); ++i) {
    for (size_t j = i + 1; j < all_.size(); ++j) {
      if (!(all_[i].written || all_[j].written) || !overlap(all_[i], all_[j])) continue;
      misuse(call_, "%s and %s overlap, and one of them is written", all_[i].what, all_[j].what);
      refuse(kBadParameter, std::string(all_[i].what) + " and " + all_[j].what + " overlap");
    }
  }
}

bool Arguments::still_there() const {
  bool good = true;
  for (const Argument& one : all_) good = check_device(call_, one.what, one.pointer, one.bytes, kAlignment) && good;
  return good;
}

}  // namespace grus::sim::dnn
