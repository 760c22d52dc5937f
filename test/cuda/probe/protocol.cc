#include <algorithm>

#include "core/error.h"
#include "groups.h"

namespace probe {
namespace {

// The calls up to the one in question succeed here, or there is nothing to ask.
struct Step {
  Step(Context& context, const std::string& question, const Shape& shape = {}) : n(context, shape), usual(context, shape) {
    trying(question);
    Outcome last = usual.pass(true);
    if (last.good) last = n.pass(true);
    if (!last.good) throw Error(ErrorCode::device, question + ": " + last.text);
  }
  Json against_usual() const { return differences(n, usual, true); }
  Network n, usual;
};

void clear_dweights(Network& n) { n.write(DWEIGHTS, Floats(n.count(DWEIGHTS), 0)); }

void accumulation(Context& context) {
  const std::string question = "CUDNN_WGRAD_MODE_SET over gradients of 77";
  Step s(context, question);
  Outcome last = s.n.outcome("forward", s.n.forward(true));
  if (last.good) last = s.n.outcome("data", s.n.backward_data());
  s.n.write(DWEIGHTS, Floats(s.n.count(DWEIGHTS), 77));
  if (last.good) last = s.n.outcome("cudnnRNNBackwardWeights_v8", s.n.backward_weights(static_cast<cudnn::WgradMode>(1)));
  answer("8.8", question, {{"outcome", last.text}, {"apart from ADD onto zeros", s.against_usual()}});
}

void second_backward(Context& context) {
  const std::string question = "a second cudnnRNNBackwardData_v8 on one reserve";
  Step s(context, question);
  clear_dweights(s.n);
  Outcome last = s.n.outcome("cudnnRNNBackwardData_v8", s.n.backward_data());
  if (last.good) last = s.n.outcome("cudnnRNNBackwardWeights_v8", s.n.backward_weights());
  answer("8.8", question, {{"outcome", last.text}, {"apart from the first", s.against_usual()}});
}

void data_left_out(Context& context) {
  const std::string question = "cudnnRNNBackwardWeights_v8 without cudnnRNNBackwardData_v8";
  Step s(context, question);
  clear_dweights(s.n);
  Outcome last = s.n.outcome("cudnnRNNForward", s.n.forward(true));
  if (last.good) last = s.n.outcome("cudnnRNNBackwardWeights_v8", s.n.backward_weights());
  answer("8.8", question, {{"outcome", last.text}, {"apart from the usual order", apart(s.n.read(DWEIGHTS), s.usual.read(DWEIGHTS))}});
}

void second_weights(Context& context) {
  const std::string question = "a second cudnnRNNBackwardWeights_v8 after one cudnnRNNBackwardData_v8";
  Step s(context, question);
  clear_dweights(s.n);
  const Outcome last = s.n.outcome("cudnnRNNBackwardWeights_v8", s.n.backward_weights());
  answer("8.8", question, {{"outcome", last.text}, {"apart from the first", s.against_usual()}});
}

// SMALL_H forward, STANDARD backward on its reserve: other projects do so between their limits.
void mixed(Context& context) {
  const std::string question = "forward with SMALL_H, backward with STANDARD on its reserve";
  Shape small;
  small.algo = cudnn::RnnAlgo::persist_static_small_h;
  trying(question);
  Network first(context, small), second(context, Shape{}), usual(context, Shape{});
  if (!first.refused().good) return answer("8.9", question, first.refused().text);
  Outcome last = usual.pass(true);
  if (last.good) last = first.outcome("cudnnRNNForward", first.forward(true));
  if (!last.good) return answer("8.9", question, last.text);
  const size_t bytes = std::min(first.reserve_bytes, second.reserve_bytes);
  cudaMemcpyAsync(second.at(RESERVE), first.at(RESERVE), bytes, cudaMemcpyDeviceToDevice, context.stream());
  second.write(Y, first.read(Y));
  second.write(HY, first.read(HY));
  last = second.outcome("cudnnRNNBackwardData_v8", second.backward_data());
  if (last.good) last = second.outcome("cudnnRNNBackwardWeights_v8", second.backward_weights());
  answer("8.9", question, {{"outcome", last.text}, {"apart from STANDARD", differences(second, usual, true)},
                           {"bytes of reserve, SMALL_H", first.reserve_bytes}, {"bytes of reserve, STANDARD", second.reserve_bytes}});
}

// Each ends with the status of the call that is given something wrong; what it may have enqueued is waited for.
void ask(Context& context, const std::string& what, void (*spoil)(Network&), Status (*call)(Network&)) {
  trying(what);
  Network n(context, Shape{});
  const Outcome usual = n.pass(true);
  if (!usual.good) return answer("8.10", what, usual.text);
  spoil(n);
  const Outcome outcome = n.outcome("call", call(n));
  answer("8.10", what, outcome.text);
}

Status forward(Network& n) { return n.forward(true); }
Status data(Network& n) { return n.backward_data(); }

Status forward_and_data(Network& n) {
  const Status status = n.forward(true);
  return status == Status::success ? n.backward_data() : status;
}

// x is described with something that y is not.
void redescribe(Context& context, const std::string& what, void (*change)(Shape&), int fewer = 0) {
  trying(what);
  Network n(context, Shape{});
  if (!n.refused().good) return answer("8.10", what, n.refused().text);
  Shape other;
  change(other);
  Status status = n.describe_data(n.x_data(), other, other.inputs - fewer);
  if (status == Status::success) status = n.forward(true);
  answer("8.10", what, n.outcome("call", status).text);
}

}  // namespace

void order_of_calls(Context& context) {
  accumulation(context);
  second_weights(context);
  second_backward(context);
  data_left_out(context);
  mixed(context);
}

void refusals(Context& context) {
  ask(context, "workspace 1 byte too small, forward", [](Network& n) { --n.workspace_bytes; }, forward);
  ask(context, "workspace of 0 bytes, forward", [](Network& n) { n.workspace_bytes = 0; }, forward);
  ask(context, "workspace of 0 bytes, backward", [](Network& n) { n.workspace_bytes = 0; }, data);
  ask(context, "reserve 1 byte too small, forward", [](Network& n) { --n.reserve_bytes; }, forward);
  ask(context, "reserve of 0 bytes, backward", [](Network& n) { n.reserve_bytes = 0; }, data);
  ask(context, "weight space 1 byte too small, forward", [](Network& n) { --n.weight_bytes; }, forward);
  ask(context, "x is null", [](Network& n) { n.absent[X] = true; }, forward);
  ask(context, "dy is null", [](Network& n) { n.absent[DY] = true; }, data);
  ask(context, "dx is null", [](Network& n) { n.absent[DX] = true; }, data);
  ask(context, "hx, hy, dhy, dhx are null", [](Network& n) { for (const Array array : {HX, HY, DHY, DHX}) n.absent[array] = true; },
      forward_and_data);
  redescribe(context, "x has fewer steps than y", [](Shape& s) { --s.steps; });
  redescribe(context, "x has fewer rows than y", [](Shape& s) { --s.batch; });
  redescribe(context, "x is float16, y float32", [](Shape& s) { s.kind = kFloat16; });
  redescribe(context, "x has other lengths than y", [](Shape& s) { s.lengths = {8, 8, 8, 7}; });
  redescribe(context, "x is narrower than the input size", [](Shape&) {}, 1);
  Shape plain;
  plain.flags = 0;
  for (const char* rows : {"full", "ragged"}) {
    const std::string what = std::string("unpacked layout without CUDNN_RNN_PADDED_IO_ENABLED, rows are ") + rows;
    trying(what);
    answer("8.10", what, Network(context, plain).pass(true).text);
    plain.lengths = {8, 3, 5, 1};
  }
}

}  // namespace probe
