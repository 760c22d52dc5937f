#include "bundle.h"

#include <algorithm>

namespace grus::cuda {
namespace {

bool starts_with(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

// The loader names what it missed, which may be a library that this one needs: both are said.
std::string failure(const std::string& path, const SharedLibrary& library) {
  return starts_with(library.problem, path + ":") ? library.problem : path + ": " + library.problem;
}

class Search {
 public:
  explicit Search(const Bundle& bundle) : bundle_(bundle) {}

  bool found() const { return static_cast<bool>(opened_.library); }

  void look(const Place& place) {
    bool there = false;
    std::string other;
    for (const std::string& folder : place.folders) {
      if (file_exists(path_in(folder))) {
        there = true;
        if (take(folder)) return;
      } else if (other.empty()) {
        other = other_version(folder);
      }
    }
    if (there) return;
    if (!other.empty() && others_.empty()) others_ = other;
    opened_.tried.push_back(place.name + (place.folders.empty() ? ": no such folder" : other.empty() ? ": not there" : ": only " + other));
  }

  // What the process has, or the loader finds: the folder it came from is then taken as any other.
  void look_by_name(const char* where, const SharedLibrary& library) {
    if (library) {
      take(folder_of(library.path));
    } else if (starts_with(library.problem, bundle_.file + ": cannot open shared object file: No such file")) {
      opened_.tried.push_back(std::string(where) + ": not there");
    } else if (!library.problem.empty()) {
      reject(Fault::broken, std::string(where) + ": " + library.problem);
    }
  }

  OpenedBundle result() {
    if (found()) {
      opened_.problem.clear();
      opened_.fault = Fault::none;
    } else if (opened_.fault == Fault::none) {
      opened_.problem = others_.empty() ? "not found" : "not found, only " + others_;
      opened_.fault = Fault::missing;
    }
    std::vector<std::string>& tried = opened_.tried;
    tried.erase(std::remove(tried.begin(), tried.end(), opened_.problem), tried.end());   // said already
    return std::move(opened_);
  }

 private:
  std::string path_in(const std::string& folder) const { return folder + "/" + bundle_.file; }

  void reject(Fault fault, const std::string& reason) {
    if (opened_.fault == Fault::none) {
      opened_.problem = reason;
      opened_.fault = fault;
    }
    opened_.tried.push_back(reason);
  }

  // A file of the same library and another major version.
  std::string other_version(const std::string& folder) const {
    const std::string stem = bundle_.file.substr(0, bundle_.file.rfind('.') + 1);
    for (const std::string& name : file_names(folder)) {
      if (starts_with(name, stem) && name != bundle_.file) return folder + "/" + name;
    }
    return "";
  }

  bool take(const std::string& folder) {
    for (const std::string& name : bundle_.needs) {
      if (file_exists(folder + "/" + name)) continue;
      reject(Fault::incomplete, path_in(folder) + ": " + bundle_.incomplete(folder, name));
      return false;
    }
    std::vector<SharedLibrary> needs;
    for (const std::string& name : bundle_.needs) {
      needs.push_back(open_library(folder + "/" + name));
      if (needs.back() && is_the_one(name, needs.back())) continue;
      if (!needs.back()) reject(Fault::broken, failure(folder + "/" + name, needs.back()));
      return false;
    }
    if (!bundle_.parts.empty() && !take_parts(folder)) return false;
    const SharedLibrary library = open_library(path_in(folder));
    if (!library) {
      reject(Fault::broken, failure(path_in(folder), library));
      return false;
    }
    opened_.library = library;
    opened_.needs = std::move(needs);
    return true;
  }

  // One that cannot be opened is left to the library, which may never ask for it.
  bool take_parts(const std::string& folder) {
    const std::string ending = bundle_.file.substr(bundle_.file.find(".so"));
    for (const std::string& name : file_names(folder)) {
      const bool ends = name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
      if (!ends || !starts_with(name, bundle_.parts)) continue;
      if (std::find(bundle_.needs.begin(), bundle_.needs.end(), name) != bundle_.needs.end()) continue;
      const SharedLibrary part = open_library(folder + "/" + name);
      if (!part) opened_.tried.push_back(failure(folder + "/" + name, part));
      else if (!is_the_one(name, part)) return false;
    }
    return true;
  }

  bool is_the_one(const std::string& name, const SharedLibrary& library) {
    const SharedLibrary first = opened_library(name);
    if (!first || first.handle == library.handle) return true;
    reject(Fault::mixed, library.path + ": mixed copies, this process already has " + first.path);
    return false;
  }

  const Bundle& bundle_;
  OpenedBundle opened_;
  std::string others_;
};

}  // namespace

OpenedBundle open_bundle(const Bundle& bundle, const std::vector<Place>& named, const std::vector<Place>& usual) {
  Search search(bundle);
  for (const Place& place : named) {
    if (!search.found()) search.look(place);
  }
  if (!search.found()) {
    if (const SharedLibrary library = opened_library(bundle.file)) search.look_by_name("in this process", library);
  }
  if (!search.found()) search.look_by_name("loader (LD_LIBRARY_PATH, ldconfig)", open_library(bundle.file));
  for (const Place& place : usual) {
    if (!search.found()) search.look(place);
  }
  return search.result();
}

}  // namespace grus::cuda
