#include "../sim.h"
#include "exports.h"
#include "objects.h"

using namespace grus::cudnn;
using namespace grus::sim;
using namespace grus::sim::dnn;

namespace {

constexpr int kMaxDims = 8;

bool known_type(DataType type) { return static_cast<int>(type) >= 0 && static_cast<int>(type) <= 9; }

}  // namespace

Status cudnnCreateTensorDescriptor(TensorDescriptor* descriptor) {
  return call("cudnnCreateTensorDescriptor", Library::ops, [&] {
    require(descriptor, kNullPointer, "tensorDesc == NULL");
    *descriptor = make<cudnnTensorTag>();
  });
}

Status cudnnDestroyTensorDescriptor(TensorDescriptor descriptor) {
  return call("cudnnDestroyTensorDescriptor", Library::ops, [&] { destroy("cudnnDestroyTensorDescriptor", descriptor, Kind::tensor); });
}

// Negative strides and totals beyond 2^31 are not looked at here, as the real one does not.
Status cudnnSetTensorNdDescriptor(TensorDescriptor descriptor, DataType type, int dims, const int dim[], const int stride[]) {
  return call("cudnnSetTensorNdDescriptor", Library::ops, [&] {
    auto& target = find_as("cudnnSetTensorNdDescriptor", descriptor, Kind::tensor, "tensorDesc", false);
    require(dim && stride, kNullPointer, "dimA == NULL || strideA == NULL");
    require(dims >= 2, kBadParameter, "nbDims < 2");
    require(known_type(type), kBadParameter, "dataType is unknown");
    require(dims <= kMaxDims, kNotSupported, "nbDims > 8");
    for (int i = 0; i < dims; ++i) {
      require(dim[i] > 0, kBadParameter, "dimA[i] <= 0");
      require(stride[i] != 0 || dim[i] == 1, kBadParameter, "strideA[i] == 0 && dimA[i] != 1");
    }
    target.data = type;
    target.dims.assign(dim, dim + dims);
    target.strides.assign(stride, stride + dims);
    target.set = true;
  });
}

Status cudnnGetTensorNdDescriptor(TensorDescriptor descriptor, int dims_requested, DataType* type, int* dims, int dim[], int stride[]) {
  return call("cudnnGetTensorNdDescriptor", Library::ops, [&] {
    const auto& source = tensor("cudnnGetTensorNdDescriptor", descriptor, "tensorDesc");
    require(type && dims && dim && stride, kNullPointer, "dataType, nbDims, dimA or strideA == NULL");
    *type = source.data;
    *dims = static_cast<int>(source.dims.size());
    for (size_t i = 0; i < source.dims.size() && static_cast<int>(i) < dims_requested; ++i) {
      dim[i] = source.dims[i];
      stride[i] = source.strides[i];
    }
  });
}

Status cudnnCreateDropoutDescriptor(DropoutDescriptor* descriptor) {
  return call("cudnnCreateDropoutDescriptor", Library::ops, [&] {
    require(descriptor, kNullPointer, "dropoutDesc == NULL");
    *descriptor = make<cudnnDropoutTag>();
  });
}

Status cudnnDestroyDropoutDescriptor(DropoutDescriptor descriptor) {
  return call("cudnnDestroyDropoutDescriptor", Library::ops, [&] { destroy("cudnnDestroyDropoutDescriptor", descriptor, Kind::dropout); });
}

Status cudnnSetDropoutDescriptor(DropoutDescriptor descriptor, Handle handle, float rate, void* states, size_t state_bytes,
                                 unsigned long long) {
  return call("cudnnSetDropoutDescriptor", Library::ops, [&] {
    const HandleUse use("cudnnSetDropoutDescriptor", handle);
    auto& target = find_as("cudnnSetDropoutDescriptor", descriptor, Kind::dropout, "dropoutDesc", false);
    require(rate >= 0 && rate <= 1, kBadParameter, "dropout < 0 || dropout > 1");
    require(states || state_bytes == 0, kBadParameter, "states == NULL && stateSizeInBytes != 0");
    if (rate > 0) {
      require(allowed_during_capture("cudnnSetDropoutDescriptor"), kCudart, "a stream is being captured");
      refuse(kNotSupported, "the simulated cuDNN computes no dropout");
    }
    target.rate = rate;
    target.set = true;
  });
}
