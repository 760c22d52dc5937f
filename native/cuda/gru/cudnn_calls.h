#pragma once
#include <memory>
#include <vector>

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

// cuDNN's three calls with one algorithm, batch and number of steps.
class CudnnCalls {
 public:
  // ragged: rows of different lengths will come, see set_lengths. Null, with the reason, when cuDNN refuses the shape.
  static std::unique_ptr<CudnnCalls> make(CudnnGru&, cudnn::RnnAlgo, int batch, int steps, bool training, bool ragged,
                                          std::string* refusal);

  cudnn::RnnAlgo algorithm() const { return algorithm_; }
  size_t workspace_bytes() const { return workspace_bytes_; }
  size_t reserve_bytes() const { return reserve_bytes_; }

  // Host memory, [B], each 1 .. steps. For ragged only, before each pass.
  void set_lengths(const std::vector<int32_t>& lengths);

  cudnn::Status forward(const CudnnValues&);
  cudnn::Status backward_data(const CudnnValues&);     // first, always: it changes the reserve that backward_weights reads
  cudnn::Status backward_weights(const CudnnValues&);
  std::string describe() const;

 private:
  CudnnCalls(CudnnGru&, cudnn::RnnDescriptor, cudnn::RnnAlgo, int batch, int steps, bool training);
  void describe_data(const std::vector<int32_t>& lengths);
  cudnn::Status sizes(size_t* workspace, size_t* reserve);
  bool measure(bool ragged, std::string* refusal);

  CudnnGru& gru_;
  Context& context_;
  const cudnn::RnnDescriptor rnn_;
  const cudnn::RnnAlgo algorithm_;
  const int batch_, steps_;
  const bool training_;
  std::vector<int32_t> lengths_;         // as the descriptors have them
  RnnData x_, y_;
  Tensor state_;
  size_t workspace_bytes_ = 0, reserve_bytes_ = 0;
};

}  // namespace grus::cuda
