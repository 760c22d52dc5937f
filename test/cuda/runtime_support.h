#pragma once
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "cuda/backend.h"

// Contexts and backends of the GPU engine themselves, for tests of what lies below the operations.
namespace grus {

// False, with the reason printed, where there is no GPU to test.
inline bool have_gpu() {
  try {
    make_cuda_backend({});
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::backend_unavailable) throw;
    std::printf("skipped: %s\n", error.what());
    return false;
  }
}

inline int gpus() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

// What was thrown: "OUT_OF_MEMORY [cuda:0] ..."; empty: nothing.
template <class Body>
std::string thrown_by(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + " " + error.what();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline bool has(const std::string& text, const char* part) {
  if (text.find(part) != std::string::npos) return true;
  std::printf("  '%s' is not in: %s\n", part, text.c_str());
  return false;
}

// Different from place to place and from round to round.
inline std::vector<float> pattern(size_t count, int round) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>((i * 7 + static_cast<size_t>(round) * 131) % 1009) - 500.0f;
  return values;
}

template <class T>
std::vector<T> read(Backend& backend, const void* device, size_t count) {
  std::vector<T> values(count);
  backend.download(values.data(), device, count * sizeof(T));
  return values;
}

}  // namespace grus
