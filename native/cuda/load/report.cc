#include <cuda_runtime_api.h>

#include "../../backend.h"
#include "loading.h"
#include "versions.h"

namespace grus::cuda {
namespace {

CudaComponent runtime() {
  CudaComponent component;
  component.name = "runtime";
  component.file = "cudart";
  component.version = cuda_version_text(CUDART_VERSION) + ", part of grus";
  component.ok = true;
  return component;
}

void add_libraries(CudaReport& report, const std::vector<int>& capabilities) {
  const auto loading = load_libraries();
  const Libraries& libraries = loading->libraries;
  for (const int capability : capabilities) {
    if (!loading->ok || !overlap_corrupts(capability, libraries.cublas_version)) continue;
    report.warning = "results of device 'cuda' may be wrong: on a GPU of compute capability " + std::to_string(capability / 10) + "." +
                     std::to_string(capability % 10) + ", cuBLAS " + libraries.cublas_text() +
                     " may corrupt results when its kernels overlap others, and cuDNN runs them on several streams at once";
    report.advice.push_back("install cuBLAS 13.2 or newer (pip install --upgrade nvidia-cublas), or one before 12.8");
    break;
  }
  report.components.insert(report.components.end(), loading->components.begin(), loading->components.end());
  report.advice.insert(report.advice.end(), loading->advice.begin(), loading->advice.end());
  if (report.problem.empty()) report.problem = loading->problem;
}

}  // namespace
}  // namespace grus::cuda

namespace grus {

CudaReport report_cuda(bool thorough) {
  CudaReport report;
  report.built = true;
  cuda::Hardware hardware = cuda::find_hardware();
  report.driver = hardware.driver;
  report.devices = hardware.devices;
  report.problem = std::move(hardware.problem);
  report.components = std::move(hardware.components);
  report.advice = std::move(hardware.advice);
  report.components.push_back(cuda::runtime());
  if (hardware.ok || thorough) cuda::add_libraries(report, hardware.capabilities);
  report.available = report.problem.empty();
  if (!report.available) report.advice.push_back("or use device 'cpu' or 'auto'");
  return report;
}

}  // namespace grus
