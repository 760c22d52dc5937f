#include "session_wrap.h"

#include <cmath>

#include "../make_backend.h"
#include "description_from_js.h"
#include "reader.h"

namespace grus {
namespace {

std::shared_ptr<Session> make_session(const Napi::CallbackInfo& info) {
  const ModelDescription model = read_model(info[0], "Session.model");
  const EngineOptions options = read_engine_options(info[1], "Session.options");
  return std::make_shared<Session>(model, make_backend(options));
}

std::function<Napi::Value(Napi::Env)> nothing() {
  return [](Napi::Env env) { return env.Undefined(); };
}

float read_learning_rate(const Napi::Value& value, const char* where) {
  if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) {
    throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] learningRate must be a finite number, got " + describe(value));
  }
  return value.As<Napi::Number>().FloatValue();
}

bool read_flag(const Napi::Value& value, const char* where, const char* what) {
  if (!value.IsBoolean()) {
    throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] " + what + " must be true or false, got " + describe(value));
  }
  return value.As<Napi::Boolean>();
}

std::vector<float> copy_floats(const Napi::Value& value, const char* where, const char* what) {
  const ArrayView<float> view = read_floats(value, where, what, true);
  return std::vector<float>(view.data, view.data + view.count);
}

}  // namespace

SessionWrap::SessionWrap(const Napi::CallbackInfo& info) : SessionWrap(info, make_session(info)) {}

SessionWrap::SessionWrap(const Napi::CallbackInfo& info, std::shared_ptr<Session> session)
    : EngineWrap(info.Env(), "session", session), output_size_(session->output_size()),
      output_is_sequence_(session->output_is_sequence()) {}

Napi::Value SessionWrap::output_size(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), output_size_); }
Napi::Value SessionWrap::output_is_sequence(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), output_is_sequence_); }
Napi::Value SessionWrap::parameters(const Napi::CallbackInfo& info) { return parameters_to_js(info.Env(), live("parameters").table()); }

Napi::Value SessionWrap::memory(const Napi::CallbackInfo& info) {
  const Napi::Object result = memory_to_js(info);
  const GraphCounters* counted = counters().graphs.get();
  if (!counted) return result;
  const Napi::Object graphs = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, const std::atomic<int64_t>& value) { graphs.Set(name, static_cast<double>(value.load())); };
  set("captures", counted->captures);
  set("replays", counted->replays);
  set("eager", counted->eager);
  set("refusals", counted->refusals);
  set("nodes", counted->nodes);
  set("bytes", counted->bytes);
  if (const std::string reason = counted->last_refusal(); !reason.empty()) graphs.Set("lastRefusal", reason);
  result.Set("graphs", graphs);
  return result;
}

Napi::Value SessionWrap::submit_batch(const Napi::CallbackInfo& info, const char* where, Work work, bool with_output) {
  const HostBatch batch = read_batch(info[0], where);
  Session& session = live(where);   // after the last code of the caller's that could dispose it
  session.check_sizes(batch, where);
  std::shared_ptr<StagedBatch> slot = pool_->take();
  slot->copy(batch);
  return submit(info, [&session, slot, work = std::move(work)] { work(session, *slot); },
                [slot, with_output](Napi::Env env) -> Napi::Value {
                  if (!with_output) return env.Undefined();
                  return to_js(env, slot->output);
                });
}

Napi::Value SessionWrap::train_step(const Napi::CallbackInfo& info) {
  const float rate = read_learning_rate(info[1], "trainStep");
  return submit_batch(info, "trainStep", [rate](Session& session, StagedBatch& slot) { session.train_step(slot.batch(), rate); }, false);
}

Napi::Value SessionWrap::evaluate_step(const Napi::CallbackInfo& info) {
  return submit_batch(info, "evaluateStep", [](Session& session, StagedBatch& slot) { session.evaluate_step(slot.batch()); }, false);
}

Napi::Value SessionWrap::predict(const Napi::CallbackInfo& info) {
  return submit_batch(info, "predict", [](Session& session, StagedBatch& slot) { session.predict(slot.batch(), slot.output); }, true);
}

void SessionWrap::predict_sync(napi_env env, const napi_value* arguments) {
  const char* where = "predictSync";
  const auto argument = [&](int i) { return Napi::Value(env, arguments[i]); };
  HostBatch batch;
  batch.batch = read_size(argument(0), where, "batch");
  batch.steps = read_size(argument(1), where, "steps");
  read_x(argument(2), where, batch);
  const auto mask = read_bytes(argument(3), where, "mask");
  batch.mask = mask.data, batch.mask_count = mask.count;
  Session& session = claim(where);
  session.check_sizes(batch, where);
  session.predict(batch, read_room(argument(4), session.output_count(batch), where, "y"));
  report_memory(env);
}

Napi::Value SessionWrap::forward(const Napi::CallbackInfo& info) {
  const bool training = read_flag(info[1], "forward", "training");
  return submit_batch(info, "forward",
                      [training](Session& session, StagedBatch& slot) { session.forward(slot.batch(), training, slot.output); }, true);
}

Napi::Value SessionWrap::backward(const Napi::CallbackInfo& info) {
  Session& session = live("backward");
  struct Call {
    std::vector<float> dy, dx;
    bool has_dx = false;
  };
  auto call = std::make_shared<Call>();
  call->dy = copy_floats(info[0], "backward", "dy");
  return submit(info, [&session, call] { call->has_dx = session.backward(call->dy.data(), call->dy.size(), call->dx); },
                [call](Napi::Env env) -> Napi::Value {
                  if (!call->has_dx) return env.Null();
                  return to_js(env, call->dx);
                });
}

