#pragma once
#include "../session.h"
#include "arrays.h"
#include "engine_wrap.h"

namespace grus {

// NativeSession of lib/native.ts.
class SessionWrap : public EngineWrap<Session> {
 public:
  static const napi_type_tag kTag;
  static const char* const kName;
  static Napi::Value define(Napi::Env env);
  explicit SessionWrap(const Napi::CallbackInfo& info);

 private:
  using Work = std::function<void(Session&, StagedBatch&)>;
  Napi::Value output_size(const Napi::CallbackInfo& info);
  Napi::Value output_is_sequence(const Napi::CallbackInfo& info);
  Napi::Value parameters(const Napi::CallbackInfo& info);
  Napi::Value read_parameters(const Napi::CallbackInfo& info);
  Napi::Value write_parameters(const Napi::CallbackInfo& info);
  Napi::Value configure(const Napi::CallbackInfo& info);
  Napi::Value train_step(const Napi::CallbackInfo& info);
  Napi::Value evaluate_step(const Napi::CallbackInfo& info);
  Napi::Value statistics(const Napi::CallbackInfo& info);
  Napi::Value predict(const Napi::CallbackInfo& info);
  void predict_sync(napi_env env, const napi_value* arguments);
  Napi::Value forward(const Napi::CallbackInfo& info);
  Napi::Value backward(const Napi::CallbackInfo& info);
  Napi::Value read_gradients(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value read_optimizer(const Napi::CallbackInfo& info);
  Napi::Value write_optimizer(const Napi::CallbackInfo& info);
  Napi::Value skipped_updates(const Napi::CallbackInfo& info);
  Napi::Value read_states(const Napi::CallbackInfo& info);
  Napi::Value write_states(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);

  int64_t staging_bytes() const override { return static_cast<int64_t>(pool_->bytes()); }
  // Checks and copies the batch, then queues work on it; with_output: the promise is of the slot's output.
  Napi::Value submit_batch(const Napi::CallbackInfo& info, const char* where, Work work, bool with_output);

  const int output_size_;
  const bool output_is_sequence_;
  const std::shared_ptr<StagingPool> pool_ = std::make_shared<StagingPool>();

  explicit SessionWrap(const Napi::CallbackInfo& info, std::shared_ptr<Session> session);
};

}  // namespace grus
