#pragma once
#include <map>
#include <string>
#include <utility>

#include "cudnn_layout.h"

namespace grus::cuda {

const char* name_of(cudnn::RnnAlgo algorithm);

// Tells cuDNN of the GRU. No GPU is needed for that.
cudnn::Status set_gru(const cudnn::Api&, cudnn::RnnDescriptor, cudnn::RnnAlgo, const GruDescription&, const Numbers&,
                      cudnn::DropoutDescriptor);

// One GRU as cuDNN knows it, for every shape of data: its descriptor for each algorithm, and its weight space.
class CudnnGru {
 public:
  // Error invalid_argument for sizes below 1, unsupported for what exceeds cuDNN's 32-bit sizes or what it refuses.
  CudnnGru(const GruDescription&, Context&);

  const GruDescription& description() const { return description_; }
  Context& context() const { return context_; }
  const CudnnLayout& layout() const { return layout_; }
  const Numbers& numbers() const { return numbers_; }
  Precision precision() const { return context_.options().precision; }
  bool narrow() const { return narrows(precision()); }

  int64_t input() const { return description_.input_size; }
  int64_t hidden() const { return description_.hidden_size; }
  int64_t width() const { return description_.directions() * hidden(); }                             // of y
  int blocks() const { return description_.num_layers * description_.directions(); }                 // of a state
  int64_t state_count(int batch) const { return int64_t{blocks()} * batch * hidden(); }
  bool single() const { return blocks() == 1; }                                                       // one layer and direction

  // persist_dynamic is compiled for one batch size; the others have one descriptor for all. Null, with the reason, when cuDNN refuses it
  // or would keep the weights elsewhere.
  cudnn::RnnDescriptor find(cudnn::RnnAlgo algorithm, int batch, std::string* refusal);
  // "input 3, hidden 4, layers 1, directions 1, float32, ..."
  std::string describe() const;

 private:
  struct Entry {
    Rnn rnn;
    std::string refusal;
  };
  cudnn::Status set(cudnn::RnnDescriptor rnn, cudnn::RnnAlgo algorithm) const;
  void make(Entry& entry, cudnn::RnnAlgo algorithm, int batch);

  const GruDescription description_;
  Context& context_;
  const Numbers numbers_;
  const NoDropout dropout_;
  std::map<std::pair<cudnn::RnnAlgo, int>, Entry> entries_;
  CudnnLayout layout_;
};

}  // namespace grus::cuda
