#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "load/libraries.h"

namespace grus::cuda {

// Faults that CUDA does not recover from make a GPU unusable for the rest of the process: every later call returns the same error. The
// first cause is what helps, so it is kept, by GPU.
bool is_lasting(cudaError_t error);
void keep_fault(int device, const std::string& cause);   // the first one stays
bool has_fault(int device);
std::string first_fault(int device);                     // empty: none

std::string where(int device);                           // "[cuda:0] "
// "cudnnRNNForward failed: not supported, CUDNN_STATUS_... (3000): why; for <details> (cuDNN 9.24.0)"
std::string words(const Libraries& libraries, cudnn::Status status, const char* call, const std::string& details);
std::string size_text(size_t bytes);                     // "8.0 MiB"
std::string words(cudaError_t error);                    // "cudaErrorIllegalAddress (700), an illegal memory access was encountered"

}  // namespace grus::cuda
