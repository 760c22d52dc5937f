#include "peer.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "request.h"

namespace grus::bench {
namespace {

constexpr size_t kMostSamples = 2000;  // of one round: short calls need no more

double milliseconds() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<float> read_array(const Request& request, const std::string& name, size_t count) {
  const std::string path = request.text("arrays") + "/" + name + ".bin";
  std::vector<float> values(count);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(count * sizeof(float)));
  if (!file) throw std::invalid_argument("[bench] expected " + std::to_string(count) + " float32 values in " + path);
  return values;
}

Case case_of(const Request& request) {
  Case c;
  c.steps = request.integer("steps"), c.batch = request.integer("batch");
  c.input = request.integer("input"), c.hidden = request.integer("hidden");
  c.threads = request.integer("threads");
  c.backward = request.integer("backward") != 0;
  c.weights = request.text("weights");
  const size_t rows = static_cast<size_t>(c.steps) * c.batch, gates = size_t{3} * c.hidden;
  c.x = read_array(request, "x", rows * c.input);
  if (c.backward) c.dy = read_array(request, "dy", rows * c.hidden);
  c.weight_ih = read_array(request, "weights.weight_ih_l0", gates * c.input);
  c.weight_hh = read_array(request, "weights.weight_hh_l0", gates * c.hidden);
  c.bias_ih = read_array(request, "weights.bias_ih_l0", gates);
  c.bias_hh = read_array(request, "weights.bias_hh_l0", gates);
  return c;
}

// Writes the tensors into files. Returns { name: { file, shape } } as JSON.
std::string write_results(const Case& c, const Results& results, const std::string& out) {
  std::string text;
  const auto add = [&](const std::string& name, const std::vector<float>& values, const std::vector<double>& shape) {
    if (values.empty()) return;
    const std::string path = out + "." + name + ".bin";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    text += (text.empty() ? "" : ",") + quoted(name) + ":{\"file\":" + quoted(path) + ",\"shape\":" + numbers(shape) + "}";
  };
  const double steps = c.steps, batch = c.batch, input = c.input, hidden = c.hidden, gates = 3.0 * c.hidden;
  add("y", results.y, {steps, batch, hidden});
  add("hy", results.hy, {1, batch, hidden});
  add("dx", results.dx, {steps, batch, input});
  add("weight_ih_l0", results.weight_ih, {gates, input});
  add("weight_hh_l0", results.weight_hh, {gates, hidden});
  add("bias_ih_l0", results.bias_ih, {gates});
  add("bias_hh_l0", results.bias_hh, {gates});
  return "{" + text + "}";
}

std::string times_of(Subject& subject, double ms) {
  subject.run();
  std::vector<double> times;
  const double start = milliseconds();
  do {
    const double before = milliseconds();
    subject.run();
    times.push_back(milliseconds() - before);
  } while (milliseconds() - start < ms && times.size() < kMostSamples);
  return "{\"times\":" + numbers(times) + "}";
}

}  // namespace

int serve(const std::string& name, const std::string& version, const std::function<std::unique_ptr<Subject>(const Case&)>& make) {
  std::unique_ptr<Subject> subject;
  return answer_requests([&](const Request& request) -> std::string {
    if (request.command() == "info") return "{\"name\":" + quoted(name) + ",\"version\":" + quoted(version) + "}";
    if (request.command() == "prepare") {
      subject.reset();
      const Case c = case_of(request);
      subject = make(c);
      subject->run();
      return "{\"engine\":" + quoted(subject->engine()) + ",\"results\":" + write_results(c, subject->results(), request.text("out")) + "}";
    }
    if (request.command() == "time" && subject) return times_of(*subject, std::stod(request.text("ms")));
    throw std::invalid_argument("[bench] expected info, prepare, or then time, got " + request.command());
  });
}

void transpose(const float* from, int rows, int cols, float* to, int stride) {
  constexpr int kBlock = 32;
  for (int row = 0; row < rows; row += kBlock) {
    for (int col = 0; col < cols; col += kBlock) {
      for (int r = row; r < std::min(rows, row + kBlock); ++r) {
        for (int c = col; c < std::min(cols, col + kBlock); ++c)
          to[static_cast<size_t>(c) * stride + r] = from[static_cast<size_t>(r) * cols + c];
      }
    }
  }
}

}  // namespace grus::bench
