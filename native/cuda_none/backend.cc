#include "../backend.h"
#include "../core/error.h"
#include "../cuda_report.h"

namespace grus {

std::unique_ptr<Backend> make_cuda_backend(const EngineOptions&) {
  throw Error(ErrorCode::backend_unavailable, "[device] device 'cuda' is not available: " + report_cuda().text());
}

CudaReport report_cuda(bool) {
  CudaReport report;
  report.problem = "this build of grus has no CUDA engine";
  report.advice = {"build grus where nvcc 12.8 or newer is on PATH, or install a release with a prebuilt addon",
                   "or use device 'cpu' or 'auto'"};
  return report;
}

}  // namespace grus
