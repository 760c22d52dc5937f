#pragma once
#include <cstddef>
#include <cstdint>

// What we call of cuDNN 9, in our own words; native/cuda/load resolves it at run time. A test compares every line with NVIDIA's headers.
namespace grus::cudnn {

using Handle = struct cudnnHandleTag*;
using Stream = void*;                      // cudaStream_t
using TensorDescriptor = struct cudnnTensorTag*;
using DropoutDescriptor = struct cudnnDropoutTag*;
using RnnDescriptor = struct cudnnRNNTag*;
using RnnDataDescriptor = struct cudnnRNNDataTag*;

// Thousands are the category; within it NVIDIA refines the codes from version to version, so only the category is compared.
enum class Status : int { success = 0 };
enum class Category : int { success = 0, setup = 1, bad_parameter = 2, not_supported = 3, internal = 4, execution_failed = 5 };
constexpr Category category(Status status) { return static_cast<Category>(static_cast<int>(status) / 1000); }

enum class RnnAlgo : int { standard = 0, persist_static = 1, persist_dynamic = 2, persist_static_small_h = 3 };
enum class ForwardMode : int { inference = 0, training = 1 };
enum class RnnMode : int { gru = 3 };
enum class RnnBiasMode : int { none = 0, double_bias = 2 };
enum class DirectionMode : int { unidirectional = 0, bidirectional = 1 };
enum class RnnInputMode : int { linear = 0 };
enum class RnnDataLayout : int { seq_major_unpacked = 0, seq_major_packed = 1, batch_major_unpacked = 2 };
enum class WgradMode : int { add = 0 };
enum class MathType : int { default_math = 0, tensor_op = 1, tensor_op_allow_conversion = 2, fma = 3 };
enum class DataType : int { float32 = 0, float64 = 1, float16 = 2, bfloat16 = 9 };
constexpr uint32_t kPaddedIoEnabled = 1;   // CUDNN_RNN_PADDED_IO_ENABLED

// Names are cuDNN's without "cudnn".
struct Api {
  size_t (*GetVersion)();
  size_t (*GetCudartVersion)();
  const char* (*GetErrorString)(Status);
  void (*GetLastErrorString)(char* message, size_t max_size);
  Status (*Create)(Handle*);
  Status (*Destroy)(Handle);
  Status (*SetStream)(Handle, Stream);
  Status (*OpsVersionCheck)();
  Status (*AdvVersionCheck)();
  Status (*CreateTensorDescriptor)(TensorDescriptor*);
  Status (*DestroyTensorDescriptor)(TensorDescriptor);
  Status (*SetTensorNdDescriptor)(TensorDescriptor, DataType, int dims, const int dim[], const int stride[]);
  Status (*GetTensorNdDescriptor)(TensorDescriptor, int dims_requested, DataType*, int* dims, int dim[], int stride[]);
  Status (*CreateDropoutDescriptor)(DropoutDescriptor*);
  Status (*DestroyDropoutDescriptor)(DropoutDescriptor);
  Status (*SetDropoutDescriptor)(DropoutDescriptor, Handle, float dropout, void* states, size_t state_bytes, unsigned long long seed);
  Status (*CreateRNNDescriptor)(RnnDescriptor*);
  Status (*DestroyRNNDescriptor)(RnnDescriptor);
  Status (*SetRNNDescriptor_v8)(RnnDescriptor, RnnAlgo, RnnMode, RnnBiasMode, DirectionMode, RnnInputMode, DataType data,
                                DataType math_prec, MathType, int32_t input_size, int32_t hidden_size, int32_t proj_size,
                                int32_t layers, DropoutDescriptor, uint32_t flags);
  Status (*BuildRNNDynamic)(Handle, RnnDescriptor, int batch);
  Status (*GetRNNTempSpaceSizes)(Handle, RnnDescriptor, ForwardMode, RnnDataDescriptor x, size_t* workspace, size_t* reserve);
  Status (*GetRNNWeightSpaceSize)(Handle, RnnDescriptor, size_t* bytes);
  Status (*GetRNNWeightParams)(Handle, RnnDescriptor, int32_t pseudo_layer, size_t weight_bytes, const void* weights, int32_t linear_id,
                               TensorDescriptor matrix, void** matrix_address, TensorDescriptor bias, void** bias_address);
  Status (*CreateRNNDataDescriptor)(RnnDataDescriptor*);
  Status (*DestroyRNNDataDescriptor)(RnnDataDescriptor);
  Status (*SetRNNDataDescriptor)(RnnDataDescriptor, DataType, RnnDataLayout, int max_steps, int batch, int vector_size, const int lengths[],
                                 void* padding_fill);   // lengths, padding_fill: on the host
  Status (*RNNForward)(Handle, RnnDescriptor, ForwardMode, const int32_t device_lengths[], RnnDataDescriptor x_desc, const void* x,
                       RnnDataDescriptor y_desc, void* y, TensorDescriptor h_desc, const void* hx, void* hy, TensorDescriptor c_desc,
                       const void* cx, void* cy, size_t weight_bytes, const void* weights, size_t workspace_bytes, void* workspace,
                       size_t reserve_bytes, void* reserve);
  Status (*RNNBackwardData_v8)(Handle, RnnDescriptor, const int32_t device_lengths[], RnnDataDescriptor y_desc, const void* y,
                               const void* dy, RnnDataDescriptor x_desc, void* dx, TensorDescriptor h_desc, const void* hx,
                               const void* dhy, void* dhx, TensorDescriptor c_desc, const void* cx, const void* dcy, void* dcx,
                               size_t weight_bytes, const void* weights, size_t workspace_bytes, void* workspace,
                               size_t reserve_bytes, void* reserve);
  Status (*RNNBackwardWeights_v8)(Handle, RnnDescriptor, WgradMode, const int32_t device_lengths[], RnnDataDescriptor x_desc, const void* x,
                                  TensorDescriptor h_desc, const void* hx, RnnDataDescriptor y_desc, const void* y, size_t weight_bytes,
                                  void* dweights, size_t workspace_bytes, void* workspace, size_t reserve_bytes, void* reserve);
};

}  // namespace grus::cudnn
