#include <napi.h>

#include "../make_backend.h"
#include "../thread_setting.h"
#include "arrays.h"
#include "errors.h"
#include "gru_bench_wrap.h"
#include "gru_wrap.h"
#include "reader.h"
#include "session_wrap.h"

namespace grus {
namespace {

napi_value initialize(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    const Napi::Value error_class = info[0];
    if (!error_class.IsFunction()) {
      throw Error(ErrorCode::invalid_argument, "[initialize] expected the error class, got " + describe(error_class));
    }
    info.Env().GetInstanceData<AddonData>()->error_class = Napi::Persistent(error_class.As<Napi::Function>());
    return info.Env().Undefined();
  });
}

napi_value devices(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    const std::vector<DeviceReport> reports = report_devices();
    const Napi::Array result = Napi::Array::New(info.Env(), reports.size());
    for (uint32_t i = 0; i < reports.size(); ++i) {
      const Napi::Object item = Napi::Object::New(info.Env());
      item.Set("device", reports[i].device);
      item.Set("available", reports[i].available);
      item.Set("detail", reports[i].detail);
      result.Set(i, item);
    }
    return result;
  });
}

Napi::Array strings(Napi::Env env, const std::vector<std::string>& list) {
  const Napi::Array result = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); ++i) result.Set(i, list[i]);
  return result;
}

Napi::Object describe_component(Napi::Env env, const CudaComponent& component) {
  const Napi::Object result = Napi::Object::New(env);
  result.Set("name", component.name);
  result.Set("ok", component.ok);
  result.Set("file", component.file);
  result.Set("version", component.version);
  result.Set("path", component.path);
  result.Set("problem", component.problem);
  result.Set("tried", strings(env, component.tried));
  return result;
}

napi_value cuda_report(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    const CudaReport report = report_cuda(info[0].ToBoolean());
    const Napi::Array components = Napi::Array::New(info.Env(), report.components.size());
    for (uint32_t i = 0; i < report.components.size(); ++i) components.Set(i, describe_component(info.Env(), report.components[i]));
    const Napi::Object result = Napi::Object::New(info.Env());
    result.Set("built", report.built);
    result.Set("driver", report.driver);
    result.Set("available", report.available);
    result.Set("devices", report.devices);
    result.Set("problem", report.problem);
    result.Set("warning", report.warning);
    result.Set("components", components);
    result.Set("advice", strings(info.Env(), report.advice));
    return result;
  });
}

napi_value set_threads(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    set_default_threads(static_cast<int>(read_size(info[0], "setThreads", "threads")));
    return info.Env().Undefined();
  });
}

napi_value threads(napi_env env, napi_callback_info raw) noexcept {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, raw);
    const ThreadReport report = report_threads();
    const Napi::Object result = Napi::Object::New(info.Env());
    result.Set("threads", report.threads);
    result.Set("reason", report.reason);
    return result;
  });
}

Napi::Value make_function(Napi::Env env, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  const napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  NAPI_THROW_IF_FAILED(env, status, Napi::Value());
  return Napi::Value(env, function);
}

Napi::Object make_addon(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());   // deleted with the environment
  exports.Set("initialize", make_function(env, "initialize", initialize));
  exports.Set("devices", make_function(env, "devices", devices));
  exports.Set("cudaReport", make_function(env, "cudaReport", cuda_report));
  exports.Set("setThreads", make_function(env, "setThreads", set_threads));
  exports.Set("threads", make_function(env, "threads", threads));
  exports.Set("Session", SessionWrap::define(env));
  exports.Set("Gru", GruWrap::define(env));
  exports.Set("GruBench", GruBenchWrap::define(env));
  return exports;
}

}  // namespace
}  // namespace grus

static Napi::Object init(Napi::Env env, Napi::Object exports) { return grus::make_addon(env, exports); }
NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
