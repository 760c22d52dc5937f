#pragma once
#include <string>
#include <vector>

#include "data.h"

namespace grus::bench {

// What became of one of cuDNN's algorithms on a shape.
struct Trial {
  std::string algorithm, refusal;
  double microseconds = 0;      // captured, median
  double output_error = 0;      // the largest difference from standard, as a part of the tensor's largest value
  double gradient_error = 0;
  bool repeats = true;          // the same bits each time
};

// Standard first. Random values, no files. dynamic: also the algorithm that cuDNN compiles for each shape, for seconds each time.
std::vector<Trial> try_algorithms(const Shape& shape, bool dynamic);

}  // namespace grus::bench
