// Whichever of cuDNN's algorithms computes a GRU, the numbers are the same; what it refuses, standard computes.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gru_support.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

namespace {

constexpr GruAlgorithm kAll[] = {GruAlgorithm::heuristic,       GruAlgorithm::standard,
                                 GruAlgorithm::persist_static,  GruAlgorithm::persist_dynamic,
                                 GruAlgorithm::persist_static_small_h, GruAlgorithm::autotune};

void every_algorithm(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const int hidden : {8, 160, 224}) {   // the small one's limits: 128 in training, 192 in inference
    for (const auto& [layers, direction] : {std::pair{1, Direction::forward}, {1, Direction::backward}, {2, Direction::both}}) {
      const GruDescription d = gru::describe(8, hidden, layers, direction);
      expect_like_cpu(cpu, gpu, make_problem(d, 4, 5, {}, random));
      expect_like_cpu(cpu, gpu, make_problem(d, 4, 5, {5, 2, 0, 4}, random));
    }
  }
}

// One plan: a refusal or a change of shape must not leave it with rooms or descriptors of another algorithm.
void shapes_in_turn(Engine& cpu, Engine& gpu, std::mt19937& random) {
  const GruDescription d = gru::describe(4, 100, 1, Direction::forward);
  const auto plan = gpu.make(d);
  for (const auto& [batch, steps] : {std::pair{4, 5}, {60, 3}, {4, 7}, {1, 5}, {60, 3}, {4, 5}}) {
    const Problem p = make_problem(d, batch, steps, {}, random);
    Setup setup(gpu, *plan, p);
    setup.run();
    const Result got = setup.result(), expected = compute(cpu, p);
    CHECK_CLOSE(difference(got.y, expected.y), 0.0, 1e-5);
    CHECK_CLOSE(difference(got.dx, expected.dx), 0.0, 1e-4);
    CHECK_CLOSE(difference(got.dweights, expected.dweights), 0.0, 1e-4);
    CHECK(setup.intact());
  }
}

}  // namespace

int main() {
  const std::string folder = (std::filesystem::temp_directory_path() / ("grus-algorithms-" + std::to_string(getpid()))).string();
  setenv("GRUS_CACHE_DIR", folder.c_str(), 1);
  BackendEngine cpu(make_cpu_backend(1));
  for (const GruAlgorithm algorithm : kAll) {
    const auto gpu = find_gpu(on_gpu(Precision::float32, algorithm));
    if (!gpu) return kNothingTested;
    std::mt19937 random(19);
    every_algorithm(cpu, *gpu, random);
    shapes_in_turn(cpu, *gpu, random);
  }
  std::ifstream table(folder + "/gru-algorithms.tsv");
  int lines = 0;
  for (std::string line; std::getline(table, line); ++lines) {
    CHECK(std::count(line.begin(), line.end(), '\t') == 15);
    CHECK(line.find("standard ") != std::string::npos);
  }
  // Every shape once, in training and inference, and four in turn. To cuDNN forward and backward are one, and so, when there are lengths,
  // is the first layer of two directions; the second one reads more inputs.
  CHECK(lines == 3 * 3 * 2 + 4);
  std::filesystem::remove_all(folder);
  return checks().report();
}
