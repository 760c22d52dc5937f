#pragma once
#include <utility>

#include "../../gru_plan.h"
#include "../context.h"

namespace grus::cuda {

// Owns one descriptor of cuDNN, which may go as soon as the calls that were given it have returned.
template <class Handle>
class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(Context& context, cudnn::Status (*create)(Handle*), cudnn::Status (*destroy)(Handle), const char* call) : destroy_(destroy) {
    context.check(create(&handle_), call);
  }
  Descriptor(Descriptor&& other) noexcept { swap(other); }
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor(std::move(other)).swap(*this);
    return *this;
  }
  ~Descriptor() {
    if (handle_) destroy_(handle_);
  }

  Handle get() const { return handle_; }

 private:
  void swap(Descriptor& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(destroy_, other.destroy_);
  }
  Handle handle_ = nullptr;
  cudnn::Status (*destroy_)(Handle) = nullptr;
};

using Tensor = Descriptor<cudnn::TensorDescriptor>;
using NoDropout = Descriptor<cudnn::DropoutDescriptor>;
using Rnn = Descriptor<cudnn::RnnDescriptor>;
using RnnData = Descriptor<cudnn::RnnDataDescriptor>;

// How a GRU of some precision is told to cuDNN.
struct Numbers {
  cudnn::DataType type = cudnn::DataType::float32;   // of x, y, states and weights
  cudnn::MathType math = cudnn::MathType::fma;
  size_t bytes = 4;                                  // of one value
};
Numbers numbers_of(Precision precision);
const char* name_of(Precision precision);
inline bool narrows(Precision precision) { return precision == Precision::bfloat16 || precision == Precision::float16; }

Tensor make_tensor(Context& context);
Tensor make_state(Context& context, cudnn::DataType type, int blocks, int batch, int hidden);   // [blocks, B, H], dense
NoDropout make_no_dropout(Context& context);
Rnn make_rnn(Context& context);
RnnData make_rnn_data(Context& context);

// "NOT_SUPPORTED: why", as cuDNN has it
std::string explain(Context& context, cudnn::Status status);

}  // namespace grus::cuda
