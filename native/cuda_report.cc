#include "cuda_report.h"

#include <algorithm>

namespace grus {
namespace {

std::string padded(const std::string& text, size_t width) { return text + std::string(width - text.size(), ' '); }

std::string status(const CudaComponent& component) {
  if (component.ok) return component.version.empty() ? "ok" : "ok  " + component.version;
  return component.version.empty() ? component.problem : component.version + ": " + component.problem;
}

}  // namespace

std::string CudaReport::text() const {
  size_t names = 0, files = 0;
  for (const CudaComponent& component : components) {
    names = std::max(names, component.name.size() + 2);
    files = std::max(files, component.file.size() + 2);
  }
  std::string text = problem.empty() ? "everything it needs is here" : problem;
  for (const CudaComponent& component : components) {
    text += "\n  " + padded(component.name, names) + padded(component.file, files) + status(component);
    if (!component.path.empty()) text += "  " + component.path;
    if (component.ok) continue;
    for (const std::string& place : component.tried) text += "\n  " + padded("", names) + "- " + place;
  }
  if (!advice.empty()) text += "\nPossible solutions:";
  for (const std::string& line : advice) text += "\n- " + line;
  return text;
}

}  // namespace grus
