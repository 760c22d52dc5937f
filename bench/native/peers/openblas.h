#pragma once
#include <cblas.h>

#include <sstream>
#include <string>

namespace grus::bench {

// "OpenBLAS 0.3.21 SkylakeX"
inline std::string openblas_version() {
  std::istringstream words(openblas_get_config());
  std::string name, version;
  words >> name >> version;
  return name + " " + version + " " + openblas_get_corename();
}

}  // namespace grus::bench
