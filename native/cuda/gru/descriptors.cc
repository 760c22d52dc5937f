#include "descriptors.h"

namespace grus::cuda {

Numbers numbers_of(Precision precision) {
  switch (precision) {
    case Precision::float32: return {cudnn::DataType::float32, cudnn::MathType::fma, 4};
    case Precision::tf32: return {cudnn::DataType::float32, cudnn::MathType::default_math, 4};
    case Precision::float16: return {cudnn::DataType::float16, cudnn::MathType::tensor_op, 2};
    case Precision::bfloat16: return {cudnn::DataType::bfloat16, cudnn::MathType::default_math, 2};
  }
  return {};
}

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::float32: return "float32";
    case Precision::tf32: return "tf32";
    case Precision::float16: return "float16";
    case Precision::bfloat16: return "bfloat16";
  }
  return "";
}

Tensor make_tensor(Context& context) {
  const cudnn::Api& api = context.cudnn();
  return Tensor(context, api.CreateTensorDescriptor, api.DestroyTensorDescriptor, "cudnnCreateTensorDescriptor");
}

Tensor make_state(Context& context, cudnn::DataType type, int blocks, int batch, int hidden) {
  Tensor state = make_tensor(context);
  const int dims[3] = {blocks, batch, hidden};
  const int strides[3] = {batch * hidden, hidden, 1};
  context.check(context.cudnn().SetTensorNdDescriptor(state.get(), type, 3, dims, strides), "cudnnSetTensorNdDescriptor");
  return state;
}

NoDropout make_no_dropout(Context& context) {
  const cudnn::Api& api = context.cudnn();
  NoDropout dropout(context, api.CreateDropoutDescriptor, api.DestroyDropoutDescriptor, "cudnnCreateDropoutDescriptor");
  context.check(api.SetDropoutDescriptor(dropout.get(), context.cudnn_handle(), 0, nullptr, 0, 0), "cudnnSetDropoutDescriptor");
  return dropout;
}

Rnn make_rnn(Context& context) {
  const cudnn::Api& api = context.cudnn();
  return Rnn(context, api.CreateRNNDescriptor, api.DestroyRNNDescriptor, "cudnnCreateRNNDescriptor");
}

RnnData make_rnn_data(Context& context) {
  const cudnn::Api& api = context.cudnn();
  return RnnData(context, api.CreateRNNDataDescriptor, api.DestroyRNNDataDescriptor, "cudnnCreateRNNDataDescriptor");
}

std::string explain(Context& context, cudnn::Status status) {
  char detail[512] = "";
  context.cudnn().GetLastErrorString(detail, sizeof detail);
  std::string text = context.cudnn().GetErrorString(status);
  if (detail[0]) text += std::string(": ") + detail;
  return text;
}

}  // namespace grus::cuda
