#pragma once
#include <string>
#include <vector>

#include "bundle.h"

namespace grus::cuda {

// What a user can do, one line each.
std::vector<std::string> advice_for_driver();
std::vector<std::string> advice_for_gpus();
// To come by cuDNN and cuBLAS for this CUDA.
std::vector<std::string> advice_for_libraries(int cuda_major);
std::string advice_for_fault(Fault fault, const std::string& name);   // empty where the general advice is enough

}  // namespace grus::cuda
