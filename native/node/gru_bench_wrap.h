#pragma once
#include "../gru_bench.h"
#include "engine_wrap.h"

namespace grus {

// NativeGruBench of lib/native.ts.
class GruBenchWrap : public EngineWrap<GruBench> {
 public:
  static const napi_type_tag kTag;
  static const char* const kName;
  static Napi::Value define(Napi::Env env);
  explicit GruBenchWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value prepare(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value product(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);
};

}  // namespace grus
