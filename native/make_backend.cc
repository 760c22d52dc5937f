#include "make_backend.h"

#include <algorithm>

#include "core/error.h"
#include "thread_setting.h"
#include "usable_cores.h"

namespace grus {
std::unique_ptr<Backend> make_backend(const EngineOptions& options) {
  if (options.device == Device::cuda) {
    if (options.half_weights) throw Error(ErrorCode::unsupported, "[device] weights in bfloat16 beside float32 sums are the CPU's");
    return make_cuda_backend(options);
  }
  if (options.device == Device::automatic && !options.half_weights) {
    try {
      return make_cuda_backend(options);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::backend_unavailable) throw;
    }
  }
  if (options.precision == Precision::bfloat16 || options.precision == Precision::float16) {
    const char* name = options.precision == Precision::bfloat16 ? "bfloat16" : "float16";
    throw Error(ErrorCode::unsupported, std::string("[device] precision '") + name +
                                            "' needs device 'cuda', this is the CPU, which computes in float32; use precision 'float32'");
  }
  if (options.threads <= 0) default_threads();   // a GRUS_NUM_THREADS that is no number is refused here
  return make_cpu_backend(options.threads, options.half_weights);
}

std::vector<DeviceReport> report_devices() {
  std::vector<DeviceReport> reports;
  EngineOptions options;
  options.threads = 1;
  for (const Device device : {Device::cpu, Device::cuda}) {
    options.device = device;
    DeviceReport report;
    report.device = device == Device::cpu ? "cpu" : "cuda";
    try {
      report.detail = make_backend(options)->engine();
      report.available = true;
    } catch (const std::exception& error) {
      report.detail = error.what();
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace grus
