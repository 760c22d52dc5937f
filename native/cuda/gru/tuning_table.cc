#include "tuning_table.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace grus::cuda {
namespace {

constexpr size_t kKeyFields = 15;   // a line of an earlier version has fewer: it is ignored, and gone once the file is written

std::string clean(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return text;
}

std::optional<cudnn::RnnAlgo> algorithm_named(const std::string& name) {
  for (int i = 0; i < 4; ++i) {
    const auto algorithm = static_cast<cudnn::RnnAlgo>(i);
    if (name == name_of(algorithm)) return algorithm;
  }
  return std::nullopt;
}

std::string describe(const std::vector<Attempt>& attempts) {
  std::string text;
  for (const Attempt& attempt : attempts) {
    char time[32];
    std::snprintf(time, sizeof time, "%.1f us", attempt.microseconds);
    text += (text.empty() ? "" : "; ") + std::string(name_of(attempt.algorithm)) + " " +
            (attempt.refusal.empty() ? std::string(time) : "refused: " + attempt.refusal);
  }
  return clean(text);
}

const char* set_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && value[0] ? value : nullptr;
}

}  // namespace

std::string TuningTable::default_path() {
  constexpr const char* kFile = "/gru-algorithms.tsv";
  if (const char* folder = set_variable("GRUS_CACHE_DIR")) return std::string(folder) + kFile;
  if (const char* folder = set_variable("XDG_CACHE_HOME")) return std::string(folder) + "/grus" + kFile;
  if (const char* home = set_variable("HOME")) return std::string(home) + "/.cache/grus" + kFile;
  return "";
}

std::string TuningTable::key(const CudnnGru& gru, int batch, int steps, bool training) {
  const GruDescription& d = gru.description();
  Context& context = gru.context();
  int driver = 0;
  context.check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  const std::string fields[kKeyFields] = {
      clean(context.device_name()), std::to_string(context.compute_capability()), std::to_string(context.libraries().cudnn_version),
      std::to_string(context.libraries().cublas_version),   // standard multiplies by cublasLt
      std::to_string(driver), name_of(gru.precision()), context.options().graphs ? "graphs" : "eager", std::to_string(d.num_layers),
      std::to_string(d.directions()), d.bias ? "bias" : "nobias", std::to_string(d.input_size), std::to_string(d.hidden_size),
      std::to_string(batch), std::to_string(steps), training ? "training" : "inference"};
  std::string key;
  for (const std::string& field : fields) key += (key.empty() ? "" : "\t") + field;
  return key;
}

std::optional<cudnn::RnnAlgo> TuningTable::find(const std::string& key) const {
  const auto found = lines_.find(key);
  return found == lines_.end() ? std::nullopt : std::optional(found->second.best);
}

void TuningTable::add(const std::string& key, const Tuning& tuning) {
  lines_[key] = {tuning.best, describe(tuning.attempts)};
  if (path_.empty()) return;
  Lines merged = read(path_);   // what other processes have found meanwhile
  merged[key] = lines_[key];
  write(path_, merged);
}

TuningTable::Lines TuningTable::read(const std::string& path) {
  Lines lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    size_t end = 0, fields = 0;   // end: of the key
    for (size_t at = line.find('\t'); at != std::string::npos; at = line.find('\t', at + 1)) {
      if (++fields == kKeyFields) end = at;
    }
    if (fields != kKeyFields + 1) continue;
    const size_t tab = line.find('\t', end + 1);
    const auto best = algorithm_named(line.substr(end + 1, tab - end - 1));
    if (best) lines[line.substr(0, end)] = {*best, line.substr(tab + 1)};
  }
  return lines;
}

// Beside the file first, under a name that no other thread or process has, so that none ever reads half of it.
void TuningTable::write(const std::string& path, const Lines& lines) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  std::string aside = path + ".XXXXXX";
  const int descriptor = mkstemp(aside.data());
  if (descriptor < 0) return;
  std::FILE* file = fdopen(descriptor, "w");
  if (!file) {
    close(descriptor);
    std::remove(aside.c_str());
    return;
  }
  bool good = fchmod(descriptor, 0644) == 0;   // for all to read, as the folder allows
  for (const auto& [key, line] : lines) {
    good = std::fprintf(file, "%s\t%s\t%s\n", key.c_str(), name_of(line.best), line.attempts.c_str()) > 0 && good;
  }
  good = std::fflush(file) == 0 && good;
  good = fsync(fileno(file)) == 0 && good;
  good = std::fclose(file) == 0 && good;
  if (!good || std::rename(aside.c_str(), path.c_str()) != 0) std::remove(aside.c_str());
}

}  // namespace grus::cuda
