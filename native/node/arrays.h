#pragma once
#include <napi.h>

#include <cstring>
#include <memory>
#include <vector>

#include "../plan_parameters.h"
#include "../session_batch.h"

namespace grus {

// The values of an optional typed array field or argument; null data when it is undefined. Another type is refused by name.
template <class T>
struct ArrayView {
  const T* data = nullptr;
  size_t count = 0;
};
ArrayView<float> read_floats(const Napi::Value& value, const char* where, const char* what, bool required);
ArrayView<uint8_t> read_bytes(const Napi::Value& value, const char* where, const char* what);

// Where a call on the JavaScript thread writes its result: a Float32Array of just this size.
float* read_room(const Napi::Value& value, size_t count, const char* where, const char* what);
// A positive integer.
int64_t read_size(const Napi::Value& value, const char* where, const char* what);

Napi::Float32Array to_js(Napi::Env env, const std::vector<float>& values);
Napi::Array parameters_to_js(Napi::Env env, const ParameterTable& table);

// NativeBatch as it lies in JavaScript's memory.
HostBatch read_batch(const Napi::Value& value, const char* where);
// x of a batch: an Int32Array is ids.
void read_x(const Napi::Value& value, const char* where, HostBatch& batch);

// A copy of a batch that outlives the call, and room for what comes back. Reused: its vectors only grow.
class StagedBatch {
 public:
  void copy(const HostBatch& source);
  const HostBatch& batch() const { return batch_; }
  std::vector<float> output;
  size_t bytes() const;

 private:
  HostBatch batch_;
  std::vector<float> x_, y_, weights_;
  std::vector<int32_t> ids_, labels_;
  std::vector<uint8_t> mask_;
};

// Slots for the batches in the queue of one session; as many as were ever queued at once, of which a few are kept. JavaScript thread only.
class StagingPool : public std::enable_shared_from_this<StagingPool> {
 public:
  std::shared_ptr<StagedBatch> take();   // returns to the pool when the last reference goes
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kKept = 4;
  std::vector<std::unique_ptr<StagedBatch>> idle_;
  size_t bytes_ = 0;                     // of the idle ones
};

}  // namespace grus
