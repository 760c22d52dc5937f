#include "session_wrap.h"
#include "wrapped.h"

namespace grus {

const napi_type_tag SessionWrap::kTag = {0x6772757353657373ULL, 0x9d1f27c4b0a84e63ULL};
const char* const SessionWrap::kName = "Session";

Napi::Value SessionWrap::define(Napi::Env env) {
  using S = SessionWrap;
  return define_class<S>(env, {
                                  getter<S, &S::device>("device"),
                                  getter<S, &S::engine>("engine"),
                                  getter<S, &S::output_size>("outputSize"),
                                  getter<S, &S::output_is_sequence>("outputIsSequence"),
                                  method<S, &S::parameters>("parameters"),
                                  method<S, &S::read_parameters>("readParameters"),
                                  method<S, &S::write_parameters>("writeParameters"),
                                  method<S, &S::configure>("configure"),
                                  method<S, &S::train_step>("trainStep"),
                                  method<S, &S::evaluate_step>("evaluateStep"),
                                  method<S, &S::statistics>("statistics"),
                                  method<S, &S::predict>("predict"),
                                  plain_method<S, &S::predict_sync>("predictSync"),
                                  method<S, &S::forward>("forward"),
                                  method<S, &S::backward>("backward"),
                                  method<S, &S::read_gradients>("readGradients"),
                                  method<S, &S::update>("update"),
                                  method<S, &S::read_optimizer>("readOptimizer"),
                                  method<S, &S::write_optimizer>("writeOptimizer"),
                                  method<S, &S::skipped_updates>("skippedUpdates"),
                                  method<S, &S::read_states>("readStates"),
                                  method<S, &S::write_states>("writeStates"),
                                  method<S, &S::memory>("memory"),
                                  method<S, &S::dispose>("dispose"),
                              });
}

}  // namespace grus
