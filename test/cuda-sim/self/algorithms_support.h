#pragma once
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cuda/gru/algorithms.h"
#include "gru_support.h"
#include "sim.h"

// How the engine chooses among cuDNN's algorithms, looked at from within.
namespace algorithms {

using namespace grus;
using namespace gru;
using cudnn::RnnAlgo;

class Setting {   // of an environment variable, as long as it lives
 public:
  Setting(const std::string& name, const std::string& value) : name_(name) { setenv(name_.c_str(), value.c_str(), 1); }
  ~Setting() { unsetenv(name_.c_str()); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const std::string name_;
};

class Knob : Setting {
 public:
  Knob(const std::string& name, const std::string& value) : Setting("GRUS_SIM_" + name, value) {}
};

class Folder {   // of the table, as long as it lives
 public:
  Folder() : path(std::filesystem::temp_directory_path() / name()), set_("GRUS_CACHE_DIR", path) {}
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/gru-algorithms.tsv"; }
  std::vector<std::string> lines() const {
    std::ifstream in(file());
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  const std::string path;

 private:
  static std::string name() {
    static int count = 0;
    return "grus-table-" + std::to_string(getpid()) + "-" + std::to_string(++count);
  }
  const Setting set_;
};

// What a new plan chooses.
struct Chooser {
  explicit Chooser(const GruDescription& d, GruAlgorithm algorithm, Precision precision = Precision::float32)
      : context(on_gpu(precision, algorithm)), gru((context.activate(), d), context), algorithms(gru) {}
  RnnAlgo operator()(int batch, int steps, bool training) { return algorithms.choose(batch, steps, training); }
  cuda::Context context;
  cuda::CudnnGru gru;
  cuda::Algorithms algorithms;
};

// What cuDNN has spent so far on compiling kernels.
inline double built_microseconds() {
  static const auto built = [] {
    Dl_info runtime{};
    dladdr(reinterpret_cast<void*>(&grus_sim_misuses), &runtime);
    const std::string path = runtime.dli_fname;
    void* library = dlopen((path.substr(0, path.rfind('/') + 1) + "libcudnn.so.9").c_str(), RTLD_NOW | RTLD_LOCAL);
    return reinterpret_cast<double (*)()>(dlsym(library, "grus_sim_cudnn_built_microseconds"));
  }();
  return built();
}

inline RnnAlgo choose(const GruDescription& d, GruAlgorithm algorithm, bool training = true) {
  return Chooser(d, algorithm)(4, 6, training);
}
const inline GruDescription kSmall = describe(4, 32, 1, Direction::forward);
constexpr RnnAlgo kStandard = RnnAlgo::standard, kSmallH = RnnAlgo::persist_static_small_h;
constexpr const char* kFastSmall = "0:10,1:6,2:4,3:2";   // microseconds of a step

}  // namespace algorithms
