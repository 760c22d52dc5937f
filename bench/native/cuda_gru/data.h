#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/context.h"
#include "gru_plan.h"

namespace grus::bench {

// What is computed, for every subject alike.
struct Shape {
  int steps = 0, batch = 0, input = 0, hidden = 0;
  bool training = false;
  Precision precision = Precision::float32;
  int64_t x_count() const { return int64_t{steps} * batch * input; }
  int64_t y_count() const { return int64_t{steps} * batch * hidden; }
  int64_t state_count() const { return int64_t{batch} * hidden; }
};

// Float32 values of <folder>/<name>.bin, repeated as often as `count` needs: a large array comes as a small file.
std::vector<float> read_values(const std::string& folder, const std::string& name, int64_t count);

// On the GPU as float32, read once for all subjects.
struct Data {
  Data(cuda::Context&, const Shape&, const std::string& folder);
  Shape shape;
  std::string folder;
  Buffer x, dy;   // dy: when training
};

// A tensor as it is compared: every stride-th value.
struct Result {
  std::string name;
  std::vector<float> values;
};

// Every stride-th of `count` values on the GPU, where the stride is the least that gives `most`.
std::vector<float> sample(cuda::Context&, const float* values, int64_t count, int64_t most);
std::vector<float> sample(const std::vector<float>& values, int64_t most);

}  // namespace grus::bench
