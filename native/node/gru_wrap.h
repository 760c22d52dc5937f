#pragma once
#include <vector>

#include "../gru_session.h"
#include "engine_wrap.h"

namespace grus {

// NativeGru of lib/native.ts.
class GruWrap : public EngineWrap<GruSession> {
 public:
  static const napi_type_tag kTag;
  static const char* const kName;
  static Napi::Value define(Napi::Env env);
  explicit GruWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value parameters(const Napi::CallbackInfo& info);
  Napi::Value write_parameters(const Napi::CallbackInfo& info);
  Napi::Value forward(const Napi::CallbackInfo& info);
  void forward_sync(napi_env env, const napi_value* arguments);
  Napi::Value backward(const Napi::CallbackInfo& info);

  int64_t staging_bytes() const override { return static_cast<int64_t>(spare_.capacity() * sizeof(float)); }

  std::vector<float> spare_;    // of a call that has ended, for the input of the next: fresh memory costs more than the copy into it
};

}  // namespace grus
