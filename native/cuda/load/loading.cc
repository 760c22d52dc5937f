#include "loading.h"

#include <cuda_runtime_api.h>

#include <mutex>

#include "advice.h"
#include "bundle.h"
#include "names.h"
#include "symbols.h"
#include "versions.h"

namespace grus::cuda {
namespace {

std::string incomplete_cudnn(const std::string& folder, const std::string& missing) {
  const bool jit_only = !file_exists(folder + "/" + kCudnnAdv) && !file_exists(folder + "/" + kCudnnPrecompiled);
  return "no " + missing + " beside it, " + (jit_only ? "this is the JIT-only package, which has no RNNs" : "this copy is incomplete");
}

std::string incomplete_cublas(const std::string&, const std::string& missing) { return "no " + missing + " beside it"; }

class Loader {
 public:
  std::shared_ptr<const Loading> run() {
    open_cudnn();
    open_cublas();
    if (cudnn_.problem.empty()) check_parts();
    for (CudaComponent* component : {&cudnn_, &cublas_lt_, &cublas_}) {
      component->ok = component->problem.empty();
      loading_->components.push_back(*component);
    }
    if (!cudnn_.ok) blame(cudnn_, cudnn_fault_);
    else if (!cublas_.ok) blame(cublas_, cublas_fault_);
    loading_->ok = loading_->problem.empty();
    return loading_;
  }

 private:
  void blame(const CudaComponent& component, Fault fault) {
    loading_->problem = component.name + " (" + component.file + (component.version.empty() ? "" : " " + component.version) +
                        "): " + component.problem;
    const std::string line = advice_for_fault(fault, component.name);
    if (!line.empty()) loading_->advice.push_back(line);
    for (std::string& other : advice_for_libraries(cuda_major_)) loading_->advice.push_back(std::move(other));
  }

  // Everything that can be asked of cuDNN before cuBLAS is there.
  void open_cudnn() {
    const OpenedBundle opened = open_bundle({kCudnn, cudnn_needs(), kCudnnParts, incomplete_cudnn}, places_named(), places_usual());
    cudnn_ = {"cuDNN", false, kCudnn, "", opened.library.path, opened.problem, opened.tried};
    cudnn_fault_ = opened.fault;
    if (!opened.library) return;
    libraries_.cudnn_path = opened.library.path;
    const std::string missing = resolve(opened.library, libraries_.cudnn);
    // of a version that is not used, the version is what matters
    if (libraries_.cudnn.GetVersion) {
      libraries_.cudnn_version = libraries_.cudnn.GetVersion();
      cudnn_.version = libraries_.cudnn_text();
      cudnn_.problem = cudnn_version_problem(libraries_.cudnn_version);
    }
    if (!cudnn_.problem.empty()) return;
    if (missing.empty()) cuda_major_ = static_cast<int>(libraries_.cudnn.GetCudartVersion() / 1000);
    else cudnn_.problem = "it has no function " + missing;
  }

  // For the CUDA that cuDNN is built for. The driver runs both, also where it is an older one than grus was built with.
  void open_cublas() {
    const std::string file = cublas_name(cuda_major_), lt_file = cublas_lt_name(cuda_major_);
    std::vector<Place> named = places_named();
    // before what the loader finds: cuDNN itself looks there for cuBLASLt
    if (!libraries_.cudnn_path.empty()) named.push_back(place_beside(folder_of(libraries_.cudnn_path)));
    const OpenedBundle opened = open_bundle({file, {lt_file}, "", incomplete_cublas}, named, places_usual());
    cublas_ = {"cuBLAS", false, file, "", opened.library.path, opened.problem, opened.tried};
    cublas_lt_ = {"cuBLASLt", false, lt_file, "", "", opened.library ? "" : "see cuBLAS", {}};
    cublas_fault_ = opened.fault;
    if (!opened.library) {
      if (cudnn_.problem.empty()) cublas_.problem += "; cuDNN is built for CUDA " + std::to_string(cuda_major_);
      return;
    }
    cublas_lt_.path = opened.needs.front().path;
    libraries_.cublas_path = opened.library.path;
    cublas_.problem = ask_cublas(resolve(opened.library, libraries_.cublas));
    if (libraries_.cublas_version > 0) cublas_.version = cublas_lt_.version = libraries_.cublas_text();
  }

  std::string ask_cublas(const std::string& missing) {
    if (!missing.empty()) return "it has no function " + missing;
    // it needs no handle for this
    const cublas::Status status = libraries_.cublas.GetVersion_v2(nullptr, &libraries_.cublas_version);
    if (status != cublas::Status::success) return "it does not tell its version";
    if (libraries_.cublas_version / 10000 == cuda_major_) return "";
    return "not for CUDA " + std::to_string(cuda_major_) + ", which cuDNN is built for";
  }

  // cuDNN compares the versions of its parts.
  void check_parts() {
    const auto check = [this](cudnn::Status status, const char* call) {
      if (status == cudnn::Status::success || !cudnn_.problem.empty()) return;
      const char* text = libraries_.cudnn.GetErrorString(status);
      cudnn_.problem = std::string("mixed copies, ") + call + " says " + (text ? text : std::to_string(static_cast<int>(status)));
      cudnn_fault_ = Fault::mixed;
    };
    check(libraries_.cudnn.OpsVersionCheck(), "cudnnOpsVersionCheck");
    check(libraries_.cudnn.AdvVersionCheck(), "cudnnAdvVersionCheck");
  }

  const std::shared_ptr<Loading> loading_ = std::make_shared<Loading>();
  Libraries& libraries_ = loading_->libraries;
  CudaComponent cudnn_, cublas_lt_, cublas_;
  Fault cudnn_fault_ = Fault::none, cublas_fault_ = Fault::none;
  int cuda_major_ = CUDART_VERSION / 1000;   // grus' own where there is no cuDNN to ask
};

}  // namespace

std::shared_ptr<const Loading> load_libraries() {
  static std::mutex mutex;
  static auto* const loaded = new std::shared_ptr<const Loading>();   // never destroyed: threads may use it while the process exits
  const std::lock_guard<std::mutex> lock(mutex);
  if (*loaded) return *loaded;
  std::shared_ptr<const Loading> loading = Loader().run();
  if (loading->ok) *loaded = loading;
  return loading;
}

}  // namespace grus::cuda
