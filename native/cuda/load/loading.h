#pragma once
#include <memory>
#include <vector>

#include "../../cuda_report.h"
#include "libraries.h"

namespace grus::cuda {

// One try to load cuDNN and cuBLAS, with what became of each file.
struct Loading {
  Libraries libraries;
  std::vector<CudaComponent> components;   // cuDNN, cuBLASLt, cuBLAS
  std::vector<std::string> advice;
  std::string problem;                     // empty when ok
  bool ok = false;
};

// Once it succeeded the same for ever, else a new try. Any thread.
std::shared_ptr<const Loading> load_libraries();

// The driver and the GPUs, without touching a library.
struct Hardware {
  std::vector<CudaComponent> components;
  bool driver = false;
  bool ok = false;                         // at least one GPU that can be used
  int devices = 0;
  std::vector<int> capabilities;           // of those that can be used: 90 is 9.0
  std::string problem;
  std::vector<std::string> advice;
};

Hardware find_hardware();

}  // namespace grus::cuda
