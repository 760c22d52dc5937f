#include "chunk_lengths.h"

#include "launch.h"

namespace grus::cuda {
namespace {

struct ChunkLengths {
  const int32_t* lengths;
  int start, steps;
  int32_t* part;
  GRUS_DEVICE void operator()(int64_t row) const {
    const int left = lengths[row] - start;
    part[row] = left < 0 ? 0 : left > steps ? steps : left;
  }
};

}  // namespace

void chunk_lengths(cudaStream_t stream, const int32_t* lengths, int start, int steps, int batch, int32_t* part) {
  for_each(stream, batch, ChunkLengths{lengths, start, steps, part});
}

}  // namespace grus::cuda
