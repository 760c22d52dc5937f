#include <cstdlib>

#include "groups.h"

namespace probe {
namespace {

Shape sizable(const Kind& kind) {
  Shape shape;
  shape.kind = kind, shape.layers = 2, shape.directions = 2;
  if (full_sizes()) shape.inputs = 128, shape.hidden = 256, shape.batch = 64, shape.steps = 100;
  return shape;
}

Json hex(uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

void again_and_again(Context& context, const Kind& kind) {
  const std::string question = std::string("the same bits from run to run, L 2 D 2, ") + kind.name;
  trying(question);
  Network n(context, sizable(kind));
  Outcome last = n.pass(true);
  if (!last.good) return answer("8.12", question, last.text);
  const uint64_t first = fingerprint(n, true);
  int others = 0;
  for (int run = 0; run < 10; ++run) {
    last = n.pass(true);
    others += !last.good || fingerprint(n, true) != first;
  }
  answer("8.12", question, {{"runs that differ, of 10", others}, {"fingerprint", hex(first)}});
}

void two_streams(Context& context, const Kind& kind) {
  const std::string question = std::string("the same bits on two streams at once, ") + kind.name;
  trying(question);
  Context second(EngineOptions{});
  Network a(context, sizable(kind)), b(second, sizable(kind));
  const Outcome usual = a.pass(true);
  if (!usual.good) return answer("8.12", question, usual.text);
  const uint64_t expected = fingerprint(a, true);
  int others = 0;
  for (int run = 0; run < 10; ++run) {
    bool good = a.forward(true) == Status::success && b.forward(true) == Status::success;
    for (Network* n : {&a, &b}) cudaMemsetAsync(n->at(DWEIGHTS), 0, n->weight_bytes, n->context().stream());
    good &= a.backward_data() == Status::success && b.backward_data() == Status::success;
    good &= a.backward_weights() == Status::success && b.backward_weights() == Status::success;
    others += !good || fingerprint(a, true) != expected;
    others += !good || fingerprint(b, true) != expected;
  }
  answer("8.12", question, {{"streams are two", context.stream() != second.stream()}, {"results that differ, of 20", others}});
}

}  // namespace

void repeats(Context& context) {
  const char* setting = std::getenv("CUBLAS_WORKSPACE_CONFIG");
  answer("8.12", "CUBLAS_WORKSPACE_CONFIG here (compare the fingerprints of two runs of this group)", setting ? setting : "not set");
  for (const Kind& kind : {kFloat32, kTf32, kFloat16, kBfloat16}) again_and_again(context, kind);
  for (const Kind& kind : {kFloat32, kFloat16}) two_streams(context, kind);
}

}  // namespace probe
