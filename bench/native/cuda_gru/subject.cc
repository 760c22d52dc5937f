#include "subject.h"

#include <algorithm>

namespace grus::bench {

void Subject::enqueue() {
  graphs_.run("pass", [this] { pass(); });
}

GruDescription Subject::description() const {
  GruDescription description;
  description.input_size = data_.shape.input;
  description.hidden_size = data_.shape.hidden;
  return description;
}

std::vector<float> place_weights(const std::vector<GruParameter>& parameters, size_t count, const std::string& folder) {
  std::vector<float> space(count);
  for (const GruParameter& parameter : parameters) {
    const int64_t gate = parameter.rows / 3 * parameter.cols;
    const std::vector<float> values = read_values(folder, parameter.name, 3 * gate);
    for (int g = 0; g < 3; ++g) {
      const float* from = values.data() + g * gate;
      std::copy(from, from + gate, space.data() + parameter.gate_offset[static_cast<size_t>(g)]);
    }
  }
  return space;
}

std::vector<Result> collect_gradients(const std::vector<GruParameter>& parameters, const std::vector<float>& space, int64_t most) {
  std::vector<Result> results;
  for (const GruParameter& parameter : parameters) {
    const int64_t gate = parameter.rows / 3 * parameter.cols;
    std::vector<float> values;
    for (const int64_t offset : parameter.gate_offset) values.insert(values.end(), space.data() + offset, space.data() + offset + gate);
    results.push_back({parameter.name, sample(values, most)});
  }
  return results;
}

}  // namespace grus::bench
