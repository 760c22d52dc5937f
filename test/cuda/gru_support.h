#pragma once
#include "stepwise_support.h"

// The GRU that cuDNN computes, next to the CPU engine's.
namespace gru {

using grus::Direction;
using stepwise::Floats;
using stepwise::Lengths;
using stepwise::Problem;
using stepwise::Result;

// A GPU's backend, whose passes may also be run as graphs.
class Gpu : public stepwise::Engine {
 public:
  explicit Gpu(const grus::EngineOptions& options) : backend(grus::make_cuda_backend(options)) {}
  grus::Buffer allocate(size_t bytes) override { return backend->allocate(bytes); }
  void upload(void* destination, const void* source, size_t bytes) override { backend->upload(destination, source, bytes); }
  void download(void* destination, const void* source, size_t bytes) override { backend->download(destination, source, bytes); }
  std::unique_ptr<grus::GruPlan> make(const grus::GruDescription& d) override { return backend->make_gru(d); }
  bool keeps_gaps() const override { return false; }   // cuDNN does not say

  const std::unique_ptr<grus::Backend> backend;
};

inline grus::EngineOptions on_gpu(grus::Precision precision = grus::Precision::float32,
                                  grus::GruAlgorithm algorithm = grus::GruAlgorithm::heuristic) {
  grus::EngineOptions options;
  options.device = grus::Device::cuda;
  options.precision = precision;
  options.algorithm = algorithm;
  return options;
}

// Null, with the reason printed, where there is no GPU, or none that computes in this precision.
inline std::unique_ptr<Gpu> find_gpu(const grus::EngineOptions& options) {
  try {
    return std::make_unique<Gpu>(options);
  } catch (const grus::Error& error) {
    if (error.code() != grus::ErrorCode::backend_unavailable && error.code() != grus::ErrorCode::unsupported) throw;
    std::printf("skipped: %s\n", error.what());
    return nullptr;
  }
}

inline grus::GruDescription describe(int inputs, int hidden, int layers, Direction direction, bool bias = true) {
  grus::GruDescription d;
  d.input_size = inputs;
  d.hidden_size = hidden;
  d.num_layers = layers;
  d.direction = direction;
  d.bias = bias;
  return d;
}

// Lengths 0, T, and all between, in no order.
inline Lengths every_length(int batch, int steps, int least) {
  Lengths lengths;
  for (int row = 0; row < batch; ++row) lengths.push_back(least + (row * 7 + 3) % (steps - least + 1));
  return lengths;
}

inline void print(const Problem& p) {
  const grus::GruDescription& d = p.description;
  std::printf("  I %d H %d L %d direction %d bias %d B %d T %d, given: hx %d dy %d dhy %d hy %d dx %d dhx %d dweights %d, lengths",
              d.input_size, d.hidden_size, d.num_layers, static_cast<int>(d.direction), d.bias, p.batch, p.steps, !p.hx.empty(),
              !p.dy.empty(), !p.dhy.empty(), p.hy, p.dx, p.dhx, p.dweights);
  for (const int32_t length : p.lengths) std::printf(" %d", length);
  std::printf("\n");
}

// bits: which of the seven are left out
inline Problem without(Problem p, int bits) {
  if (bits & 1) p.hx.clear();
  if (bits & 2) p.dy.clear();
  if (bits & 4) p.dhy.clear();
  p.hy = !(bits & 8);
  p.dx = !(bits & 16);
  p.dhx = !(bits & 32);
  p.dweights = !(bits & 64);
  return p;
}

inline bool zero_beyond(const Problem& p, const Floats& values, size_t cols) {   // of [T, B, cols]
  for (size_t i = 0; i < p.rows() && !p.lengths.empty(); ++i) {
    if (static_cast<int>(i / static_cast<size_t>(p.batch)) < p.lengths[i % static_cast<size_t>(p.batch)]) continue;
    for (size_t c = 0; c < cols; ++c) {
      if (values[i * cols + c] != 0) return false;
    }
  }
  return true;
}

// The largest |a - b| as a part of the largest |b|; NaN if one holds a NaN.
inline double apart(const Floats& a, const Floats& b) {
  double worst = a.size() == b.size() ? 0 : NAN, largest = 0;
  for (const float v : b) largest = std::max(largest, std::fabs(static_cast<double>(v)));
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - b[i]);
    worst = worse(worst, error);
  }
  return worst == 0 ? 0 : worst / largest;
}

// float32: 1e-5 forward and 1e-4 gradients, absolute and relative.
inline void expect_like_cpu(stepwise::Engine& cpu, stepwise::Engine& gpu, const Problem& p) {
  const Result expected = stepwise::compute(cpu, p), got = stepwise::compute(gpu, p), inference = stepwise::compute(gpu, p, false);
  bool good = true;
  for (const Result* result : {&got, &inference}) {
    good &= CHECK_CLOSE(stepwise::difference(result->y, expected.y), 0.0, 1e-5);
    good &= CHECK_CLOSE(stepwise::difference(result->hy, expected.hy), 0.0, 1e-5);
    good &= CHECK(zero_beyond(p, result->y, p.width()));
  }
  good &= CHECK_CLOSE(stepwise::difference(got.dx, expected.dx), 0.0, 1e-4);
  good &= CHECK_CLOSE(stepwise::difference(got.dhx, expected.dhx), 0.0, 1e-4);
  good &= CHECK_CLOSE(stepwise::difference(got.dweights, expected.dweights), 0.0, 1e-4);
  if (p.dx) good &= CHECK(zero_beyond(p, got.dx, static_cast<size_t>(p.description.input_size)));
  if (!good) print(p);
}

template <class F>
void expect_error(grus::ErrorCode code, const std::string& part, F body) {
  try {
    body();
    CHECK(!"an error was expected");
  } catch (const grus::Error& error) {
    if (!CHECK(error.code() == code && std::string(error.what()).find(part) != std::string::npos)) std::printf("  %s\n", error.what());
  }
}

}  // namespace gru
