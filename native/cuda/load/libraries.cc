#include "libraries.h"

#include <atomic>

#include "../../backend.h"
#include "../../core/error.h"
#include "loading.h"
#include "versions.h"

namespace grus::cuda {

std::string Libraries::cudnn_text() const { return cudnn_version_text(cudnn_version); }
std::string Libraries::cublas_text() const { return cublas_version_text(cublas_version); }

const Libraries& libraries() {
  static std::atomic<const Libraries*> usable{nullptr};
  if (const Libraries* known = usable.load()) return *known;
  const CudaReport report = report_cuda();
  if (!report.available) throw Error(ErrorCode::backend_unavailable, "[device] device 'cuda' is not available: " + report.text());
  const Libraries& loaded = load_libraries()->libraries;   // kept there for ever
  usable.store(&loaded);
  return loaded;
}

}  // namespace grus::cuda
