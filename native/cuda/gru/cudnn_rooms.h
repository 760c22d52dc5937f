#pragma once
#include "cudnn_shape.h"

namespace grus::cuda {

// Cuts one block of memory into parts aligned to 256 bytes; without a block it only counts.
class Cutter {
 public:
  explicit Cutter(void* memory) : memory_(static_cast<char*>(memory)) {}
  void* bytes(size_t count) {
    void* part = memory_ ? memory_ + used_ : nullptr;
    used_ += (count + 255) / 256 * 256;
    return part;
  }
  float* floats(int64_t count) { return static_cast<float*>(bytes(static_cast<size_t>(count) * sizeof(float))); }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

// "Values" are in cuDNN's number type and time order (time runs backwards for direction backward). Shapes as in gru_plan.h.

// What a training forward leaves for backward.
struct ReserveRooms {
  ReserveRooms(const CudnnGru&, const CudnnShape&, void* memory);
  void* cudnn(int chunk) const { return static_cast<char*>(chunks) + static_cast<size_t>(chunk) * chunk_bytes; }
  float* state(int chunk) const { return states + chunk * state_count; }   // after that chunk, for all but the last

  void* chunks;
  size_t chunk_bytes;
  float* states;
  int64_t state_count;
  void* y;              // values as cuDNN put them out, where the caller's y is not that
  size_t bytes;
};

struct ForwardRooms {
  ForwardRooms(const CudnnGru&, const CudnnShape&, void* memory);
  void* cudnn;
  float* floats;        // x masked, y widened
  void *x, *y;          // values: x in 16 bits; y in inference
  void *weights, *hx, *hy;   // in 16 bits
  float* states[2];     // between chunks in inference
  size_t bytes;
};

struct BackwardRooms {
  BackwardRooms(const CudnnGru&, const CudnnShape&, void* memory);
  void* cudnn;
  float* floats;        // dy masked; dx widened; x masked
  void* x;              // values: dx, then x
  void *dy, *weights, *dweights, *hx, *dhy, *dhx;   // in 16 bits
  float* states[2];     // gradients of the states between chunks
  size_t bytes;
};

// Bytes of either, when both may come.
size_t room_of_pass(const CudnnGru&, const CudnnShape&);

}  // namespace grus::cuda
