#include "cuda_report.h"

#include <algorithm>

namespace grus {

std::string CudaReport::text() const {
  std::string text = problem.empty() ? "everything it needs is here" : problem;
  size_t width = 0;
  for (const CudaComponent& component : components) width = std::max(width, component.name.size());
  for (const CudaComponent& component : components) {
    text += "\n  " + component.name + std::string(width - component.name.size() + 2, ' ') + component.file;
    if (component.ok) text += "  ok" + (component.version.empty() ? "" : "  " + component.version);
    else text += "  " + component.problem;
    if (!component.path.empty()) text += "  " + component.path;
    for (const std::string& path : component.tried) text += "\n    tried " + path;
  }
  if (!advice.empty()) text += "\nPossible solutions:";
  for (const std::string& line : advice) text += "\n- " + line;
  return text;
}

}  // namespace grus
