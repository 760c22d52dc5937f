#pragma once
#include "cudnn_rooms.h"

namespace grus::cuda {

// What forward and backward have in common: rows of different lengths, the direction of time, and 16-bit values. Enqueues only.
class CudnnPass {
 protected:
  // lengths and device_lengths as in GruForward; loss_scale: null where gradients are not scaled. Error invalid_argument, shape_mismatch.
  CudnnPass(CudnnGru&, CudnnShape&, const int32_t* lengths, const int32_t* device_lengths, const float* loss_scale);

  // x in cuDNN's values: itself where nothing changes. floats and values: rooms for it.
  const void* input(const float* x, float* floats, void* values);
  // In 16 bits in `room`, or itself.
  const void* narrowed(const float* values, void* room, int64_t count, const float* scale);
  // The rows that have steps in this chunk, for cuDNN; each of the others is given one step of zeros, whose results are put right after.
  void tell_lengths(CudnnCalls& calls, int chunk);
  // The same on the device, without that one step. room: [B], used when there are several chunks.
  const int32_t* lengths_of(int chunk, int32_t* room);
  const void* steps_from(const void* values, int chunk, int64_t width) const;
  void* steps_from(void* values, int chunk, int64_t width) const;
  void zero(void* values, size_t bytes);
  void check(cudnn::Status status, const char* call, const CudnnCalls& calls);

  CudnnGru& gru_;
  CudnnShape& shape_;
  Context& context_;
  const cudaStream_t stream_;
  const int batch_, steps_;
  const int64_t x_count_, y_count_, state_count_;
  const int32_t *lengths_, *device_lengths_;
  const float* loss_scale_;
  bool masked_ = false;      // rows differ in length
  bool told_ = false;        // and cuDNN is told so
  std::vector<int32_t> told_lengths_;
};

class CudnnForwardPass : CudnnPass {
 public:
  CudnnForwardPass(CudnnGru&, CudnnShape&, const GruForward&);
  // Whether the shape's fast calls were used; when cuDNN refuses them, shapes learns so, and standard takes over.
  bool run(CudnnShapes& shapes);

 private:
  void chunk(int index, const void* x, void* y);
  void finish_output(const void* y);

  const GruForward& args_;
  const ForwardRooms rooms_;
  const ReserveRooms reserve_;
  CudnnShapes* shapes_ = nullptr;
  bool fast_ = false;
  const void* weights_ = nullptr;
};

class CudnnBackwardPass : CudnnPass {
 public:
  CudnnBackwardPass(CudnnGru&, CudnnShape&, const GruBackward&, const float* loss_scale, bool fast);
  void run();

 private:
  CudnnCalls& calls(int chunk);
  const float* state_before(int chunk) const { return chunk == 0 ? args_.hx : reserve_.state(chunk - 1); }
  CudnnValues values(int chunk);                  // what both calls read
  const void* output_gradient();
  void data(int chunk, const void* dy, void* dx);
  void input_gradient(const void* dx);
  void weights(int chunk, const void* x, void* dweights);
  void weight_gradients();

  const GruBackward& args_;
  const BackwardRooms rooms_;
  const ReserveRooms reserve_;
  const bool fast_;
  const void *weights_ = nullptr, *y_ = nullptr;
};

// Whether cuDNN writes y where the caller wants it.
inline bool writes_output(const CudnnGru& gru, bool masked) { return !masked && !gru.reverse() && !gru.narrow(); }

}  // namespace grus::cuda
