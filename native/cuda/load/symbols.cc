#include "symbols.h"

namespace grus::cuda {
namespace {

class Symbols {
 public:
  Symbols(const SharedLibrary& library, const char* prefix) : library_(library), prefix_(prefix) {}

  template <class F>
  void take(F*& slot, const char* name) {
    slot = reinterpret_cast<F*>(find_symbol(library_, prefix_ + name));
    if (!slot && missing_.empty()) missing_ = prefix_ + name;
  }

  const std::string& missing() const { return missing_; }

 private:
  const SharedLibrary& library_;
  const std::string prefix_;
  std::string missing_;
};

}  // namespace

#define TAKE(name) symbols.take(api.name, #name)

std::string resolve(const SharedLibrary& library, cudnn::Api& api) {
  Symbols symbols(library, "cudnn");
  TAKE(GetVersion);
  TAKE(GetCudartVersion);
  TAKE(GetErrorString);
  TAKE(GetLastErrorString);
  TAKE(Create);
  TAKE(Destroy);
  TAKE(SetStream);
  TAKE(OpsVersionCheck);
  TAKE(AdvVersionCheck);
  TAKE(CreateTensorDescriptor);
  TAKE(DestroyTensorDescriptor);
  TAKE(SetTensorNdDescriptor);
  TAKE(GetTensorNdDescriptor);
  TAKE(CreateDropoutDescriptor);
  TAKE(DestroyDropoutDescriptor);
  TAKE(SetDropoutDescriptor);
  TAKE(CreateRNNDescriptor);
  TAKE(DestroyRNNDescriptor);
  TAKE(SetRNNDescriptor_v8);
  TAKE(BuildRNNDynamic);
  TAKE(GetRNNTempSpaceSizes);
  TAKE(GetRNNWeightSpaceSize);
  TAKE(GetRNNWeightParams);
  TAKE(CreateRNNDataDescriptor);
  TAKE(DestroyRNNDataDescriptor);
  TAKE(SetRNNDataDescriptor);
  TAKE(RNNForward);
  TAKE(RNNBackwardData_v8);
  TAKE(RNNBackwardWeights_v8);
  return symbols.missing();
}

std::string resolve(const SharedLibrary& library, cublas::Api& api) {
  Symbols symbols(library, "cublas");
  TAKE(Create_v2);
  TAKE(GetVersion_v2);
  TAKE(SetStream_v2);
  TAKE(SetWorkspace_v2);
  TAKE(SetMathMode);
  TAKE(GetStatusString);
  TAKE(Sgemm_v2);
  return symbols.missing();
}

#undef TAKE

}  // namespace grus::cuda
