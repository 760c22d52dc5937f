// How a program that broke a rule ends: this program runs itself.
#include <sys/wait.h>

#include "sim_support.h"

namespace {

int mistake() {
  float local = 0;
  cudaFree(&local);
  return 0;
}

// Device memory that the host touches: closed while nothing runs on the device.
int touch() {
  float* y = nullptr;
  cudaMalloc(&y, 64);
  return static_cast<int>(*static_cast<volatile float*>(y)) == 3 ? 1 : 0;
}

struct Outcome {
  int status;
  std::string errors;
};

Outcome run(const std::string& self, const char* knobs, const char* what) {
  const std::string command = std::string(knobs) + " '" + self + "' " + what + " 2>&1";
  Outcome outcome{-1, ""};
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return outcome;
  char line[512];
  while (std::fgets(line, sizeof line, pipe)) outcome.errors += line;
  const int ended = pclose(pipe);
  outcome.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  return outcome;
}

bool has(const Outcome& outcome, const char* text) { return outcome.errors.find(text) != std::string::npos; }

}  // namespace

int main(int arguments, char** argument) {
  if (arguments > 1) {
    const std::string what = argument[1];
    return what == "mistake" ? mistake() : what == "touch" ? touch() : 0;
  }
  const std::string self = argument[0];
  CHECK(run(self, "", "nothing").status == 0);
  Outcome outcome = run(self, "", "mistake");
  CHECK(outcome.status == 86 && has(outcome, "grus-sim misuse: cudaFree: cannot free"));
  outcome = run(self, "GRUS_SIM_MISUSE=report", "mistake");
  CHECK(outcome.status == 0 && has(outcome, "grus-sim misuse: cudaFree"));
#if !defined(__SANITIZE_ADDRESS__)
  outcome = run(self, "GRUS_SIM_PROTECT=1", "touch");
  CHECK(outcome.status == 86 && has(outcome, "the host touched byte 0 of a device allocation"));
#endif
  outcome = run(self, "GRUS_SIM_PROTECT=0 GRUS_SIM_LEAKS=1", "touch");
  CHECK(outcome.status == 0 && has(outcome, "1 device allocations (64 bytes)"));
  return report();
}
