#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// What the peers written in C++ share. Each is a program that computes one GRU layer behind the line protocol of bench/worker.mjs.
namespace grus::bench {

// Arrays are PyTorch's: x [T, B, I], dy [T, B, H], weight_ih [3H, I], weight_hh [3H, H], biases [3H]; gates r, z, n.
struct Case {
  int steps = 0, batch = 0, input = 0, hidden = 0, threads = 1;
  bool backward = false;                                             // else inference
  std::string weights;                                               // what they are stored as while computing: float32, bfloat16
  std::vector<float> x, dy, weight_ih, weight_hh, bias_ih, bias_hh;  // dy: with backward
};

// What is compared. Gradients have the shapes of what they are gradients of, and are empty without backward.
struct Results {
  std::vector<float> y, hy, dx, weight_ih, weight_hh, bias_ih, bias_hh;
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string engine() const = 0;
  virtual void run() = 0;               // what is timed; the weights count as changed before every run with backward
  virtual Results results() const = 0;  // of the last run
};

// Answers info, prepare and time until stdin ends. version: of the library.
int serve(const std::string& name, const std::string& version, const std::function<std::unique_ptr<Subject>(const Case&)>& make);

// [rows, cols] -> [cols, rows], rows of the result `stride` apart.
void transpose(const float* from, int rows, int cols, float* to, int stride);

}  // namespace grus::bench
