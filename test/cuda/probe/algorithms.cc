#include <algorithm>

#include "groups.h"
#include "stopwatch.h"

namespace probe {
namespace {

using cudnn::RnnAlgo;

struct Grid {
  std::vector<int> hidden, batch;
  int steps;
};

Grid grid() {
  if (full_sizes()) return {{32, 64, 128, 192, 256, 512, 1024}, {1, 8, 32, 64}, 50};
  return {{32, 192, 193}, {1, 3}, 4};
}

// Each shape as "H 64 B 8": how far from STANDARD in float32 it comes out, and how long it takes; those refused, by what is said.
void compare(Context& context, RnnAlgo algo, const char* name, const Grid& grid, const Kind& kind, bool training) {
  const std::string question = std::string(name) + ", " + kind.name + (training ? ", training" : ", inference");
  Json found = Json::object();
  std::vector<std::pair<std::string, std::vector<Json>>> refused;
  for (const int hidden : grid.hidden) {
    for (const int batch : grid.batch) {
      Shape shape;
      shape.inputs = shape.hidden = hidden, shape.batch = batch, shape.steps = grid.steps;
      shape.training = training;
      const std::string at = "H " + std::to_string(hidden) + " B " + std::to_string(batch);
      trying(question + ", " + at);
      Network exact(context, shape);
      shape.algo = algo, shape.kind = kind;
      Network n(context, shape);
      const Outcome outcome = n.pass(training), expected = exact.pass(training);
      if (!outcome.good || !expected.good) {
        const std::string& why = outcome.good ? expected.text : outcome.text;
        const auto same = std::find_if(refused.begin(), refused.end(), [&](const auto& other) { return other.first == why; });
        if (same == refused.end()) refused.push_back({why, {at}});
        else same->second.push_back(at);
        if (cudaDeviceSynchronize() != cudaSuccess) break;
        continue;
      }
      found.add(at, {{"apart", differences(n, exact, training)}, {"us", microseconds(n, training)}});
    }
  }
  Json refusals = Json::object();
  for (const auto& [why, shapes] : refused) refusals.add(why, shapes);
  answer("8.9", question, {{"steps", grid.steps}, {"computed", found}, {"refused", refusals}});
}

void compare_all(Context& context, RnnAlgo algo, const char* name, const Grid& grid) {
  for (const Kind& kind : {kFloat32, kTf32, kBfloat16, kFloat16}) {
    for (const bool training : {true, false}) compare(context, algo, name, grid, kind, training);
  }
}

void ask(Context& context, const std::string& question, const Shape& shape) {
  trying(question);
  Network n(context, shape);
  answer("8.9", question, n.pass(true).text);
}

}  // namespace

void standard_numbers(Context& context) { compare_all(context, RnnAlgo::standard, "STANDARD", grid()); }
void small_h_numbers(Context& context) { compare_all(context, RnnAlgo::persist_static_small_h, "SMALL_H", grid()); }
void persist_static_numbers(Context& context) { compare_all(context, RnnAlgo::persist_static, "PERSIST_STATIC", grid()); }

void persist_dynamic_numbers(Context& context) {   // compiles each shape: a few of them
  const Grid few = full_sizes() ? Grid{{64, 256, 1024}, {8, 64}, 50} : Grid{{32}, {3}, 4};
  for (const Kind& kind : {kFloat32, kFloat16}) compare(context, RnnAlgo::persist_dynamic, "PERSIST_DYNAMIC", few, kind, true);
}

void small_h_limits(Context& context) {
  Shape shape;
  shape.algo = RnnAlgo::persist_static_small_h;
  for (const auto& [hidden, name] : {std::pair{1, "1"}, std::pair{3, "3"}, std::pair{5, "5"}, std::pair{33, "33"}, std::pair{127, "127"},
                                     std::pair{129, "129"}, std::pair{191, "191"}, std::pair{193, "193"}}) {
    Shape odd = shape;
    odd.hidden = hidden;
    ask(context, std::string("SMALL_H, training, H ") + name, odd);
  }
  Shape other = shape;
  other.lengths = {8, 3, 5, 1};
  ask(context, "SMALL_H with ragged rows", other);
  other = shape;
  other.layout = cudnn::RnnDataLayout::batch_major_unpacked;
  ask(context, "SMALL_H with batch-major data", other);
  other = shape;
  other.layers = 3, other.directions = 2;
  ask(context, "SMALL_H with 3 layers and 2 directions", other);
  other = shape;
  other.bias = cudnn::RnnBiasMode::none;
  ask(context, "SMALL_H without bias", other);
  other = shape;
  other.inputs = 1;
  ask(context, "SMALL_H with 1 input", other);
}

}  // namespace probe
