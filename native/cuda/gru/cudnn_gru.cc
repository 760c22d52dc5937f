#include "cudnn_gru.h"

#include <climits>

#include "../../core/error.h"

namespace grus::cuda {
namespace {

const GruDescription& checked(const GruDescription& description) {
  const auto expect_size = [](const char* name, int value) {
    if (value < 1) {
      throw Error(ErrorCode::invalid_argument, std::string("[gru] expected ") + name + " of at least 1, got " + std::to_string(value));
    }
  };
  expect_size("inputSize", description.input_size);
  expect_size("hiddenSize", description.hidden_size);
  expect_size("numLayers", description.num_layers);
  const int64_t rows = int64_t{3} * description.hidden_size;
  for (int layer = 0; layer < 2; ++layer) {
    const int64_t widest = layer == 0 ? description.input_size : int64_t{description.directions()} * description.hidden_size;
    if (rows > INT_MAX / widest) {
      throw Error(ErrorCode::unsupported, "[gru] expected weights of fewer than 2^31 values for cuDNN, got " + std::to_string(rows) +
                                              " by " + std::to_string(widest) + "; use a smaller layer");
    }
  }
  return description;
}

}  // namespace

const char* name_of(cudnn::RnnAlgo algorithm) {
  switch (algorithm) {
    case cudnn::RnnAlgo::standard: return "standard";
    case cudnn::RnnAlgo::persist_static: return "persist_static";
    case cudnn::RnnAlgo::persist_dynamic: return "persist_dynamic";
    case cudnn::RnnAlgo::persist_static_small_h: return "persist_static_small_h";
  }
  return "";
}

CudnnGru::CudnnGru(const GruDescription& description, Context& context)
    : description_(checked(description)), context_(context), numbers_(numbers_of(context.options().precision)),
      dropout_(make_no_dropout(context)) {
  const Rnn rnn = make_rnn(context);
  context.check(set(rnn.get(), cudnn::RnnAlgo::standard), "cudnnSetRNNDescriptor_v8", describe());
  layout_ = CudnnLayout(description_, numbers_, context, rnn.get());
}

cudnn::Status set_gru(const cudnn::Api& api, cudnn::RnnDescriptor rnn, cudnn::RnnAlgo algorithm, const GruDescription& gru,
                      const Numbers& numbers, cudnn::DropoutDescriptor dropout) {
  const auto bias = gru.bias ? cudnn::RnnBiasMode::double_bias : cudnn::RnnBiasMode::none;
  const auto directions = gru.directions() == 2 ? cudnn::DirectionMode::bidirectional : cudnn::DirectionMode::unidirectional;
  // The projection of LSTMs is off when it is as wide as the state.
  return api.SetRNNDescriptor_v8(rnn, algorithm, cudnn::RnnMode::gru, bias, directions, cudnn::RnnInputMode::linear, numbers.type,
                                 cudnn::DataType::float32, numbers.math, gru.input_size, gru.hidden_size, gru.hidden_size, gru.num_layers,
                                 dropout, cudnn::kPaddedIoEnabled);
}

cudnn::Status CudnnGru::set(cudnn::RnnDescriptor rnn, cudnn::RnnAlgo algorithm) const {
  return set_gru(context_.cudnn(), rnn, algorithm, description_, numbers_, dropout_.get());
}

cudnn::RnnDescriptor CudnnGru::find(cudnn::RnnAlgo algorithm, int batch, std::string* refusal) {
  const auto inserted = entries_.try_emplace({algorithm, algorithm == cudnn::RnnAlgo::persist_dynamic ? batch : 0});
  Entry& entry = inserted.first->second;
  if (inserted.second) {
    try {
      make(entry, algorithm, batch);
    } catch (...) {
      entries_.erase(inserted.first);
      throw;
    }
  }
  if (refusal) *refusal = entry.refusal;
  return entry.refusal.empty() ? entry.rnn.get() : nullptr;
}

void CudnnGru::make(Entry& entry, cudnn::RnnAlgo algorithm, int batch) {
  entry.rnn = make_rnn(context_);
  cudnn::Status status = set(entry.rnn.get(), algorithm);
  if (status == cudnn::Status::success && algorithm == cudnn::RnnAlgo::persist_dynamic) {
    status = context_.cudnn().BuildRNNDynamic(context_.cudnn_handle(), entry.rnn.get(), batch);
  }
  if (status != cudnn::Status::success) {
    entry.refusal = explain(context_, status);
  } else if (algorithm != cudnn::RnnAlgo::standard) {
    try {
      if (!CudnnLayout(description_, numbers_, context_, entry.rnn.get()).same(layout_)) entry.refusal = "it keeps the weights elsewhere";
    } catch (const Error& error) {
      if (error.code() == ErrorCode::out_of_memory) throw;
      entry.refusal = error.what();   // whatever it is, standard can take its place; after a lasting fault the next call fails too
    }
  }
}

std::string CudnnGru::describe() const {
  return "input " + std::to_string(description_.input_size) + ", hidden " + std::to_string(description_.hidden_size) + ", layers " +
         std::to_string(description_.num_layers) + ", directions " + std::to_string(description_.directions()) +
         (description_.bias ? ", " : ", no bias, ") + name_of(precision());
}

}  // namespace grus::cuda
