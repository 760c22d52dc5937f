#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "cuda_report.h"
#include "engine_options.h"

namespace grus {

struct DeviceReport {
  std::string device;
  bool available = false;
  std::string detail;   // the engine, or why there is none
};

// automatic: CUDA when it can be had, else the CPU; cuda: its own error. Error unsupported for a precision that the CPU does not compute in.
std::unique_ptr<Backend> make_backend(const EngineOptions& options);
std::vector<DeviceReport> report_devices();

}  // namespace grus
