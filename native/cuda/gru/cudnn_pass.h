#pragma once
#include "cudnn_rooms.h"

namespace grus::cuda {

// What kernels do around cuDNN's calls, which know neither lengths nor a time that runs backwards.
struct Around {
  bool reverse = false;
  bool masked = false;                // y and hy are made of what cuDNN puts out, and what goes into it of dy and dhy
  const int32_t* lengths = nullptr;   // [B] on the device, for masked; null: every row has all steps
  int64_t y_stride = 0;               // from row to row of y and dy, in floats; more than their width for masked only
  bool adds_dx = false;               // dx is added to; for reverse only
};

// What forward and backward have in common. Enqueues only.
class CudnnPass {
 protected:
  // loss_scale: null where gradients are not scaled.
  CudnnPass(CudnnGru&, CudnnShape&, const Around&, const float* loss_scale);

  // x in cuDNN's values: itself where nothing changes. floats and values: rooms for it.
  const void* input(const float* x, float* floats, void* values);
  // In 16 bits in `room`, or itself.
  const void* narrowed(const float* values, void* room, int64_t count, const float* scale);
  const void* steps_from(const void* values, int chunk, int64_t width) const;
  void* steps_from(void* values, int chunk, int64_t width) const;
  void zero(void* values, size_t bytes);
  // Whether cuDNN writes y where the caller wants it.
  bool writes_output() const { return !around_.masked && !around_.reverse && !gru_.narrow(); }

  CudnnGru& gru_;
  CudnnShape& shape_;
  Context& context_;
  const Around around_;
  const cudaStream_t stream_;
  const int batch_, steps_;
  const int64_t x_count_, y_count_, state_count_;
  const float* loss_scale_;
};

class CudnnForwardPass : CudnnPass {
 public:
  CudnnForwardPass(CudnnGru&, CudnnShape&, const GruForward&, const Around&);
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
  CudnnBackwardPass(CudnnGru&, CudnnShape&, const GruBackward&, const Around&, const float* loss_scale, bool fast);
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

}  // namespace grus::cuda
