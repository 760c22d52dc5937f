#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "../plan_memory.h"
#include "../plan_parameters.h"
#include "executor.h"

namespace grus {

// What Session and Gru have in common in JavaScript: an executor that owns the engine, what is known of it for good, disposal, and V8's
// knowledge of the memory it holds. Engine: Session or GruSession.
template <class Engine>
class EngineWrap {
 public:
  void finalize(Napi::Env env) {
    executor_->dispose();
    report_memory(env, 0);
  }

 protected:
  EngineWrap(Napi::Env env, const char* name, std::shared_ptr<Engine> engine)
      : engine_(engine.get()), counters_(engine->memory()), device_(engine->device()), engine_name_(engine->engine()),
        executor_(std::make_shared<Executor>(env, name, std::move(engine), device_ != "cpu")) {
    report_memory(env);
  }

  // The engine, for its `fixed` members on the JavaScript thread, and for work on the executor.
  Engine& live(const char* where) const {
    if (executor_->disposed()) {
      const Failure failure = disposed_failure(where);
      throw Error(failure.code, failure.message);
    }
    return *engine_;
  }

  // The engine for work on the JavaScript thread, until that returns to its loop.
  Engine& claim(const char* where) const {
    Engine& engine = live(where);
    executor_->claim(where);
    return engine;
  }

  Napi::Promise submit(const Napi::CallbackInfo& info, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result,
                       JobKind kind = JobKind::work) {
    const auto settled = [this, result = std::move(result)](Napi::Env env) {
      report_memory(env);
      return result(env);
    };
    return executor_->submit(info.This().As<Napi::Object>(), std::move(work), settled, kind);
  }

  // What a job on a GPU calls before it writes to memory of JavaScript's; empty: it need not.
  std::function<void()> before_writing() const {
    if (device_ == "cpu") return nullptr;
    return [executor = executor_.get()] { executor->begin_writing(); };   // whose thread keeps it alive
  }

  const MemoryCounters& counters() const { return *counters_; }

  // Memory of a device is not V8's concern; what lies on the host makes it collect objects that nobody disposed.
  void report_memory(Napi::Env env) { report_memory(env, device_ == "cpu" ? counters_->bytes.load() + staging_bytes() : staging_bytes()); }
  virtual int64_t staging_bytes() const { return 0; }

  Napi::Value device(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), device_); }
  Napi::Value engine(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), engine_name_); }
  Napi::Object memory_to_js(const Napi::CallbackInfo& info) const {
    const Napi::Object result = Napi::Object::New(info.Env());
    result.Set("allocations", static_cast<double>(counters_->allocations.load()));
    result.Set("bytes", static_cast<double>(counters_->bytes.load()));
    return result;
  }
  Napi::Value memory(const Napi::CallbackInfo& info) { return memory_to_js(info); }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    executor_->dispose();
    report_memory(info.Env(), 0);
    return info.Env().Undefined();
  }
  virtual ~EngineWrap() = default;

 private:
  void report_memory(Napi::Env env, int64_t held) {
    if (held == reported_) return;
    int64_t total = 0;
    napi_adjust_external_memory(env, held - reported_, &total);
    reported_ = held;
  }

  Engine* const engine_;
  const std::shared_ptr<MemoryCounters> counters_;
  const std::string device_, engine_name_;
  const std::shared_ptr<Executor> executor_;
  int64_t reported_ = 0;
};

}  // namespace grus
