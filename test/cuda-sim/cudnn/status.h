#pragma once
#include <functional>
#include <string>

#include "../../../native/cuda/api/cudnn.h"

namespace grus::sim::dnn {

using cudnn::Status;

// The codes that the simulation gives as reasons; what the caller sees may be another one of the same category.
enum Code : int {
  kNotInitialized = 1001, kSublibraryLoading = 1008,
  kBadParameter = 2000, kNullPointer = 2002, kMisaligned = 2003, kSizeInsufficient = 2006, kShapeMismatch = 2008, kWrongObject = 2012,
  kNotSupported = 3000, kUnsupportedShape = 3002, kUnsupportedType = 3003, kUnsupportedLayout = 3004, kArchitecture = 3007,
  kSublibraryUnavailable = 3009,
  kInternal = 4000, kDeviceAllocation = 4004,
  kExecutionFailed = 5000, kCudart = 5003
};

// Thrown by whatever checks a call, caught by call().
struct Refusal {
  int code;
  std::string reason;
};
[[noreturn]] inline void refuse(int code, std::string reason) { throw Refusal{code, std::move(reason)}; }
inline void require(bool good, int code, const char* reason) {
  if (!good) refuse(code, reason);
}

enum class Library { graph, ops, adv };

// Runs the body of one exported function; `function` is its whole name. Injected failures come first, then a missing sub-library.
Status call(const char* function, Library library, const std::function<void()>& body);

// The same code, or another of its category, as the knob CUDNN_SEED has it.
int vary(int code);

std::string last_error_of_this_thread();   // forgets it
const char* name_of(int code);

}  // namespace grus::sim::dnn
