#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "state.h"

namespace grus::sim {
namespace {

std::map<std::string, long long>& counters() {
  static auto* all = new std::map<std::string, long long>;
  return *all;
}

// "3", "3+" (from the third on) or "every"
bool reached(const std::string& when, long long call) {
  if (when == "every") return true;
  const long long number = std::atoll(when.c_str());
  return !when.empty() && when.back() == '+' ? call >= number : call == number;
}

}  // namespace

std::string knob(const char* name, const char* fallback) {
  const char* text = std::getenv((std::string("GRUS_SIM_") + name).c_str());
  return text && *text ? text : fallback;
}

long long knob_number(const char* name, long long fallback) {
  const std::string text = knob(name);
  return text.empty() ? fallback : std::strtoll(text.c_str(), nullptr, 0);
}

bool injected(const char* function, int* code) {
  const Lock lock(state().mutex);
  const long long call = ++counters()[function];
  std::istringstream rules(knob("FAIL"));
  for (std::string rule; std::getline(rules, rule, ',');) {
    std::istringstream fields(rule);
    std::string name, when, error;
    std::getline(fields, name, ':');
    std::getline(fields, when, ':');
    std::getline(fields, error);
    if (name != function || !reached(when, call)) continue;
    *code = error_number(error);
    return true;
  }
  if (std::strcmp(function, "cudaMalloc") == 0 && reached(knob("FAIL_ALLOC"), call)) {
    *code = cudaErrorMemoryAllocation;
    return true;
  }
  return false;
}

void reset_counters() { counters().clear(); }

}  // namespace grus::sim

long long grus_sim_calls(const char* function) {
  const grus::sim::Lock lock(grus::sim::state().mutex);
  const auto found = grus::sim::counters().find(function);
  return found == grus::sim::counters().end() ? 0 : found->second;
}
