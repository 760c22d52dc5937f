// The algorithm that cuDNN compiles at run time for each input size, hidden size and batch: the numbers are the same. Each of some twenty
// compilations may take seconds, so on a GPU it runs only when it is asked for (slow-programs.json).
#include "every_algorithm.h"

using namespace grus;
using namespace gru;
using namespace stepwise;

int main() {
  BackendEngine cpu(make_cpu_backend(1));
  const auto gpu = find_gpu(on_gpu(Precision::float32, GruAlgorithm::persist_dynamic));
  if (!gpu) return kNothingTested;
  std::mt19937 random(19);
  every_structure(cpu, *gpu, random);
  shapes_in_turn(cpu, *gpu, random);
  return checks().report();
}
