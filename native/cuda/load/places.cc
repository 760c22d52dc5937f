#include "places.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace grus::cuda {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

std::vector<std::string> names(const fs::path& folder, bool folders) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unreadable;
    if (entry->is_directory(unreadable) == folders) found.push_back(entry->path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<fs::path> matching(const fs::path& folder, const std::string& start) {
  std::vector<fs::path> found;
  for (const std::string& name : names(folder, true)) {
    if (name.compare(0, start.size(), start) == 0) found.push_back(folder / name);
  }
  return found;
}

void add(Place& place, const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return;
  const std::string text = folder.lexically_normal().string();
  if (std::find(place.folders.begin(), place.folders.end(), text) == place.folders.end()) place.folders.push_back(text);
}

// NVIDIA's wheels below site-packages/nvidia. cu13 and later hold all of one CUDA, cuDNN apart; cudnn_jit has no RNN and comes last.
void add_wheels(Place& place, const fs::path& nvidia) {
  add(place, nvidia / "cudnn" / "lib");
  add(place, nvidia / "cublas" / "lib");
  for (const fs::path& cuda : matching(nvidia, "cu1")) add(place, cuda / "lib");
  add(place, nvidia / "cudnn_jit" / "lib");
}

void add_toolkit(Place& place, const fs::path& root) {
  add(place, root / "lib64");
  add(place, root / "lib");
  for (const fs::path& target : matching(root / "targets", "")) add(place, target / "lib");
}

void add_site_packages(Place& place, const fs::path& root) {
  for (const fs::path& python : matching(root / "lib", "python")) add_wheels(place, python / "site-packages" / "nvidia");
}

// The newest first; /usr/local/cuda is often a link to one of them.
std::vector<fs::path> installed_toolkits() {
  std::vector<fs::path> roots;
  for (const fs::path& root : matching("/usr/local", "cuda")) {
    std::error_code error;
    const fs::path real = fs::canonical(root, error);
    if (!error && std::find(roots.begin(), roots.end(), real) == roots.end()) roots.push_back(real);
  }
  std::sort(roots.rbegin(), roots.rend());
  return roots;
}

}  // namespace

std::vector<Place> places_named() {
  std::vector<Place> places;
  std::istringstream list(variable("GRUS_CUDA_PATH"));
  for (std::string entry; std::getline(list, entry, ':');) {
    if (entry.empty()) continue;
    std::error_code error;
    const fs::path root = fs::absolute(entry, error);
    Place place{"GRUS_CUDA_PATH " + entry, {}};
    add(place, root);
    add_toolkit(place, root);
    add_wheels(place, root);
    add_wheels(place, root / "nvidia");
    add_site_packages(place, root);
    places.push_back(std::move(place));
  }
  return places;
}

std::vector<Place> places_usual() {
  std::vector<Place> places;
  for (const char* name : {"CUDA_PATH", "CUDA_HOME"}) {
    const std::string root = variable(name);
    if (root.empty()) continue;
    places.push_back({std::string(name) + " " + root, {}});
    add_toolkit(places.back(), root);
  }
  for (const fs::path& root : installed_toolkits()) {
    places.push_back({root.string(), {}});
    add_toolkit(places.back(), root);
  }
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const std::string root = variable(name);
    if (root.empty()) continue;
    places.push_back({std::string(name) + " " + root, {}});
    add_site_packages(places.back(), root);
    if (name == std::string("CONDA_PREFIX")) add_toolkit(places.back(), root);   // conda's own packages
  }
  return places;
}

Place place_beside(const std::string& cudnn_folder) {
  Place place{"beside cuDNN", {}};
  const fs::path folder(cudnn_folder);
  add(place, folder);
  add_wheels(place, folder.parent_path().parent_path());
  return place;
}

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

bool file_exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::vector<std::string> file_names(const std::string& folder) { return names(folder, false); }

}  // namespace grus::cuda
