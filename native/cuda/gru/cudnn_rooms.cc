#include "cudnn_rooms.h"

#include <algorithm>

namespace grus::cuda {
namespace {

struct Counts {
  Counts(const CudnnGru& gru, const CudnnShape& shape) {
    const int64_t rows = int64_t{shape.batch()} * shape.steps();
    x = rows * gru.input();
    y = rows * gru.width();
    state = gru.state_count(shape.batch());
  }
  int64_t x, y, state;
};

}  // namespace

ReserveRooms::ReserveRooms(const CudnnGru& gru, const CudnnShape& shape, void* memory) {
  const Counts counts(gru, shape);
  const int64_t between = shape.chunks() - 1;
  Cutter cut(memory);
  chunk_bytes = (shape.reserve_bytes() + 255) / 256 * 256;
  chunks = cut.bytes(chunk_bytes * static_cast<size_t>(shape.chunks()));
  state_count = (counts.state + 63) / 64 * 64;   // so that each begins at a multiple of 256 bytes
  states = cut.floats(between * state_count);
  y = cut.bytes(static_cast<size_t>(counts.y) * gru.numbers().bytes);
  bytes = cut.used();
}

ForwardRooms::ForwardRooms(const CudnnGru& gru, const CudnnShape& shape, void* memory) {
  const Counts counts(gru, shape);
  const size_t narrow = gru.narrow() ? gru.numbers().bytes : 0;
  const bool chunked = shape.chunks() > 1;
  Cutter cut(memory);
  cudnn = cut.bytes(shape.workspace_bytes());
  floats = cut.floats(gru.narrow() ? std::max(counts.x, counts.y) : counts.x);
  x = cut.bytes(narrow * static_cast<size_t>(counts.x));
  y = cut.bytes(shape.training() ? 0 : gru.numbers().bytes * static_cast<size_t>(counts.y));
  weights = cut.bytes(narrow * static_cast<size_t>(gru.layout().values()));
  hx = cut.bytes(narrow * static_cast<size_t>(counts.state));
  hy = cut.bytes(narrow * static_cast<size_t>(counts.state));
  for (float*& state : states) state = cut.floats(chunked && !shape.training() ? counts.state : 0);
  bytes = cut.used();
}

BackwardRooms::BackwardRooms(const CudnnGru& gru, const CudnnShape& shape, void* memory) {
  const Counts counts(gru, shape);
  const size_t narrow = gru.narrow() ? gru.numbers().bytes : 0;
  const bool chunked = shape.chunks() > 1;
  Cutter cut(memory);
  cudnn = cut.bytes(shape.workspace_bytes());
  floats = cut.floats(std::max(counts.x, counts.y));
  x = cut.bytes(gru.numbers().bytes * static_cast<size_t>(counts.x));
  dy = cut.bytes(narrow * static_cast<size_t>(counts.y));
  weights = cut.bytes(narrow * static_cast<size_t>(gru.layout().values()));
  dweights = cut.bytes(narrow * static_cast<size_t>(gru.layout().values()));
  hx = cut.bytes(narrow * static_cast<size_t>(counts.state));
  dhy = cut.bytes(narrow * static_cast<size_t>(counts.state));
  dhx = cut.bytes(narrow * static_cast<size_t>(counts.state));
  for (float*& state : states) state = cut.floats(chunked ? counts.state : 0);
  bytes = cut.used();
}

size_t room_of_pass(const CudnnGru& gru, const CudnnShape& shape) {
  const size_t forward = ForwardRooms(gru, shape, nullptr).bytes;
  return shape.training() ? std::max(forward, BackwardRooms(gru, shape, nullptr).bytes) : forward;
}

}  // namespace grus::cuda
