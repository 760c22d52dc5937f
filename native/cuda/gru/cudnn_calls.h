#pragma once
#include <memory>
#include <string>

#include "cudnn_gru.h"

namespace grus::cuda {

// What cuDNN reads and writes in one pass, in its own number type and time order. Shapes as in gru_plan.h.
struct CudnnValues {
  const void* x = nullptr;
  void* y = nullptr;            // forward writes it, backward reads it
  const void* hx = nullptr;     // null: zeros
  void* hy = nullptr;           // null: not wanted
  const void* dy = nullptr;
  const void* dhy = nullptr;    // null: zeros
  void* dx = nullptr;
  void* dhx = nullptr;          // null: not wanted
  const void* weights = nullptr;
  void* dweights = nullptr;     // added to
  void* workspace = nullptr;    // workspace_bytes()
  void* reserve = nullptr;      // reserve_bytes(); null in inference
};

// cuDNN's three calls with one algorithm, batch and number of steps, which all rows have.
class CudnnCalls {
 public:
  // Null, with the reason, when cuDNN refuses the shape.
  static std::unique_ptr<CudnnCalls> make(CudnnGru&, cudnn::RnnAlgo, int batch, int steps, bool training, std::string* refusal);

  cudnn::RnnAlgo algorithm() const { return algorithm_; }
  size_t workspace_bytes() const { return workspace_bytes_; }
  size_t reserve_bytes() const { return reserve_bytes_; }

  cudnn::Status forward(const CudnnValues&);
  cudnn::Status backward_data(const CudnnValues&);     // first, always: it changes the reserve that backward_weights reads
  cudnn::Status backward_weights(const CudnnValues&);
  std::string describe() const;

 private:
  CudnnCalls(CudnnGru&, cudnn::RnnDescriptor, cudnn::RnnAlgo, int batch, int steps, bool training);
  cudnn::Status describe_data();
  bool measure(std::string* refusal);

  CudnnGru& gru_;
  Context& context_;
  const cudnn::RnnDescriptor rnn_;
  const cudnn::RnnAlgo algorithm_;
  const int batch_, steps_;
  const bool training_;
  RnnData x_, y_;
  Tensor state_;
  size_t workspace_bytes_ = 0, reserve_bytes_ = 0;
};

}  // namespace grus::cuda
