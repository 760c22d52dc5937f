#include "cudnn_layout.h"

#include "../../core/error.h"

namespace grus::cuda {
namespace {

int64_t count_of(Context& context, const Tensor& tensor) {
  cudnn::DataType type;
  int rank = 0, dims[8] = {}, strides[8] = {};
  context.check(context.cudnn().GetTensorNdDescriptor(tensor.get(), 3, &type, &rank, dims, strides), "cudnnGetTensorNdDescriptor");
  int64_t count = 1;
  for (int i = 0; i < rank && i < 3; ++i) count *= dims[i];
  return count;
}

// The addresses of one gate's matrix and bias within a weight space.
class Gates {
 public:
  Gates(Context& context, cudnn::RnnDescriptor rnn, const Numbers& numbers, size_t bytes)
      : context_(context), rnn_(rnn), numbers_(numbers), bytes_(bytes), space_(context.allocate(bytes)), matrix_(make_tensor(context)),
        bias_(make_tensor(context)) {}

  // In values from the start. linear_id: 0..2 input matrices r, z, n; 3..5 recurrent ones.
  int64_t offset(int pseudo_layer, int linear_id, bool bias, int64_t expected_count) {
    void *matrix_at = nullptr, *bias_at = nullptr;
    context_.check(context_.cudnn().GetRNNWeightParams(context_.cudnn_handle(), rnn_, pseudo_layer, bytes_, space_.as<void>(), linear_id,
                                                       matrix_.get(), &matrix_at, bias_.get(), &bias_at),
                   "cudnnGetRNNWeightParams");
    const char* at = static_cast<const char*>(bias ? bias_at : matrix_at);
    const int64_t offset = at - space_.as<char>(), size = static_cast<int64_t>(numbers_.bytes);
    const int64_t count = at ? count_of(context_, bias ? bias_ : matrix_) : 0;
    if (count != expected_count || offset < 0 || offset % size != 0 || offset + count * size > static_cast<int64_t>(bytes_)) {
      throw Error(ErrorCode::unsupported, "[gru] expected cuDNN to place " + std::to_string(expected_count) + " values of gate " +
                                              std::to_string(linear_id) + " within its " + std::to_string(bytes_) + " bytes, got " +
                                              std::to_string(count) + " at " + std::to_string(at ? offset : 0) +
                                              "; use another version of cuDNN 9 or device 'cpu'");
    }
    return offset / size;
  }

 private:
  Context& context_;
  cudnn::RnnDescriptor rnn_;
  const Numbers numbers_;
  const size_t bytes_;
  const Buffer space_;
  const Tensor matrix_, bias_;
};

}  // namespace

CudnnLayout::CudnnLayout(const GruDescription& description, const Numbers& numbers, Context& context, cudnn::RnnDescriptor rnn) {
  context.check(context.cudnn().GetRNNWeightSpaceSize(context.cudnn_handle(), rnn, &bytes_), "cudnnGetRNNWeightSpaceSize");
  values_ = static_cast<int64_t>(bytes_ / numbers.bytes);
  constexpr size_t kStretch = 256 / sizeof(float);
  weight_count_ = ((bytes_ + numbers.bytes - 1) / numbers.bytes + kStretch - 1) / kStretch * kStretch;
  Gates gates(context, rnn, numbers, bytes_);
  const int64_t hidden = description.hidden_size;
  const auto add = [&](const char* kind, GruTensor tensor, int layer, int direction, int64_t cols) {
    GruParameter parameter;
    parameter.name = std::string(kind) + "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
    parameter.layer = layer;
    parameter.direction = direction;
    parameter.tensor = tensor;
    parameter.rows = 3 * hidden;
    parameter.cols = cols;
    const bool bias = tensor == GruTensor::bias_ih || tensor == GruTensor::bias_hh;
    const int first = tensor == GruTensor::weight_hh || tensor == GruTensor::bias_hh ? 3 : 0;
    for (int gate = 0; gate < 3; ++gate) {
      parameter.gate_offset[static_cast<size_t>(gate)] =
          gates.offset(layer * description.directions() + direction, first + gate, bias, hidden * cols);
    }
    parameters_.push_back(std::move(parameter));
  };
  for (int layer = 0; layer < description.num_layers; ++layer) {
    for (int direction = 0; direction < description.directions(); ++direction) {
      add("weight_ih", GruTensor::weight_ih, layer, direction, description.layer_input_size(layer));
      add("weight_hh", GruTensor::weight_hh, layer, direction, hidden);
      if (!description.bias) continue;
      add("bias_ih", GruTensor::bias_ih, layer, direction, 1);
      add("bias_hh", GruTensor::bias_hh, layer, direction, 1);
    }
  }
}

bool CudnnLayout::same(const CudnnLayout& other) const {
  if (bytes_ != other.bytes_ || parameters_.size() != other.parameters_.size()) return false;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].gate_offset != other.parameters_[i].gate_offset) return false;
  }
  return true;
}

}  // namespace grus::cuda
