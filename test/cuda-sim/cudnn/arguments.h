#pragma once
#include <vector>

#include "status.h"

namespace grus::sim::dnn {

// One pointer to device memory of a call that computes.
struct Argument {
  const char* what;
  const void* pointer;
  size_t bytes;
  bool written;
};

// All that one call touches; optional pointers are left out when they are null.
class Arguments {
 public:
  explicit Arguments(const char* call) : call_(call) {}
  void read(const char* what, const void* pointer, size_t bytes) { all_.push_back({what, pointer, bytes, false}); }
  void write(const char* what, const void* pointer, size_t bytes) { all_.push_back({what, pointer, bytes, true}); }

  // When the call is made: none is null or aligned to less than 16 bytes, each is memory of the current device, and nothing that is written
  // lies over anything else.
  void check() const;
  // When the work runs: each is still memory of the device; false and a misuse otherwise.
  bool still_there() const;

 private:
  const char* call_;
  std::vector<Argument> all_;
};

}  // namespace grus::sim::dnn
