#include "sublibraries.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

#include "../sim.h"
#include "exports.h"
#include "status.h"

namespace grus::sim::dnn {
namespace {

bool opens(const std::string& name) {
  return dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr;   // never closed: cuDNN keeps its parts too
}

void load_adv() {
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&cudnnGetVersion), &self);
  const std::string path = self.dli_fname ? self.dli_fname : "";
  const auto slash = path.rfind('/');
  const std::string beside = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  if (opens(beside + "libcudnn_adv.so.9") || opens("libcudnn_adv.so.9")) return;
  std::fprintf(stderr, "Could not load library libcudnn_adv.so.9: %s\n", dlerror());
  std::abort();
}

}   // namespace

void require_adv() {
  const std::string adv = knob("CUDNN_ADV");
  if (adv == "missing") {
    refuse(knob_number("CUDNN_SEED", 1) % 2 ? kSublibraryLoading : kSublibraryUnavailable, "libcudnn_adv.so.9 could not be loaded");
  }
  static std::once_flag once;
  std::call_once(once, load_adv);
}

int injected_status(const char* function) {
  int code = 0;
  if (injected(function, &code)) return code;
  const std::string text = knob("CUDNN_FAIL");
  static std::mutex mutex;
  static std::string counted;
  static std::map<std::string, long long> calls;
  const std::lock_guard<std::mutex> lock(mutex);
  if (text != counted) {
    counted = text;
    calls.clear();
  }
  if (text.empty()) return 0;
  const std::string name = function + std::strlen("cudnn");
  const long long count = ++calls[name];
  std::istringstream rules(text);
  for (std::string rule; std::getline(rules, rule, ',');) {
    const auto first = rule.find(':'), second = rule.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos || rule.substr(0, first) != name) continue;
    const std::string at = rule.substr(first + 1, second - first - 1);
    const long long n = std::atoll(at.c_str());
    if (count == n || (at.back() == '+' && count >= n)) return std::atoi(rule.c_str() + second + 1);
  }
  return 0;
}

}   // namespace grus::sim::dnn
