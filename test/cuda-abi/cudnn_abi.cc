// Every line of native/cuda/api/cudnn.h against NVIDIA's own header: it compiles, or it does not.
#include <cudnn.h>

#include "cuda/api/cudnn.h"
#include "same_call.h"

namespace {

using grus::cudnn::Api;

#define SAME(name) static_assert(abi::SameCall<decltype(Api::name), decltype(&::cudnn##name)>::value, "cudnn" #name);
#define CALLS(X) \
  X(GetVersion) X(GetCudartVersion) X(GetErrorString) X(GetLastErrorString) X(Create) X(Destroy) X(SetStream) X(OpsVersionCheck) \
  X(AdvVersionCheck) X(CreateTensorDescriptor) X(DestroyTensorDescriptor) X(SetTensorNdDescriptor) X(GetTensorNdDescriptor) \
  X(CreateDropoutDescriptor) X(DestroyDropoutDescriptor) X(SetDropoutDescriptor) X(CreateRNNDescriptor) X(DestroyRNNDescriptor) \
  X(SetRNNDescriptor_v8) X(BuildRNNDynamic) X(GetRNNTempSpaceSizes) X(GetRNNWeightSpaceSize) X(GetRNNWeightParams) \
  X(CreateRNNDataDescriptor) X(DestroyRNNDataDescriptor) X(SetRNNDataDescriptor) X(RNNForward) X(RNNBackwardData_v8) \
  X(RNNBackwardWeights_v8)
CALLS(SAME)
#define ONE(name) +1
static_assert(sizeof(Api) == sizeof(void*) * (0 CALLS(ONE)), "a call of the table is not compared here");

#define VALUE(ours, theirs) static_assert(static_cast<int>(grus::cudnn::ours) == static_cast<int>(theirs), #theirs);
VALUE(Status::success, CUDNN_STATUS_SUCCESS)
VALUE(RnnAlgo::standard, CUDNN_RNN_ALGO_STANDARD)
VALUE(RnnAlgo::persist_static, CUDNN_RNN_ALGO_PERSIST_STATIC)
VALUE(RnnAlgo::persist_dynamic, CUDNN_RNN_ALGO_PERSIST_DYNAMIC)
VALUE(RnnAlgo::persist_static_small_h, CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H)
VALUE(ForwardMode::inference, CUDNN_FWD_MODE_INFERENCE)
VALUE(ForwardMode::training, CUDNN_FWD_MODE_TRAINING)
VALUE(RnnMode::gru, CUDNN_GRU)
VALUE(RnnBiasMode::none, CUDNN_RNN_NO_BIAS)
VALUE(RnnBiasMode::double_bias, CUDNN_RNN_DOUBLE_BIAS)
VALUE(DirectionMode::unidirectional, CUDNN_UNIDIRECTIONAL)
VALUE(DirectionMode::bidirectional, CUDNN_BIDIRECTIONAL)
VALUE(RnnInputMode::linear, CUDNN_LINEAR_INPUT)
VALUE(RnnDataLayout::seq_major_unpacked, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED)
VALUE(RnnDataLayout::seq_major_packed, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED)
VALUE(RnnDataLayout::batch_major_unpacked, CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED)
VALUE(WgradMode::add, CUDNN_WGRAD_MODE_ADD)
VALUE(MathType::default_math, CUDNN_DEFAULT_MATH)
VALUE(MathType::tensor_op, CUDNN_TENSOR_OP_MATH)
VALUE(MathType::tensor_op_allow_conversion, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION)
VALUE(MathType::fma, CUDNN_FMA_MATH)
VALUE(DataType::float32, CUDNN_DATA_FLOAT)
VALUE(DataType::float64, CUDNN_DATA_DOUBLE)
VALUE(DataType::float16, CUDNN_DATA_HALF)
VALUE(DataType::bfloat16, CUDNN_DATA_BFLOAT16)
static_assert(grus::cudnn::kPaddedIoEnabled == CUDNN_RNN_PADDED_IO_ENABLED);

#define CATEGORY(ours, theirs) \
  static_assert(grus::cudnn::category(static_cast<grus::cudnn::Status>(theirs)) == grus::cudnn::Category::ours, #theirs);
CATEGORY(success, CUDNN_STATUS_SUCCESS)
CATEGORY(setup, CUDNN_STATUS_NOT_INITIALIZED)
CATEGORY(setup, CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED)
CATEGORY(bad_parameter, CUDNN_STATUS_BAD_PARAM)
CATEGORY(bad_parameter, CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT)
CATEGORY(not_supported, CUDNN_STATUS_NOT_SUPPORTED)
CATEGORY(not_supported, CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE)
CATEGORY(internal, CUDNN_STATUS_INTERNAL_ERROR)
CATEGORY(internal, CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
CATEGORY(execution_failed, CUDNN_STATUS_EXECUTION_FAILED)
CATEGORY(execution_failed, CUDNN_STATUS_EXECUTION_FAILED_CURAND)

}  // namespace
