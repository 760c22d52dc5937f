#pragma once
#include <map>
#include <optional>
#include <string>

#include "autotune.h"

namespace grus::cuda {

// The algorithms that autotune found, in a file that processes share: one line for each shape on each machine, its fields apart by tabs.
// A line that does not read as one is ignored; a folder that cannot be written to is no error, the next process times again.
class TuningTable {
 public:
  explicit TuningTable(std::string path) : path_(std::move(path)), lines_(read(path_)) {}

  // $GRUS_CACHE_DIR, else $XDG_CACHE_HOME/grus, else ~/.cache/grus; empty where there is none of them.
  static std::string default_path();
  // Device, library versions, and everything about the GRU and its data that the choice may depend on.
  static std::string key(const CudnnGru&, int batch, int steps, bool training);

  std::optional<cudnn::RnnAlgo> find(const std::string& key) const;
  void add(const std::string& key, const Tuning& tuning);   // and to the file

 private:
  struct Line {
    cudnn::RnnAlgo best;
    std::string attempts;   // "standard 81.3 us; persist_static refused: ..."
  };
  using Lines = std::map<std::string, Line>;
  static Lines read(const std::string& path);
  static void write(const std::string& path, const Lines& lines);

  const std::string path_;
  Lines lines_;
};

}  // namespace grus::cuda
