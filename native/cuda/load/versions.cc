#include "versions.h"

namespace grus::cuda {
namespace {

std::string dotted(long long major, long long minor, long long patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

// Up to cuDNN 8 the major version counted thousands.
std::string cudnn_version_text(size_t version) {
  const long long number = static_cast<long long>(version);
  if (number < 10000) return dotted(number / 1000, number % 1000 / 100, number % 100);
  return dotted(number / 10000, number % 10000 / 100, number % 100);
}

std::string cublas_version_text(int version) { return dotted(version / 10000, version % 10000 / 100, version % 100); }

bool overlap_corrupts(int compute_capability, int cublas_version) {
  const int generation = compute_capability / 10;
  return (generation == 10 || generation == 11) && cublas_version >= 120800 && cublas_version < 130200;
}

std::string cuda_version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string cudnn_version_problem(size_t version) {
  if (version < 90000) return "too old, grus needs cuDNN 9";
  if (version >= 100000) return "newer than this grus knows, it needs cuDNN 9";
  // its numbers for data types differ from those before and after; withdrawn for 9.10.1
  if (version == 91000) return "this one release is not used, its enums differ from all others; take 9.10.1 or newer";
  return "";
}

}  // namespace grus::cuda
