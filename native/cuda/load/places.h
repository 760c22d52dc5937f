#pragma once
#include <string>
#include <vector>

namespace grus::cuda {

// Where a library may lie: what a user calls it ("GRUS_CUDA_PATH=/opt/nvidia"), and the folders it stands for, those that exist.
struct Place {
  std::string name;
  std::vector<std::string> folders;
};

// Asked before what the process and the loader have: the folders of GRUS_CUDA_PATH, in its order.
std::vector<Place> places_named();
// Asked after them: CUDA_PATH, CUDA_HOME, /usr/local/cuda*, the wheels of VIRTUAL_ENV and CONDA_PREFIX.
std::vector<Place> places_usual();
// cuBLAS as NVIDIA's wheels have it beside this folder of cuDNN.
Place place_beside(const std::string& cudnn_folder);

std::string folder_of(const std::string& path);
bool file_exists(const std::string& path);
std::vector<std::string> file_names(const std::string& folder);   // sorted

}  // namespace grus::cuda
