#include "groups.h"

namespace probe {

// Last: what is misaligned may fault, and end this process' GPU.
void alignment(Context& context) {
  constexpr std::pair<Array, const char*> kArrays[] = {{DY, "dy"}, {Y, "y"}, {X, "x"}, {HX, "hx"}, {DX, "dx"},
                                                       {WEIGHTS, "weights"}, {DWEIGHTS, "dweights"}, {WORKSPACE, "workspace"},
                                                       {RESERVE, "reserve"}};
  for (const Kind& kind : {kFloat32, kFloat16}) {
    for (const int hidden : {32, 5}) {
      Shape shape;
      shape.kind = kind, shape.hidden = hidden, shape.inputs = hidden;
      Network aligned(context, shape);
      const Outcome usual = aligned.pass(true);
      for (const size_t by : {size_t{8}, size_t{4}}) {
        Json found = Json::object();
        const std::string question =
            "addresses " + std::to_string(by) + " bytes off, " + kind.name + " H " + std::to_string(hidden);
        for (const auto& [array, name] : kArrays) {
          trying(question + ": " + name);
          Network n(context, shape);
          if (!n.refused().good) return answer("8.6", question, n.refused().text);
          n.shift(array, by);
          const Outcome outcome = n.pass(true);
          const cudaError_t after = cudaDeviceSynchronize();
          if (after != cudaSuccess) {
            found.add(name, outcome.text + ", device: " + cudaGetErrorName(after));
            return answer("8.6", question + " (the GPU faulted, nothing more was asked)", found);
          }
          found.add(name, !outcome.good ? Json(outcome.text) : same_bits(n, aligned, true) ? "same bits" : differences(n, aligned, true));
        }
        answer("8.6", question, usual.good ? found : Json(usual.text));
      }
    }
  }
}

void long_sequences(Context& context) {
  using cudnn::RnnAlgo;
  for (const auto& [algo, name] : {std::pair{RnnAlgo::standard, "STANDARD"}, std::pair{RnnAlgo::persist_static_small_h, "SMALL_H"}}) {
    for (const int steps : {65535, 65536, 100000}) {
      Shape shape;
      shape.algo = algo, shape.inputs = 4, shape.hidden = 16, shape.batch = 1, shape.steps = steps;
      const std::string question = std::to_string(steps) + " steps with " + name;
      trying(question);
      Network n(context, shape);
      const Outcome training = n.pass(true), inference = n.pass(false);
      answer("8.7", question, {{"training", training.text}, {"inference", inference.text}});
    }
    for (const int batch : {65535, 65536}) {
      Shape shape;
      shape.algo = algo, shape.inputs = 4, shape.hidden = 8, shape.batch = batch, shape.steps = 2;
      const std::string question = std::to_string(batch) + " rows with " + name;
      trying(question);
      Network n(context, shape);
      answer("8.7", question, n.pass(true).text);
    }
  }
}

}  // namespace probe
