#pragma once
#include <cstddef>
#include <string>

namespace grus::cuda {

std::string cudnn_version_text(size_t version);    // 92400: "9.24.0", 8904: "8.9.4"
std::string cublas_version_text(int version);      // 130100: "13.1.0"
// On Blackwell (compute capability 10 and 11), cuBLAS from 12.8 up to 13.2 may corrupt results when one of its kernels overlaps another.
bool overlap_corrupts(int compute_capability, int cublas_version);
std::string cuda_version_text(int version);        // 13000: "13.0", of drivers and runtimes
// Why this version is not used; empty when it is.
std::string cudnn_version_problem(size_t version);

}  // namespace grus::cuda
