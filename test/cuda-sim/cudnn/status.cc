#include "status.h"

#include <array>
#include <atomic>
#include <map>
#include <utility>

#include "../sim.h"
#include "exports.h"
#include "reserve.h"
#include "sublibraries.h"

namespace grus::sim::dnn {
namespace {

thread_local std::string last_error;

const std::map<int, const char*>& names() {
  static const std::map<int, const char*> all = {
      {0, "SUCCESS"},
      {1001, "NOT_INITIALIZED"},
      {1002, "SUBLIBRARY_VERSION_MISMATCH"},
      {1003, "SERIALIZATION_VERSION_MISMATCH"},
      {1004, "DEPRECATED"},
      {1005, "LICENSE_ERROR"},
      {1006, "RUNTIME_IN_PROGRESS"},
      {1007, "RUNTIME_FP_OVERFLOW"},
      {1008, "SUBLIBRARY_LOADING_FAILED"},
      {2000, "BAD_PARAM"},
      {2002, "BAD_PARAM_NULL_POINTER"},
      {2003, "BAD_PARAM_MISALIGNED_POINTER"},
      {2004, "BAD_PARAM_NOT_FINALIZED"},
      {2005, "BAD_PARAM_OUT_OF_BOUND"},
      {2006, "BAD_PARAM_SIZE_INSUFFICIENT"},
      {2007, "BAD_PARAM_STREAM_MISMATCH"},
      {2008, "BAD_PARAM_SHAPE_MISMATCH"},
      {2012, "BAD_PARAM_DESCRIPTOR_TYPE"},
      {3000, "NOT_SUPPORTED"},
      {3002, "NOT_SUPPORTED_SHAPE"},
      {3003, "NOT_SUPPORTED_DATA_TYPE"},
      {3004, "NOT_SUPPORTED_LAYOUT"},
      {3007, "NOT_SUPPORTED_ARCH_MISMATCH"},
      {3009, "NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE"},
      {3011, "NOT_SUPPORTED_PADDING"},
      {4000, "INTERNAL_ERROR"},
      {4003, "INTERNAL_ERROR_HOST_ALLOCATION_FAILED"},
      {4004, "INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"},
      {5000, "EXECUTION_FAILED"},
      {5001, "EXECUTION_FAILED_CUDA_DRIVER"},
      {5002, "EXECUTION_FAILED_CUBLAS"},
      {5003, "EXECUTION_FAILED_CUDART"},
  };
  return all;
}

int another_of(int category, unsigned long long random) {
  static const std::map<int, std::array<int, 4>> refined = {
      {2, {2000, 2003, 2005, 2008}}, {3, {3000, 3002, 3003, 3011}}, {4, {4000, 4002, 4003, 4004}}, {5, {5000, 5001, 5002, 5003}}};
  const auto found = refined.find(category);
  return found == refined.end() ? 0 : found->second[random % 4];
}

// Most of the real library's 3000s come without a word, its 2000s with the condition. Here about half of the former do, always the same
// ones. Knob CUDNN_WORDS: "all": none does.
bool wordless(const Refusal& refusal) {
  if (refusal.code / 1000 != 3 || knob("CUDNN_WORDS") == "all") return false;
  return hash_bytes(refusal.reason.data(), refusal.reason.size(), static_cast<unsigned long long>(knob_number("CUDNN_SEED", 1))) % 2 == 0;
}

}   // namespace

// Versions of cuDNN differ in how finely they tell causes apart: a third of the codes are bare, a third as given, a third a neighbour.
int vary(int code) {
  static std::atomic<unsigned long long> calls{0};
  if (code < 2000) return code;
  const unsigned long long random = mix(static_cast<unsigned long long>(knob_number("CUDNN_SEED", 1)) * 1000003 + calls++);
  const int neighbour = another_of(code / 1000, random >> 8);
  const int choice = static_cast<int>(random % 3);
  return choice == 0 || neighbour == 0 ? code / 1000 * 1000 : choice == 1 ? code : neighbour;
}

Status call(const char* function, Library library, const std::function<void()>& body) {
  const InLibrary inside(Runtime::cudnn);
  try {
    if (const int code = injected_status(function)) {
      last_error = std::string(function) + " was told to fail";
      return static_cast<Status>(code);
    }
    if (library == Library::adv) require_adv();
    body();
    return Status::success;
  } catch (const Refusal& refusal) {
    last_error = refusal.reason.empty() || wordless(refusal) ? "" : std::string(function) + ": " + refusal.reason;
    return static_cast<Status>(vary(refusal.code));
  }
}

std::string last_error_of_this_thread() { return std::exchange(last_error, std::string()); }

const char* name_of(int code) {
  static const std::map<int, std::string> full = [] {
    std::map<int, std::string> all;
    for (const auto& [value, name] : names()) all[value] = std::string("CUDNN_STATUS_") + name;
    return all;
  }();
  const auto found = full.find(code);
  return found == full.end() ? "CUDNN_UNKNOWN_STATUS" : found->second.c_str();
}

}   // namespace grus::sim::dnn
