#include <atomic>
#include <cstdlib>

#include "../sim.h"
#include "pass.h"

namespace grus::sim::dnn {
namespace {

bool names(const std::string& text, cudnn::RnnAlgo algo) { return !text.empty() && std::atoi(text.c_str()) == static_cast<int>(algo); }

}   // namespace

// CUDNN_WRONG: "3" or "3:y", "3:dx", "3:dweights"; CUDNN_UNSTEADY: "3"
Faults::Faults(cudnn::RnnAlgo algo) {
  const std::string wrong = knob("CUDNN_WRONG");
  if (names(wrong, algo)) {
    const auto colon = wrong.find(':');
    const std::string what = colon == std::string::npos ? "y" : wrong.substr(colon + 1);
    (what == "dweights" ? dweights : what == "dx" ? dx : y) = 1.01;
  }
  unsteady = names(knob("CUDNN_UNSTEADY"), algo);
}

double Faults::disturb(double value, size_t index) const {
  static std::atomic<unsigned long long> calls{0};
  if (!unsteady) return value;
  if (index == 0) ++calls;
  return value * (1 + static_cast<double>(mix(calls * 1315423911u + index) % 5) * 1.2e-7);
}

Values Pass::gather(const Sequences& s, const void* data) const {
  Values values(static_cast<size_t>(s.steps) * s.batch * s.width, 0.0);
  for (int t = 0; t < s.steps; ++t) {
    for (int b = 0; b < s.batch; ++b) {
      if (!s.valid(t, b)) continue;
      double* const out = values.data() + (static_cast<size_t>(t) * s.batch + b) * s.width;
      load_many(s.data, data, s.offset(t, b), static_cast<size_t>(s.width), out);
    }
  }
  return values;
}

void Pass::scatter(const Sequences& s, const Values& values, void* data) const {
  for (int t = 0; t < s.steps; ++t) {
    for (int b = 0; b < s.batch; ++b) {
      if (!s.valid(t, b)) continue;
      const double* const in = values.data() + (static_cast<size_t>(t) * s.batch + b) * s.width;
      store_many(s.data, data, s.offset(t, b), static_cast<size_t>(s.width), in);
    }
  }
}

void Pass::fill_padding(const Sequences& s, double value, void* data) const {
  if (s.packed()) return;   // it has none
  for (int t = 0; t < s.steps; ++t) {
    for (int b = 0; b < s.batch; ++b) {
      const size_t first = s.offset(t, b);
      for (int i = 0; !s.valid(t, b) && i < s.width; ++i) store(s.data, data, first + i, value);
    }
  }
}

Values Pass::load_states(const void* data) const {
  Values values(data ? states() : 0);
  if (data) load_many(config.data, data, 0, values.size(), values.data());
  return values;
}

void Pass::store_states(const Values& values, void* data) const {
  if (data) store_many(config.data, data, 0, values.size(), values.data());
}

}   // namespace grus::sim::dnn
