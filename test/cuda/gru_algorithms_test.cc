// Whichever of cuDNN's algorithms computes a GRU, the numbers are the same; what it refuses, standard computes. The one that cuDNN compiles
// for each shape has a program of its own, gru_dynamic_test.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "every_algorithm.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

constexpr GruAlgorithm kAll[] = {GruAlgorithm::heuristic, GruAlgorithm::standard, GruAlgorithm::persist_static,
                                 GruAlgorithm::persist_static_small_h, GruAlgorithm::autotune};

}  // namespace

int main() {
  const std::string folder = (std::filesystem::temp_directory_path() / ("grus-algorithms-" + std::to_string(getpid()))).string();
  setenv("GRUS_CACHE_DIR", folder.c_str(), 1);
  BackendEngine cpu(make_cpu_backend(1));
  for (const GruAlgorithm algorithm : kAll) {
    const auto gpu = find_gpu(on_gpu(Precision::float32, algorithm));
    if (!gpu) return kNothingTested;
    std::mt19937 random(19);
    every_structure(cpu, *gpu, random);
    shapes_in_turn(cpu, *gpu, random);
  }
  std::ifstream table(folder + "/gru-algorithms.tsv");
  int lines = 0;
  for (std::string line; std::getline(table, line); ++lines) {
    CHECK(std::count(line.begin(), line.end(), '\t') == 16);
    CHECK(line.find("standard ") != std::string::npos);
  }
  // Every shape once, in training and inference, and four in turn. To cuDNN forward and backward are one, and so, when there are lengths,
  // is the first layer of two directions; the second one reads more inputs.
  CHECK(lines == 3 * 2 * 2 + 2 + 4);
  std::filesystem::remove_all(folder);
  return checks().report();
}
