#include "gru_wrap.h"

#include <functional>

#include "arrays.h"
#include "../make_backend.h"
#include "description_from_js.h"
#include "reader.h"
#include "wrapped.h"

namespace grus {
namespace {

std::shared_ptr<GruSession> make_session(const Napi::CallbackInfo& info) {
  const GruDescription gru = read_gru(info[0], "Gru.options");
  const EngineOptions options = read_engine_options(info[1], "Gru.options");
  return std::make_shared<GruSession>(gru, make_backend(options));
}

constexpr size_t kMostSpare = size_t{1} << 20;   // numbers that are kept for the next call

template <class T>
std::vector<T> copy(const ArrayView<T>& view) {
  return view.data ? std::vector<T>(view.data, view.data + view.count) : std::vector<T>();
}

// An array that the executor writes to: nobody else sees it before the promise settles.
struct Result {
  Napi::Reference<Napi::Float32Array> array;
  float* data = nullptr;
  Result() = default;
  Result(Napi::Env env, size_t count) {
    Napi::Float32Array made = count < kLarge ? Napi::Float32Array::New(env, count) : large(env, count);
    array = Napi::Persistent(made);
    data = made.Data();
  }

 private:
  static constexpr size_t kLarge = size_t{1} << 24;
  // Node-API ends the process where there is no memory; the constructor throws.
  static Napi::Float32Array large(Napi::Env env, size_t count) {
    try {
      const Napi::Function constructor = env.Global().Get("Float32Array").As<Napi::Function>();
      return constructor.New({Napi::Number::New(env, static_cast<double>(count))}).As<Napi::Float32Array>();
    } catch (const Napi::Error& error) {
      throw Error(ErrorCode::out_of_memory, "[forward] expected room for a result of " + std::to_string(count) + " numbers: " + error.Message());
    }
  }
};

}  // namespace

const napi_type_tag GruWrap::kTag = {0x6772757347727500ULL, 0x4b7ae2915cd3f806ULL};
const char* const GruWrap::kName = "Gru";

Napi::Value GruWrap::define(Napi::Env env) {
  using G = GruWrap;
  return define_class<G>(env, {
                                  getter<G, &G::device>("device"),
                                  getter<G, &G::engine>("engine"),
                                  method<G, &G::parameters>("parameters"),
                                  method<G, &G::write_parameters>("writeParameters"),
                                  method<G, &G::forward>("forward"),
                                  plain_method<G, &G::forward_sync>("forwardSync"),
                                  method<G, &G::backward>("backward"),
                                  method<G, &G::memory>("memory"),
                                  method<G, &G::dispose>("dispose"),
                              });
}

GruWrap::GruWrap(const Napi::CallbackInfo& info) : EngineWrap(info.Env(), "gru", make_session(info)) {}

Napi::Value GruWrap::parameters(const Napi::CallbackInfo& info) { return parameters_to_js(info.Env(), live("parameters").table()); }

Napi::Value GruWrap::write_parameters(const Napi::CallbackInfo& info) {
  GruSession& session = live("writeParameters");
  auto values = std::make_shared<std::vector<float>>(copy(read_floats(info[0], "writeParameters", "values", true)));
  return submit(info, [&session, values] { session.write_parameters(values->data(), values->size()); },
                [](Napi::Env env) { return env.Undefined(); }, JobKind::transfer);
}

Napi::Value GruWrap::forward(const Napi::CallbackInfo& info) {
  const Reader reader(info[0], "forward");
  struct Call {
    GruCall call;
    std::vector<float> x, hx;
    std::vector<uint8_t> mask;
    Result y, hy;
  };
  auto held = std::make_shared<Call>();
  GruCall& call = held->call;
  call.batch = reader.integer("batch", 1, INT32_MAX);
  call.steps = reader.integer("steps", 1, INT32_MAX);
  call.time_major = reader.boolean("timeMajor");
  call.training = reader.boolean("training");
  // Every field before any pointer, and both before the session: a getter may detach an array or dispose this object.
  const Napi::Value x_field = reader.get("x"), hx_field = reader.get("hx"), mask_field = reader.get("mask");
  const auto x = read_floats(x_field, "forward", "x", true);
  const auto hx = read_floats(hx_field, "forward", "hx", false);
  const auto mask = read_bytes(mask_field, "forward", "mask");
  GruSession& session = live("forward");
  call.x = x.data, call.x_count = x.count;
  call.hx = hx.data, call.hx_count = hx.count;
  call.mask = mask.data, call.mask_count = mask.count;
  session.check_sizes(call);
  held->x = std::move(spare_);
  held->x.assign(x.data, x.data + x.count);
  held->hx = copy(hx);
  held->mask = copy(mask);
  call.apart = true;
  call.before_writing = before_writing();
  call.x = held->x.data();
  call.hx = hx.data ? held->hx.data() : nullptr;
  call.mask = mask.data ? held->mask.data() : nullptr;
  held->y = Result(info.Env(), session.output_count(call));
  held->hy = Result(info.Env(), session.state_count(call.batch));
  return submit(info, [&session, held] { session.forward(held->call, held->y.data, held->hy.data); },
                [this, held](Napi::Env env) {   // the job keeps this object alive
                  if (held->x.size() <= kMostSpare) spare_ = std::move(held->x);
                  const Napi::Object result = Napi::Object::New(env);
                  result.Set("y", held->y.array.Value());
                  result.Set("hy", held->hy.array.Value());
                  return result;
                });
}

void GruWrap::forward_sync(napi_env env, const napi_value* arguments) {
  const char* where = "forwardSync";
  const auto argument = [&](int i) { return Napi::Value(env, arguments[i]); };
  const Napi::Value time_major = argument(2);
  if (!time_major.IsBoolean()) {
    throw Error(ErrorCode::invalid_argument, "[forwardSync] timeMajor must be true or false, got " + describe(time_major));
  }
  GruCall call;
  call.batch = read_size(argument(0), where, "batch");
  call.steps = read_size(argument(1), where, "steps");
  call.time_major = time_major.As<Napi::Boolean>();
  const auto x = read_floats(argument(3), where, "x", true);
  const auto hx = read_floats(argument(4), where, "hx", false);
  const auto mask = read_bytes(argument(5), where, "mask");
  call.x = x.data, call.x_count = x.count;
  call.hx = hx.data, call.hx_count = hx.count;
  call.mask = mask.data, call.mask_count = mask.count;
  GruSession& session = claim(where);
  session.check_sizes(call);
  const size_t y_count = session.output_count(call), hy_count = session.state_count(call.batch);
  float* y = read_room(argument(6), y_count, where, "y");
  float* hy = read_room(argument(7), hy_count, where, "hy");
  if (std::less<float*>()(y, hy + hy_count) && std::less<float*>()(hy, y + y_count)) {
    throw Error(ErrorCode::invalid_argument, "[forwardSync] y and hy must not share memory");
  }
  session.forward(call, y, hy);
  report_memory(env);
}

Napi::Value GruWrap::backward(const Napi::CallbackInfo& info) {
  const Reader reader(info[0], "backward");
  struct Call {
    std::vector<float> dy, dhy;
    bool has_dy = false, has_dhy = false;
    GruSession::Gradients gradients;
  };
  auto call = std::make_shared<Call>();
  const Napi::Value dy_field = reader.get("dy"), dhy_field = reader.get("dhy");
  const auto dy = read_floats(dy_field, "backward", "dy", false);
  const auto dhy = read_floats(dhy_field, "backward", "dhy", false);
  GruSession& session = live("backward");
  call->has_dy = dy.data != nullptr;
  call->has_dhy = dhy.data != nullptr;
  call->dy = copy(dy);
  call->dhy = copy(dhy);
  call->dy.reserve(1);    // given but empty is not the same as not given
  call->dhy.reserve(1);
  return submit(info,
                [&session, call] {
                  session.backward(call->has_dy ? call->dy.data() : nullptr, call->dy.size(), call->has_dhy ? call->dhy.data() : nullptr,
                                   call->dhy.size(), call->gradients);
                },
                [call](Napi::Env env) {
                  const Napi::Object result = Napi::Object::New(env);
                  result.Set("dx", to_js(env, call->gradients.dx));
                  result.Set("dhx", to_js(env, call->gradients.dhx));
                  result.Set("gradients", to_js(env, call->gradients.parameters));
                  return result;
                });
}

}  // namespace grus
