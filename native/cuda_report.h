#pragma once
#include <string>
#include <vector>

namespace grus {

// One thing that device 'cuda' needs.
struct CudaComponent {
  std::string name;                // "driver", "GPU 0", "cuDNN", "cuBLAS", "cuBLASLt"
  bool ok = false;
  std::string file;                // soname, or the GPU's name
  std::string version;             // "13.0", "9.24.0"; empty: unknown
  std::string path;                // where it was loaded from; empty: not
  std::string problem;             // why it is not used; empty when ok
  std::vector<std::string> tried;  // the other places, in order, each with what was in the way there
};

struct CudaReport {
  bool built = false;              // this build has a CUDA engine
  bool driver = false;             // an NVIDIA driver is there (so that its failure is worth a warning)
  bool available = false;
  int devices = 0;
  std::string problem;             // the first thing that is missing, in one line; empty when available
  std::string warning;             // why results may be wrong although it is available; empty: nothing is known
  std::vector<CudaComponent> components;
  std::vector<std::string> advice; // commands or steps that would mend it
  // `problem`, a table of the components, and the advice: the text of the error and of `grus doctor`.
  std::string text() const;
};

}  // namespace grus
