#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "errors.h"

namespace grus {

// Classes whose JavaScript objects own a T. Objects are tagged, so that a method called on a foreign `this` throws instead of reading
// somebody else's memory. T has: static const napi_type_tag kTag; static const char* kName; T(const Napi::CallbackInfo&);
// finalize(Napi::Env).
template <class T>
T& unwrap(napi_env env, napi_value self) {
  bool ours = false;
  void* data = nullptr;
  if (napi_check_object_type_tag(env, self, &T::kTag, &ours) != napi_ok || !ours || napi_unwrap(env, self, &data) != napi_ok) {
    const std::string name = T::kName;
    throw Error(ErrorCode::invalid_argument, "[" + name + "] expected `this` to be a " + name + ", got something else");
  }
  return *static_cast<T*>(data);
}

template <class T>
napi_value construct(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    const std::string name = T::kName;
    if (!info.IsConstructCall()) throw Error(ErrorCode::invalid_argument, "[" + name + "] expected new " + name + "(...)");
    const Napi::Value self = info.This();
    auto object = std::make_unique<T>(info);
    const auto finalize = [](napi_env finalizing, void* data, void*) {
      const std::unique_ptr<T> owned(static_cast<T*>(data));
      owned->finalize(finalizing);
    };
    if (napi_wrap(env, self, object.get(), finalize, nullptr, nullptr) != napi_ok) {
      throw Error(ErrorCode::device, "[" + name + "] the object could not be wrapped");
    }
    object.release();
    if (napi_type_tag_object(env, self, &T::kTag) != napi_ok) {
      throw Error(ErrorCode::device, "[" + name + "] the object could not be tagged");
    }
    return self;
  });
}

template <class T, auto member>   // member: Napi::Value (T or its base::*)(const Napi::CallbackInfo&)
napi_value call_method(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    return (unwrap<T>(env, info.This()).*member)(info);
  });
}

// For calls that are counted in nanoseconds: positional arguments, undefined where fewer came, and nothing that allocates between.
constexpr size_t kPlainArguments = 8;

template <class T, auto member>   // member: void (T::*)(napi_env, const napi_value* arguments)
napi_value call_plain(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    napi_value arguments[kPlainArguments], self = nullptr;
    size_t count = kPlainArguments;
    NAPI_THROW_IF_FAILED(env, napi_get_cb_info(env, raw, &count, arguments, &self, nullptr), nullptr);
    (unwrap<T>(env, self).*member)(env, arguments);
    return nullptr;
  });
}

template <class T, auto member>   // member: void (T::*)(napi_env, const napi_value* arguments)
napi_property_descriptor plain_method(const char* name) {
  return {name, nullptr, &call_plain<T, member>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

template <class T, auto member>   // member: Napi::Value (T or its base::*)(const Napi::CallbackInfo&)
napi_property_descriptor method(const char* name) {
  return {name, nullptr, &call_method<T, member>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

template <class T, auto member>   // member: Napi::Value (T or its base::*)(const Napi::CallbackInfo&)
napi_property_descriptor getter(const char* name) {
  return {name, nullptr, nullptr, &call_method<T, member>, nullptr, nullptr, napi_enumerable, nullptr};
}

template <class T>
Napi::Value define_class(Napi::Env env, const std::vector<napi_property_descriptor>& properties) {
  napi_value result = nullptr;
  const napi_status status =
      napi_define_class(env, T::kName, NAPI_AUTO_LENGTH, &construct<T>, nullptr, properties.size(), properties.data(), &result);
  NAPI_THROW_IF_FAILED(env, status, Napi::Value());
  return Napi::Value(env, result);
}

}  // namespace grus
