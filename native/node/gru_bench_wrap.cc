#include "gru_bench_wrap.h"

#include "../make_backend.h"
#include "arrays.h"
#include "description_from_js.h"
#include "reader.h"
#include "wrapped.h"

namespace grus {

const napi_type_tag GruBenchWrap::kTag = {0x6772757362656e63ULL, 0x91d5c02a7be3f418ULL};
const char* const GruBenchWrap::kName = "GruBench";

Napi::Value GruBenchWrap::define(Napi::Env env) {
  using G = GruBenchWrap;
  return define_class<G>(env, {
                                  getter<G, &G::device>("device"),
                                  getter<G, &G::engine>("engine"),
                                  method<G, &G::prepare>("prepare"),
                                  method<G, &G::run>("run"),
                                  method<G, &G::product>("product"),
                                  method<G, &G::read>("read"),
                                  method<G, &G::release>("release"),
                                  method<G, &G::memory>("memory"),
                                  method<G, &G::dispose>("dispose"),
                              });
}

GruBenchWrap::GruBenchWrap(const Napi::CallbackInfo& info)
    : EngineWrap(info.Env(), "gru bench",
                 std::make_shared<GruBench>(read_gru(info[0], "GruBench.options"),
                                            make_backend(read_engine_options(info[1], "GruBench.options")))) {}

Napi::Value GruBenchWrap::prepare(const Napi::CallbackInfo& info) {
  const Reader reader(info[0], "prepare");
  const int64_t batch = reader.integer("batch", 1, INT32_MAX), steps = reader.integer("steps", 1, INT32_MAX);
  const bool training = reader.boolean("training");
  GruBench& bench = live("prepare");
  return submit(info, [&bench, batch, steps, training] { bench.prepare(batch, steps, training); },
                [](Napi::Env env) { return env.Undefined(); });
}

Napi::Value GruBenchWrap::run(const Napi::CallbackInfo& info) {
  const int64_t passes = read_size(info[0], "run", "passes");
  GruBench& bench = live("run");
  auto times = std::make_shared<GruBench::Times>();
  return submit(info, [&bench, times, passes] { *times = bench.run(passes); },
                [times](Napi::Env env) {
                  const Napi::Object result = Napi::Object::New(env);
                  result.Set("ms", times->all);
                  result.Set("enqueueMs", times->enqueuing);
                  return result;
                });
}

Napi::Value GruBenchWrap::product(const Napi::CallbackInfo& info) {
  const int64_t size = read_size(info[0], "product", "size"), passes = read_size(info[1], "product", "passes");
  GruBench& bench = live("product");
  auto ms = std::make_shared<double>();
  return submit(info, [&bench, ms, size, passes] { *ms = bench.product(size, passes); },
                [ms](Napi::Env env) { return Napi::Number::New(env, *ms); });
}

Napi::Value GruBenchWrap::read(const Napi::CallbackInfo& info) {
  const int64_t most = read_size(info[0], "read", "most");
  GruBench& bench = live("read");
  auto values = std::make_shared<GruBench::Values>();
  return submit(info, [&bench, values, most] { bench.read(most, *values); },
                [values](Napi::Env env) {
                  const Napi::Object result = Napi::Object::New(env);
                  result.Set("x", to_js(env, values->x));
                  result.Set("weights", to_js(env, values->weights));
                  result.Set("dy", to_js(env, values->dy));
                  result.Set("y", to_js(env, values->y));
                  result.Set("hy", to_js(env, values->hy));
                  result.Set("dx", to_js(env, values->dx));
                  result.Set("gradients", to_js(env, values->gradients));
                  return result;
                });
}

Napi::Value GruBenchWrap::release(const Napi::CallbackInfo& info) {
  GruBench& bench = live("release");
  return submit(info, [&bench] { bench.release(); }, [](Napi::Env env) { return env.Undefined(); });
}

}  // namespace grus
