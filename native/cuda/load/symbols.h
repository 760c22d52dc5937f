#pragma once
#include <string>

#include "../api/cublas.h"
#include "../api/cudnn.h"
#include "shared_library.h"

namespace grus::cuda {

// Fill the whole table. The name of the first symbol that the library lacks; empty when there is none.
std::string resolve(const SharedLibrary& library, cudnn::Api& api);
std::string resolve(const SharedLibrary& library, cublas::Api& api);

}  // namespace grus::cuda
