// Which of cuDNN's algorithms a shape gets: by shape, pinned, tried, refused early or late.
#include "algorithms_support.h"

using namespace algorithms;

namespace {

void by_shape() {
  const auto of = [](int hidden, int batch, bool training, Precision precision = Precision::float32, int steps = 10) {
    return cuda::algorithm_by_shape(describe(3, hidden, 1, Direction::forward), precision, batch, steps, training);
  };
  CHECK(of(64, 64, true) == kSmallH && of(64, 65, true) == kStandard);
  CHECK(of(65, 48, true) == kSmallH && of(65, 49, true) == kStandard);
  CHECK(of(128, 48, true) == kSmallH && of(129, 1, true) == kStandard);
  CHECK(of(129, 8, false) == kSmallH && of(129, 9, false) == kStandard);
  CHECK(of(192, 8, false) == kSmallH && of(193, 1, false) == kStandard);
  CHECK(of(32, 4, true, Precision::tf32) == kSmallH && of(32, 4, true, Precision::float16) == kSmallH);
  CHECK(of(32, 4, true, Precision::bfloat16) == kStandard);
  CHECK(of(32, 4, true, Precision::float32, 65535) == kSmallH && of(32, 4, true, Precision::float32, 65536) == kStandard);
}

void tried() {
  CHECK(choose(kSmall, GruAlgorithm::heuristic) == kSmallH);
  CHECK(choose(kSmall, GruAlgorithm::standard) == kStandard);
  CHECK(choose(kSmall, GruAlgorithm::persist_static) == RnnAlgo::persist_static);
  CHECK(choose(kSmall, GruAlgorithm::persist_dynamic) == RnnAlgo::persist_dynamic);
  const GruDescription wide = describe(4, 160, 1, Direction::forward);
  CHECK(choose(wide, GruAlgorithm::persist_static_small_h, true) == kStandard);
  CHECK(choose(wide, GruAlgorithm::persist_static_small_h, false) == kSmallH);
  for (const char* stage : {"sizes", "forward", "backward"}) {
    const Knob refused("CUDNN_ALGOS", "1,2,3"), when("CUDNN_REFUSE", stage);
    for (const auto pinned : {GruAlgorithm::heuristic, GruAlgorithm::persist_static, GruAlgorithm::persist_dynamic}) {
      CHECK(choose(kSmall, pinned, true) == kStandard);
      const bool inference_works = std::string(stage) == "backward" && pinned != GruAlgorithm::persist_dynamic;   // which is not built
      CHECK((choose(kSmall, pinned, false) != kStandard) == inference_works);
    }
  }
}

// cuDNN has no such kernels: nothing is tried, however late it would refuse, nor compiled.
void bfloat16() {
  const double before = built_microseconds();
  for (const char* stage : {"sizes", "forward", "backward"}) {
    const Knob when("CUDNN_REFUSE", stage);
    for (const auto pinned : {GruAlgorithm::heuristic, GruAlgorithm::persist_static, GruAlgorithm::persist_dynamic,
                              GruAlgorithm::persist_static_small_h, GruAlgorithm::autotune}) {
      for (const bool training : {true, false}) {
        CHECK(Chooser(kSmall, pinned, Precision::bfloat16)(4, 6, training) == kStandard);
      }
    }
  }
  CHECK(built_microseconds() == before);
}

// How many units a persistent kernel holds depends on the type.
void too_many_units() {
  const GruDescription wide = describe(4, 600, 1, Direction::forward);
  CHECK(choose(wide, GruAlgorithm::persist_static) == kStandard);
  CHECK(Chooser(wide, GruAlgorithm::persist_static, Precision::float16)(4, 6, true) == RnnAlgo::persist_static);
}

void no_compiler() {
  const Knob missing("CUDNN_NVRTC", "missing");
  for (const char* seed : {"1", "2"}) {
    const Knob words("CUDNN_SEED", seed);
    CHECK(choose(kSmall, GruAlgorithm::persist_dynamic) == kStandard);
  }
}

void for_good() {
  Chooser chooser(kSmall, GruAlgorithm::heuristic);
  {
    const Knob refused("CUDNN_ALGOS", "3");
    CHECK(chooser(4, 6, true) == kStandard);
  }
  CHECK(chooser(4, 6, true) == kStandard);    // decided
  CHECK(chooser(5, 6, true) == kSmallH);      // another shape
  chooser.algorithms.refuse(5, 6, true);
  CHECK(chooser(5, 6, true) == kStandard);
}

void no_room_to_try() {
  Chooser chooser(kSmall, GruAlgorithm::heuristic);
  {
    const Knob full("FAIL_ALLOC", "every");
    CHECK(chooser(4, 6, true) == kStandard && !chooser.algorithms.decided(4, 6, true));
  }
  {   // cuDNN's own lack of memory may come as any refusal
    const Knob refused("CUDNN_ALGOS", "3"), late("CUDNN_REFUSE", "forward");
    size_t free = 0, total = 0;
    CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
    const Knob full("MEMORY", std::to_string(total - free + (size_t{16} << 20)).c_str());
    CHECK(chooser(4, 6, true) == kStandard && !chooser.algorithms.decided(4, 6, true));
  }
  CHECK(chooser(4, 6, true) == kSmallH && chooser.algorithms.decided(4, 6, true));   // now there is room
}

// Models leave out states that they do not need, so an algorithm that wants all of them does not do.
void states_left_out() {
  Chooser chooser(kSmall, GruAlgorithm::heuristic), another(kSmall, GruAlgorithm::heuristic);
  {
    const Knob all("CUDNN_STATES", "3");
    CHECK(chooser(4, 6, true) == kStandard && chooser(4, 6, false) == kStandard);
  }
  CHECK(another(4, 6, true) == kSmallH && another(4, 6, false) == kSmallH);
}

// Refused only when it is called for the first time: standard takes its place, in the room that was given out.
void refused_late() {
  const auto gpu = find_gpu(on_gpu());
  stepwise::BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(23);
  for (const auto& [layers, direction] : {std::pair{1, Direction::forward}, {2, Direction::forward}, {2, Direction::both}}) {
    for (const Lengths& lengths : {Lengths{}, Lengths{6, 2, 0, 4}}) {   // with lengths the parts of one call share what they are refused
      const GruDescription d = describe(4, 32, layers, direction);
      const Problem p = stepwise::make_problem(d, 4, 6, lengths, random);
      const auto plan = gpu->make(d);
      stepwise::Setup setup(*gpu, *plan, p), earlier(*gpu, *plan, p);
      plan->forward(earlier.forward);   // its backward is still to come, by the algorithm of its forward
      {
        const Knob refused("CUDNN_ALGOS", "3"), late("CUDNN_REFUSE", "forward");
        setup.run();
      }
      plan->backward(earlier.backward);
      const Result expected = stepwise::compute(cpu, p);
      for (const stepwise::Setup* done : {&setup, &earlier}) {
        const Result got = done->result();
        CHECK_CLOSE(stepwise::difference(got.y, expected.y), 0.0, 1e-5);
        CHECK_CLOSE(stepwise::difference(got.dx, expected.dx), 0.0, 1e-4);
        CHECK_CLOSE(stepwise::difference(got.dweights, expected.dweights), 0.0, 1e-4);
        CHECK(done->intact());
      }
      const size_t before = plan->reserve_bytes(4, 6, !lengths.empty());
      setup.run();
      CHECK(plan->reserve_bytes(4, 6, !lengths.empty()) == before);
    }
  }
}

}  // namespace

int main() {
  by_shape();
  tried();
  bfloat16();
  too_many_units();
  no_compiler();
  for_good();
  no_room_to_try();
  states_left_out();
  refused_late();
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
