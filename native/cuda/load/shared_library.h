#pragma once
#include <string>

namespace grus::cuda {

// A library of this process. Nothing closes it: CUDA's libraries have threads and exit handlers that outlive their users.
struct SharedLibrary {
  void* handle = nullptr;
  std::string path;      // as the loader has it
  std::string problem;   // why it could not be opened, in the loader's words
  explicit operator bool() const { return handle != nullptr; }
};

SharedLibrary open_library(const std::string& path_or_name);
// The copy that whoever asks for this name gets, if there is one in the process already.
SharedLibrary opened_library(const std::string& name);
void* find_symbol(const SharedLibrary& library, const std::string& symbol);

}  // namespace grus::cuda
