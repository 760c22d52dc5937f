#pragma once
#include <string>

#include "../../cuda_report.h"
#include "../api/cublas.h"
#include "../api/cudnn.h"

namespace grus::cuda {

// The libraries of this process, loaded at the first call and never closed. Any thread.
struct Libraries {
  cudnn::Api cudnn;
  cublas::Api cublas;
  size_t cudnn_version = 0;       // 92400 is 9.24.0
  int cublas_version = 0;         // 130100 is 13.1.0
  std::string cudnn_path, cublas_path;
  std::string cudnn_text() const;   // "9.24.0"
  std::string cublas_text() const;
};

// Error backend_unavailable with the report's text when one of them, or every GPU, cannot be used. The next call tries a failure again.
const Libraries& libraries();

}  // namespace grus::cuda
