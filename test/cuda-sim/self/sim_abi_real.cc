// Compiled with NVIDIA's header, where that is installed.
#include <cuda_runtime_api.h>

#include "sim_abi_list.h"

std::vector<std::string> real_api_facts() { return api_facts(); }
