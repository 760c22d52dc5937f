#include "arrays.h"

#include <cmath>

#include "../core/error.h"
#include "reader.h"

namespace grus {
namespace {

// An empty array is still one that was given.
template <class T>
const T* given(const void* data, size_t count) {
  static const T nothing{};
  return count > 0 ? static_cast<const T*>(data) : &nothing;
}

template <class T>
ArrayView<T> typed(const Napi::Value& value, napi_typedarray_type type, const char* expected, const char* where, const char* what,
                   bool required) {
  napi_typedarray_type came = napi_int8_array;
  size_t count = 0;
  void* data = nullptr;
  // One call into Node for the usual case: each costs about as much as a step of a small network.
  if (napi_get_typedarray_info(value.Env(), value, &came, &count, &data, nullptr, nullptr) != napi_ok || came != type) {
    if (!required && value.IsUndefined()) return {};
    throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] " + what + " must be " + expected + ", got " + describe(value));
  }
  return {given<T>(data, count), count};
}

void values_or_ids(const Napi::Value& array, const char* where, const char* what, const float*& values, const int32_t*& ids,
                   size_t& count) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  const bool is_array = napi_get_typedarray_info(array.Env(), array, &type, &count, &data, nullptr, nullptr) == napi_ok;
  if (is_array && type == napi_int32_array) {
    ids = given<int32_t>(data, count);
  } else if (is_array && type == napi_float32_array) {
    values = given<float>(data, count);
  } else {
    throw Error(ErrorCode::invalid_argument,
                std::string("[") + where + "] " + what + " must be a Float32Array or an Int32Array, got " + describe(array));
  }
}

template <class T>
const T* keep(std::vector<T>& copy, const T* data, size_t count) {
  if (!data) return nullptr;
  copy.assign(data, data + count);
  copy.reserve(1);
  return copy.data();
}

}  // namespace

ArrayView<float> read_floats(const Napi::Value& value, const char* where, const char* what, bool required) {
  return typed<float>(value, napi_float32_array, "a Float32Array", where, what, required);
}

ArrayView<uint8_t> read_bytes(const Napi::Value& value, const char* where, const char* what) {
  return typed<uint8_t>(value, napi_uint8_array, "a Uint8Array", where, what, false);
}

float* read_room(const Napi::Value& value, size_t count, const char* where, const char* what) {
  const ArrayView<float> room = read_floats(value, where, what, true);
  if (room.count != count) {
    throw Error(ErrorCode::shape_mismatch, std::string("[") + where + "] " + what + " must have room for " + std::to_string(count) +
                                               " values, got " + std::to_string(room.count));
  }
  return const_cast<float*>(room.data);
}

int64_t read_size(const Napi::Value& value, const char* where, const char* what) {
  double number = 0;
  const bool is_number = napi_get_value_double(value.Env(), value, &number) == napi_ok;
  if (!is_number || !(number == std::floor(number)) || number < 1 || number > INT32_MAX) {
    throw Error(ErrorCode::invalid_argument,
                std::string("[") + where + "] " + what + " must be a positive integer, got " + describe(value));
  }
  return static_cast<int64_t>(number);
}

Napi::Float32Array to_js(Napi::Env env, const std::vector<float>& values) {
  Napi::Float32Array array = Napi::Float32Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(float));
  return array;
}

Napi::Array parameters_to_js(Napi::Env env, const ParameterTable& table) {
  const Napi::Array result = Napi::Array::New(env, table.parameters().size());
  uint32_t index = 0;
  for (const Parameter& parameter : table.parameters()) {
    const Napi::Object item = Napi::Object::New(env);
    const Napi::Array shape = Napi::Array::New(env, parameter.shape.size());
    for (uint32_t i = 0; i < parameter.shape.size(); ++i) shape.Set(i, static_cast<double>(parameter.shape[i]));
    item.Set("name", parameter.name);
    item.Set("shape", shape);
    item.Set("trainable", parameter.trainable);
    result.Set(index++, item);
  }
  return result;
}

void read_x(const Napi::Value& value, const char* where, HostBatch& batch) {
  values_or_ids(value, where, "x", batch.x, batch.ids, batch.x_count);
}

HostBatch read_batch(const Napi::Value& value, const char* where) {
  const Reader reader(value, where);
  HostBatch result;
  result.batch = reader.integer("batch", 1, INT32_MAX);
  result.steps = reader.integer("steps", 1, INT32_MAX);
  // Every field before any pointer: a getter may run code that detaches an array read earlier.
  const Napi::Value x = reader.get("x"), y = reader.get("y"), mask_field = reader.get("mask"), weights_field = reader.get("weights");
  read_x(x, where, result);
  if (!y.IsUndefined()) values_or_ids(y, where, "y", result.y, result.labels, result.y_count);
  const auto mask = read_bytes(mask_field, where, "mask");
  result.mask = mask.data;
  result.mask_count = mask.count;
  const auto weights = read_floats(weights_field, where, "weights", false);
  result.weights = weights.data;
  result.weights_count = weights.count;
  return result;
}

void StagedBatch::copy(const HostBatch& source) {
  batch_ = source;
  batch_.x = keep(x_, source.x, source.x_count);
  batch_.ids = keep(ids_, source.ids, source.x_count);
  batch_.y = keep(y_, source.y, source.y_count);
  batch_.labels = keep(labels_, source.labels, source.y_count);
  batch_.mask = keep(mask_, source.mask, source.mask_count);
  batch_.weights = keep(weights_, source.weights, source.weights_count);
}

size_t StagedBatch::bytes() const {
  return (x_.capacity() + y_.capacity() + weights_.capacity() + output.capacity()) * sizeof(float) +
         (ids_.capacity() + labels_.capacity()) * sizeof(int32_t) + mask_.capacity();
}

std::shared_ptr<StagedBatch> StagingPool::take() {
  std::unique_ptr<StagedBatch> slot;
  if (idle_.empty()) {
    slot = std::make_unique<StagedBatch>();
  } else {
    slot = std::move(idle_.back());
    idle_.pop_back();
    bytes_ -= slot->bytes();
  }
  return std::shared_ptr<StagedBatch>(slot.release(), [pool = shared_from_this()](StagedBatch* used) {
    std::unique_ptr<StagedBatch> back(used);
    if (pool->idle_.size() >= kKept) return;
    pool->bytes_ += back->bytes();
    pool->idle_.push_back(std::move(back));
  });
}

}  // namespace grus
