#pragma once
#include "gru_support.h"

// What is asked of every one of cuDNN's algorithms.
namespace gru {

using grus::GruDescription;
using stepwise::compute;
using stepwise::difference;
using stepwise::Engine;
using stepwise::make_problem;
using stepwise::Setup;

inline void every_structure(Engine& cpu, Engine& gpu, std::mt19937& random) {
  for (const int hidden : {8, 160, 224}) {   // the small one's limits: 128 in training, 192 in inference
    for (const auto& [layers, direction] : {std::pair{1, Direction::forward}, {1, Direction::backward}, {2, Direction::both}}) {
      const GruDescription d = gru::describe(8, hidden, layers, direction);
      expect_like_cpu(cpu, gpu, make_problem(d, 4, 5, {}, random));
      // With lengths each layer and direction is chosen for by itself; to time the second layer of wide ones would take the longest by far.
      if (layers == 1 || hidden == 8) expect_like_cpu(cpu, gpu, make_problem(d, 4, 5, {5, 2, 0, 4}, random));
    }
  }
}

// One plan: a refusal or a change of shape must not leave it with rooms or descriptors of another algorithm.
inline void shapes_in_turn(Engine& cpu, Engine& gpu, std::mt19937& random) {
  const GruDescription d = gru::describe(4, 100, 1, Direction::forward);
  const auto plan = gpu.make(d);
  for (const auto& [batch, steps] : {std::pair{4, 5}, {60, 3}, {4, 7}, {1, 5}, {60, 3}, {4, 5}}) {
    const Problem p = make_problem(d, batch, steps, {}, random);
    Setup setup(gpu, *plan, p);
    setup.run();
    const Result got = setup.result(), expected = compute(cpu, p);
    CHECK_CLOSE(difference(got.y, expected.y), 0.0, 1e-5);
    CHECK_CLOSE(difference(got.dx, expected.dx), 0.0, 1e-4);
    CHECK_CLOSE(difference(got.dweights, expected.dweights), 0.0, 1e-4);
    CHECK(setup.intact());
  }
}

}  // namespace gru
