#pragma once
#include <cuda_runtime_api.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "shapes.h"
#include "status.h"

namespace grus::sim::dnn {

enum class Kind { handle, tensor, dropout, rnn, rnn_data };

// Behind every handle and descriptor. Destroyed ones are marked and kept, so that their use is noticed.
struct Object {
  explicit Object(Kind kind) : kind(kind) {}
  virtual ~Object() = default;
  const Kind kind;
  bool alive = true;
  bool set = false;   // descriptors: whether they have been given their values
};

void adopt(std::unique_ptr<Object> object);
template <class T>
T* make() {
  auto object = std::make_unique<T>();
  T* pointer = object.get();
  adopt(std::move(object));
  return pointer;
}
// Null: kNullPointer. Never made by us, destroyed, or of another kind: kWrongObject, and a misuse.
Object& find(const char* call, const void* pointer, Kind kind, const char* what);
void destroy(const char* call, const void* pointer, Kind kind);

}  // namespace grus::sim::dnn

// The types that the API's handles point to.
namespace grus::cudnn {

struct cudnnHandleTag : sim::dnn::Object {
  cudnnHandleTag() : Object(sim::dnn::Kind::handle) {}
  int device = 0;
  cudaStream_t stream = nullptr;
  cudaStream_t streams[2] = {};            // the handle's own, that calls spread over
  std::atomic<int> inside{0};              // calls that are using it now
  std::set<unsigned long long> warmed_up;  // what it has computed before
};

struct cudnnTensorTag : sim::dnn::Object {
  cudnnTensorTag() : Object(sim::dnn::Kind::tensor) {}
  DataType data{};
  std::vector<int> dims, strides;
};

struct cudnnDropoutTag : sim::dnn::Object {
  cudnnDropoutTag() : Object(sim::dnn::Kind::dropout) {}
  float rate = 0;
};

struct cudnnRNNTag : sim::dnn::Object {
  cudnnRNNTag() : Object(sim::dnn::Kind::rnn) {}
  sim::dnn::RnnConfig config;
  DropoutDescriptor dropout = nullptr;
  int built_batch = 0;                     // of cudnnBuildRNNDynamic
};

struct cudnnRNNDataTag : sim::dnn::Object {
  cudnnRNNDataTag() : Object(sim::dnn::Kind::rnn_data) {}
  sim::dnn::Sequences sequences;
  int* pinned_lengths = nullptr;           // knob CUDNN_LENGTHS; never freed, as the object itself
};

}  // namespace grus::cudnn

namespace grus::sim::dnn {

template <class T>
T& find_as(const char* call, T* pointer, Kind kind, const char* what, bool must_be_set = true) {
  Object& object = find(call, pointer, kind, what);
  if (must_be_set && kind != Kind::handle) require(object.set, kBadParameter, "a descriptor was used before it was set");
  return static_cast<T&>(object);
}

inline cudnn::cudnnTensorTag& tensor(const char* call, cudnn::TensorDescriptor pointer, const char* what) {
  return find_as(call, pointer, Kind::tensor, what);
}
inline cudnn::cudnnRNNTag& rnn(const char* call, cudnn::RnnDescriptor pointer) { return find_as(call, pointer, Kind::rnn, "rnnDesc"); }
inline cudnn::cudnnRNNDataTag& rnn_data(const char* call, cudnn::RnnDataDescriptor pointer, const char* what) {
  return find_as(call, pointer, Kind::rnn_data, what);
}

// A handle while one call uses it: on the thread whose current device it was made for, and by one call at a time.
class HandleUse {
 public:
  HandleUse(const char* call, cudnn::Handle handle);
  ~HandleUse();
  HandleUse(const HandleUse&) = delete;
  HandleUse& operator=(const HandleUse&) = delete;
  cudnn::cudnnHandleTag* operator->() const { return handle_; }
  cudnn::cudnnHandleTag& operator*() const { return *handle_; }

 private:
  cudnn::cudnnHandleTag* handle_;
};

}  // namespace grus::sim::dnn