Napi::Value SessionWrap::read_parameters(const Napi::CallbackInfo& info) {
  Session& session = live("readParameters");
  auto values = std::make_shared<std::vector<float>>();
  return submit(info, [&session, values] { *values = session.read_parameters(); }, [values](Napi::Env env) { return to_js(env, *values); });
}

Napi::Value SessionWrap::write_parameters(const Napi::CallbackInfo& info) {
  Session& session = live("writeParameters");
  auto values = std::make_shared<std::vector<float>>(copy_floats(info[0], "writeParameters", "values"));
  return submit(info, [&session, values] { session.write_parameters(values->data(), values->size()); }, nothing(), JobKind::transfer);
}

Napi::Value SessionWrap::configure(const Napi::CallbackInfo& info) {
  auto training = std::make_shared<TrainingDescription>(read_training(info[0], "configure"));
  Session& session = live("configure");
  return submit(info, [&session, training] { session.configure(*training); }, nothing());
}

Napi::Value SessionWrap::statistics(const Napi::CallbackInfo& info) {
  Session& session = live("statistics");
  const bool reset = read_flag(info[0], "statistics", "reset");
  auto values = std::make_shared<std::vector<double>>();
  return submit(info, [&session, values, reset] { *values = session.statistics(reset); }, [values](Napi::Env env) {
    Napi::Float64Array array = Napi::Float64Array::New(env, values->size());
    if (!values->empty()) std::memcpy(array.Data(), values->data(), values->size() * sizeof(double));
    return array;
  });
}

Napi::Value SessionWrap::read_gradients(const Napi::CallbackInfo& info) {
  Session& session = live("readGradients");
  auto values = std::make_shared<std::vector<float>>();
  return submit(info, [&session, values] { *values = session.read_gradients(); }, [values](Napi::Env env) { return to_js(env, *values); });
}

Napi::Value SessionWrap::update(const Napi::CallbackInfo& info) {
  Session& session = live("update");
  const float rate = read_learning_rate(info[0], "update");
  return submit(info, [&session, rate] { session.update(rate); }, nothing());
}

Napi::Value SessionWrap::read_optimizer(const Napi::CallbackInfo& info) {
  Session& session = live("readOptimizer");
  auto state = std::make_shared<Session::OptimizerState>();
  return submit(info, [&session, state] { *state = session.read_optimizer(); }, [state](Napi::Env env) {
    const Napi::Object result = Napi::Object::New(env);
    result.Set("step", static_cast<double>(state->step));
    result.Set("trainSteps", static_cast<double>(state->train_steps));
    result.Set("lossScale", static_cast<double>(state->loss_scale.scale));
    result.Set("lossScaleStreak", static_cast<double>(state->loss_scale.streak));
    result.Set("values", to_js(env, state->values));
    return result;
  });
}

Napi::Value SessionWrap::write_optimizer(const Napi::CallbackInfo& info) {
  const Reader reader(info[0], "writeOptimizer");
  auto state = std::make_shared<Session::OptimizerState>();
  constexpr int64_t highest = (int64_t{1} << 53) - 1;
  state->step = static_cast<uint64_t>(reader.integer("step", 0, highest));
  state->train_steps = static_cast<uint64_t>(reader.integer("trainSteps", 0, highest));
  state->loss_scale.scale = reader.real("lossScale");
  if (!(state->loss_scale.scale > 0)) reader.refuse("lossScale", "a positive number", std::to_string(state->loss_scale.scale));
  state->loss_scale.streak = static_cast<uint32_t>(reader.integer("lossScaleStreak", 0, UINT32_MAX));
  state->values = copy_floats(reader.get("values"), "writeOptimizer", "values");
  Session& session = live("writeOptimizer");
  return submit(info, [&session, state] { session.write_optimizer(*state); }, nothing());
}

Napi::Value SessionWrap::skipped_updates(const Napi::CallbackInfo& info) {
  Session& session = live("skippedUpdates");
  auto skipped = std::make_shared<uint64_t>(0);
  return submit(info, [&session, skipped] { *skipped = session.skipped_updates(); }, [skipped](Napi::Env env) -> Napi::Value {
    return Napi::Number::New(env, static_cast<double>(*skipped));
  });
}

Napi::Value SessionWrap::read_states(const Napi::CallbackInfo& info) {
  Session& session = live("readStates");
  auto states = std::make_shared<std::vector<std::vector<float>>>();
  return submit(info, [&session, states] { *states = session.read_states(); }, [states](Napi::Env env) {
    const Napi::Array result = Napi::Array::New(env, states->size());
    for (uint32_t i = 0; i < states->size(); ++i) result.Set(i, to_js(env, (*states)[i]));
    return result;
  });
}

Napi::Value SessionWrap::write_states(const Napi::CallbackInfo& info) {
  const Napi::Value list = info[0], batch = info[1];
  if (!list.IsArray()) {
    throw Error(ErrorCode::invalid_argument, "[writeStates] states must be an array of Float32Array, got " + describe(list));
  }
  auto states = std::make_shared<std::vector<std::vector<float>>>();
  const Napi::Array array = list.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) states->push_back(copy_floats(array.Get(i), "writeStates", "every state"));
  const double rows = batch.IsNumber() ? batch.As<Napi::Number>().DoubleValue() : NAN;
  if (!states->empty() && (!(rows == std::floor(rows)) || rows < 1 || rows > INT32_MAX)) {
    throw Error(ErrorCode::invalid_argument, "[writeStates] batch must be a positive integer, got " + describe(batch));
  }
  const int count = states->empty() ? 0 : static_cast<int>(rows);
  Session& session = live("writeStates");
  return submit(info, [&session, states, count] { session.write_states(*states, count); }, nothing(), JobKind::transfer);
}

}  // namespace grus
