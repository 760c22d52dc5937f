#pragma once
#include <string>
#include <vector>

#include "places.h"
#include "shared_library.h"

namespace grus::cuda {

// A library that comes as several files of one folder.
struct Bundle {
  std::string file;                     // the one that is called
  std::vector<std::string> needs;       // files that must lie beside it, in the order to open them
  std::string parts;                    // more files beside it start so; opened too, so that nobody takes them from another copy later
  std::string (*incomplete)(const std::string& folder, const std::string& missing);   // in words, of a folder that lacks one of `needs`
};

// broken: the loader refuses a file; incomplete: a folder lacks some of the files; mixed: another copy already has a file's name.
enum class Fault { none, missing, broken, incomplete, mixed };

struct OpenedBundle {
  SharedLibrary library;                // `file`
  std::vector<SharedLibrary> needs;
  std::string problem;                  // empty when it is open; else the first thing that was wrong
  std::vector<std::string> tried;       // what else was in the way, place by place
  Fault fault = Fault::none;            // what kind of thing that was
};

// The first whole copy: in `named`, in the process, where the loader looks, in `usual`. Opened by absolute paths, so that a later search
// of one library for another by name ends at these.
OpenedBundle open_bundle(const Bundle& bundle, const std::vector<Place>& named, const std::vector<Place>& usual);

}  // namespace grus::cuda
