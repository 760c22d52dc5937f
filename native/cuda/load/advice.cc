#include "advice.h"

#include <cuda_runtime_api.h>

#include <cstdlib>

namespace grus::cuda {
namespace {

const char* const kContainer = "in a container: start it with --gpus all; the host needs the NVIDIA Container Toolkit";

// The first driver that serves this CUDA.
std::string driver_for(int cuda_major) {
  switch (cuda_major) {
    case 12: return "525";
    case 13: return "580";
    default: return "for CUDA " + std::to_string(cuda_major);
  }
}

}  // namespace

std::vector<std::string> advice_for_driver() {
  return {"install the NVIDIA driver " + driver_for(CUDART_VERSION / 1000) + " or newer", kContainer};
}

std::vector<std::string> advice_for_gpus() {
  std::vector<std::string> lines;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    lines.push_back(std::string("CUDA_VISIBLE_DEVICES is '") + visible + "': unset it, or name a GPU that there is");
  }
  lines.push_back("see whether nvidia-smi lists the GPU; after an update of the driver the machine must be restarted");
  lines.push_back(kContainer);
  return lines;
}

std::vector<std::string> advice_for_libraries(int cuda_major) {
  const std::string major = std::to_string(cuda_major);
  const std::string cublas_wheel = cuda_major < 13 ? "nvidia-cublas-cu" + major : "nvidia-cublas";   // no suffix from 13 on
  return {"pip wheels: pip install --upgrade nvidia-cudnn-cu" + major + " " + cublas_wheel + " && export GRUS_CUDA_PATH=" +
              "$(python3 -c 'import os, nvidia.cudnn; print(os.path.dirname(list(nvidia.cudnn.__path__)[0]))')",
          "system: install cuDNN 9 and cuBLAS for CUDA " + major + " from NVIDIA's repository (on Debian and Ubuntu libcudnn9-cuda-" +
              major + " and libcublas-" + major + "-*) and run ldconfig",
          "container: use an image of nvidia/cuda " + major + " with cudnn-runtime in its tag, started with --gpus all",
          "anywhere else: export GRUS_CUDA_PATH=/folder/with/cudnn:/folder/with/cublas"};
}

std::string advice_for_fault(Fault fault, const std::string& name) {
  switch (fault) {
    case Fault::incomplete:
      return "install " + name + " anew, whole, in one folder (pip: --force-reinstall), or name another in GRUS_CUDA_PATH";
    case Fault::mixed:
      return "use one copy of " + name + ": take the other out of LD_PRELOAD, LD_LIBRARY_PATH and GRUS_CUDA_PATH, and restart the process";
    case Fault::broken: return "install the library that the loader's message names, or " + name + " anew";
    case Fault::none:
    case Fault::missing: break;
  }
  return "";
}

}  // namespace grus::cuda
