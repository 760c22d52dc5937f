// What is said of a refusal: about half of the 3000s come without a word, each the same way every time; a 2000 names its condition.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

// the words for refusals of many kinds
std::vector<std::string> refusals() {
  std::vector<std::string> all;
  const auto ask = [&](const Options& o) {
    Gru gru(o);
    size_t bytes = 0;
    if (gru.set != Status::success) {
      api().SetRNNDescriptor_v8(gru.rnn, o.algo, RnnMode::gru, o.bias, o.direction, RnnInputMode::linear, o.type, o.math_prec, o.math, 4, 3,
                                3, 1, nullptr, o.flags);
    } else {
      CHECK(category_of(api().GetRNNTempSpaceSizes(gru.handle, gru.rnn, ForwardMode::training, gru.x_desc, &bytes, &bytes)) == 3);
    }
    all.push_back(last_error());
  };
  Options usual;
  usual.type = usual.math_prec = DataType::float32;
  Options o = usual;
  o.algo = RnnAlgo::persist_static, o.hidden = 600;
  ask(o);
  o.algo = RnnAlgo::persist_static_small_h;
  ask(o);
  o = usual;
  o.algo = RnnAlgo::persist_static, o.lengths = {5, 2, 1};
  ask(o);
  o.algo = RnnAlgo::standard, o.flags = 0;
  ask(o);
  o = usual;
  o.algo = RnnAlgo::persist_static, o.bias = RnnBiasMode::none;
  ask(o);
  o = usual;
  o.algo = RnnAlgo::persist_static, o.type = DataType::bfloat16;
  ask(o);
  o = usual;
  o.math_prec = DataType::float16;
  ask(o);
  const Knob refused("CUDNN_ALGOS", "0");
  ask(usual);
  return all;
}

}   // namespace

int main() {
  const auto empty = [](const std::vector<std::string>& all) { return std::count(all.begin(), all.end(), std::string()); };
  const auto first = refusals();
  const auto silent = empty(first);
  CHECK(silent >= 2 && silent <= static_cast<int>(first.size()) - 2);
  CHECK(refusals() == first);
  {
    const Knob seed("CUDNN_SEED", "2");
    CHECK(refusals() != first);
  }
  {
    const Knob words("CUDNN_WORDS", "all");
    CHECK(empty(refusals()) == 0);
  }
  for (int i = 0; i < 20; ++i) {
    CHECK(category_of(api().CreateRNNDescriptor(nullptr)) == 2);
    CHECK(last_error().find("rnnDesc == NULL") != std::string::npos);
  }
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
