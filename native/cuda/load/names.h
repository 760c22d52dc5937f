#pragma once
#include <string>
#include <vector>

namespace grus::cuda {

// File names on Linux. cuDNN 9 has the same one for CUDA 12 and 13, cuBLAS has CUDA's major version in it.
constexpr const char* kDriver = "libcuda.so.1";
constexpr const char* kCudnn = "libcudnn.so.9";
constexpr const char* kCudnnAdv = "libcudnn_adv.so.9";   // RNNs
constexpr const char* kCudnnPrecompiled = "libcudnn_engines_precompiled.so.9";
constexpr const char* kCudnnParts = "libcudnn_";
// Each after those it needs. cuDNN aborts the process at its first call when it cannot load them.
inline std::vector<std::string> cudnn_needs() { return {"libcudnn_graph.so.9", "libcudnn_ops.so.9", kCudnnAdv}; }
inline std::string cublas_name(int cuda_major) { return "libcublas.so." + std::to_string(cuda_major); }
inline std::string cublas_lt_name(int cuda_major) { return "libcublasLt.so." + std::to_string(cuda_major); }

}  // namespace grus::cuda
