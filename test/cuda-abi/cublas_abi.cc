// Every line of native/cuda/api/cublas.h against NVIDIA's own header: it compiles, or it does not.
#include <cublas_v2.h>

#include "cuda/api/cublas.h"
#include "same_call.h"

namespace {

using grus::cublas::Api;

#define SAME(name) static_assert(abi::SameCall<decltype(Api::name), decltype(&::cublas##name)>::value, "cublas" #name);
#define CALLS(X) \
  X(Create_v2) X(GetVersion_v2) X(SetStream_v2) X(SetWorkspace_v2) X(SetMathMode) X(GetStatusString) X(Sgemm_v2)
CALLS(SAME)
#define ONE(name) +1
static_assert(sizeof(Api) == sizeof(void*) * (0 CALLS(ONE)), "a call of the table is not compared here");

#define VALUE(ours, theirs) static_assert(static_cast<int>(grus::cublas::ours) == static_cast<int>(theirs), #theirs);
VALUE(Status::success, CUBLAS_STATUS_SUCCESS)
VALUE(Status::not_initialized, CUBLAS_STATUS_NOT_INITIALIZED)
VALUE(Status::alloc_failed, CUBLAS_STATUS_ALLOC_FAILED)
VALUE(Status::invalid_value, CUBLAS_STATUS_INVALID_VALUE)
VALUE(Status::arch_mismatch, CUBLAS_STATUS_ARCH_MISMATCH)
VALUE(Status::mapping_error, CUBLAS_STATUS_MAPPING_ERROR)
VALUE(Status::execution_failed, CUBLAS_STATUS_EXECUTION_FAILED)
VALUE(Status::internal_error, CUBLAS_STATUS_INTERNAL_ERROR)
VALUE(Status::not_supported, CUBLAS_STATUS_NOT_SUPPORTED)
VALUE(Status::license_error, CUBLAS_STATUS_LICENSE_ERROR)
VALUE(Operation::none, CUBLAS_OP_N)
VALUE(Operation::transpose, CUBLAS_OP_T)
VALUE(MathMode::default_math, CUBLAS_DEFAULT_MATH)
VALUE(MathMode::pedantic, CUBLAS_PEDANTIC_MATH)
VALUE(MathMode::tf32, CUBLAS_TF32_TENSOR_OP_MATH)

}  // namespace
