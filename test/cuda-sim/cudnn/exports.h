#pragma once
#include <type_traits>

#include "../../../native/cuda/api/cudnn.h"

// Everything that the simulated libcudnn exports, with the types of the table that the engine fills.
#define GRUS_SIM_EXPORT(name) \
  extern "C" __attribute__((visibility("default"))) std::remove_pointer_t<decltype(grus::cudnn::Api::name)> cudnn##name;

GRUS_SIM_EXPORT(GetVersion)
GRUS_SIM_EXPORT(GetCudartVersion)
GRUS_SIM_EXPORT(GetErrorString)
GRUS_SIM_EXPORT(GetLastErrorString)
GRUS_SIM_EXPORT(Create)
GRUS_SIM_EXPORT(Destroy)
GRUS_SIM_EXPORT(SetStream)
GRUS_SIM_EXPORT(OpsVersionCheck)
GRUS_SIM_EXPORT(AdvVersionCheck)
GRUS_SIM_EXPORT(CreateTensorDescriptor)
GRUS_SIM_EXPORT(DestroyTensorDescriptor)
GRUS_SIM_EXPORT(SetTensorNdDescriptor)
GRUS_SIM_EXPORT(GetTensorNdDescriptor)
GRUS_SIM_EXPORT(CreateDropoutDescriptor)
GRUS_SIM_EXPORT(DestroyDropoutDescriptor)
GRUS_SIM_EXPORT(SetDropoutDescriptor)
GRUS_SIM_EXPORT(CreateRNNDescriptor)
GRUS_SIM_EXPORT(DestroyRNNDescriptor)
GRUS_SIM_EXPORT(SetRNNDescriptor_v8)
GRUS_SIM_EXPORT(BuildRNNDynamic)
GRUS_SIM_EXPORT(GetRNNTempSpaceSizes)
GRUS_SIM_EXPORT(GetRNNWeightSpaceSize)
GRUS_SIM_EXPORT(GetRNNWeightParams)
GRUS_SIM_EXPORT(CreateRNNDataDescriptor)
GRUS_SIM_EXPORT(DestroyRNNDataDescriptor)
GRUS_SIM_EXPORT(SetRNNDataDescriptor)
GRUS_SIM_EXPORT(RNNForward)
GRUS_SIM_EXPORT(RNNBackwardData_v8)
GRUS_SIM_EXPORT(RNNBackwardWeights_v8)
