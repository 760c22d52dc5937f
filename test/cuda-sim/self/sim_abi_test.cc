// The simulated runtime API has the signatures and numbers of NVIDIA's header.
#include <cuda_runtime_api.h>

#include "sim_abi_list.h"
#include "check.h"

#ifdef GRUS_SIM_REAL_HEADER
std::vector<std::string> real_api_facts();
#endif

int main() {
#ifdef GRUS_SIM_REAL_HEADER
  const auto ours = api_facts(), real = real_api_facts();
  CHECK(ours.size() == real.size());
  for (size_t i = 0; i < ours.size() && i < real.size(); ++i) {
    if (!CHECK(ours[i] == real[i])) std::printf("  ours: %s\n  real: %s\n", ours[i].c_str(), real[i].c_str());
  }
#else
  std::printf("skipped: the CUDA toolkit's headers were not found\n");
  CHECK(!api_facts().empty());
#endif
  return checks().report();
}
