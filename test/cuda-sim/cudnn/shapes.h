#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../../../native/cuda/api/cudnn.h"

namespace grus::sim::dnn {

using cudnn::DataType;

// legal values that the engine does not declare
constexpr int kRelu = 0, kTanh = 1, kLstm = 2, kSingleInputBias = 1, kSingleRecurrentBias = 3, kSkipInput = 1;

inline size_t size_of(DataType type) { return type == DataType::float64 ? 8 : type == DataType::float32 ? 4 : 2; }

// What cudnnSetRNNDescriptor_v8 was given.
struct RnnConfig {
  cudnn::RnnAlgo algo{};
  cudnn::RnnMode mode{};
  cudnn::RnnBiasMode bias{};
  cudnn::DirectionMode direction{};
  cudnn::RnnInputMode input{};
  DataType data{}, math_prec{};
  cudnn::MathType math{};
  int input_size = 0, hidden = 0, projection = 0, layers = 0;
  uint32_t flags = 0;

  int directions() const { return direction == cudnn::DirectionMode::bidirectional ? 2 : 1; }
  int pseudo_layers() const { return layers * directions(); }
  int layer_input(int layer) const { return layer == 0 ? input_size : directions() * hidden; }
};

// What cudnnSetRNNDataDescriptor was given: where each row of each step lies in a buffer.
struct Sequences {
  DataType data{};
  cudnn::RnnDataLayout layout{};
  int steps = 0, batch = 0, width = 0;
  std::vector<int> lengths;
  std::vector<size_t> packed_start;   // first row of each step, packed layout only
  bool fills = false;
  double fill = 0;

  bool packed() const { return layout == cudnn::RnnDataLayout::seq_major_packed; }
  bool full() const {
    return std::all_of(lengths.begin(), lengths.end(), [&](int length) { return length == steps; });
  }
  bool valid(int t, int b) const { return t < lengths[static_cast<size_t>(b)]; }
  // of the elements of row b at step t; the packed layout has only the valid ones
  size_t offset(int t, int b) const {
    const size_t time = static_cast<size_t>(t), row = static_cast<size_t>(b);
    if (packed()) return (packed_start[time] + row) * width;
    const bool batch_first = layout == cudnn::RnnDataLayout::batch_major_unpacked;
    return (batch_first ? row * steps + time : time * batch + row) * width;
  }
  size_t elements() const {
    size_t rows = size_t(steps) * batch;
    if (packed()) {
      rows = 0;
      for (const int length : lengths) rows += static_cast<size_t>(length);
    }
    return rows * width;
  }
  size_t bytes() const { return elements() * size_of(data); }
};

}  // namespace grus::sim::dnn
