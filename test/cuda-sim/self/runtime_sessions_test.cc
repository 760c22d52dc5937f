// Sessions in a GPU that is too small for some of their batches, and on which every allocation may fail.
#include <cstdlib>

#include "every_engine.h"
#include "runtime_support.h"
#include "session_support.h"
#include "sim.h"

using namespace grus;

namespace {

void set(const char* knob, const std::string& value) { setenv(("GRUS_SIM_" + std::string(knob)).c_str(), value.c_str(), 1); }

// Nothing that is tried and given up when there is no room for it.
EngineOptions standard() {
  EngineOptions options;
  options.algorithm = GruAlgorithm::standard;
  return options;
}

ModelDescription model() {
  LayerDescription gru = gru_layer("gru", 4, 16, Direction::both);
  gru.return_sequences = true;
  return features_model(4, {gru, layer(LayerKind::dense, "dense", 32, 2)});
}

struct Data {
  explicit Data(int rows) : x(draw(static_cast<size_t>(rows) * 20 * 4, 1)), y(draw(static_cast<size_t>(rows) * 20 * 2, 2)), batch(rows) {}
  HostBatch host() const {
    HostBatch made = features(batch, 20, x);
    made.y = y.data(), made.y_count = y.size();
    return made;
  }
  std::vector<float> x, y;
  int batch;
};

std::vector<float> train(Session& session, const Data& data, int steps) {
  for (int i = 0; i < steps; ++i) session.train_step(data.host(), 0.01f);
  return session.read_parameters();
}

void prepare(Session& session) {
  fill_parameters(session, 7);
  TrainingDescription training;
  training.loss.kind = LossKind::mse;
  session.configure(training);
}

void a_batch_too_large_leaves_room_for_a_smaller_one() {
  set("MEMORY", std::to_string(size_t{396} << 20));   // 300 are the context's
  const Data small(8), middle(512), large(6000);
  std::vector<float> expected;
  {
    Session session(model(), make_cuda_backend(standard()));
    prepare(session);
    train(session, small, 3);
    expected = train(session, middle, 3);
  }
  for (int round = 0; round < 2; ++round) {
    Session session(model(), make_cuda_backend(standard()));
    prepare(session);
    train(session, small, 3);
    for (int i = 0; i < 3; ++i) {
      const std::string text = thrown_by([&] { train(session, large, 1); });
      CHECK(has(text, "OUT_OF_MEMORY [cuda:0] ") && has(text, "lower the batch size"));
    }
    CHECK(train(session, middle, 3) == expected);
  }
}

// Fails the Nth allocation of a session's life. What it was doing says so; then it goes on, with the results that it would have had.
void every_allocation_may_fail() {
  const Data data(8), larger(24);
  const auto live = [&](bool failing, int* failed) {
    const auto again = [&](const auto& body) {   // until it goes well
      for (int attempt = 0; attempt < 3; ++attempt) {
        const std::string text = thrown_by(body);
        if (text.empty()) return;
        ++*failed;
        CHECK(failing && has(text, "OUT_OF_MEMORY [cuda:0] "));
      }
      CHECK(false);
    };
    std::unique_ptr<Session> session;
    again([&] { session = std::make_unique<Session>(model(), make_cuda_backend(standard())); });
    again([&] { prepare(*session); });
    for (const Data* batch : {&data, &larger, &data}) {
      for (int i = 0; i < 3; ++i) again([&] { session->train_step(batch->host(), 0.01f); });
    }
    return session->read_parameters();
  };
  int failed = 0;
  const std::vector<float> expected = live(false, &failed);
  CHECK(failed == 0);
  int most = 0;
  for (int number = 1; number < 200; ++number) {
    grus_sim_reset();
    set("FAIL_ALLOC", std::to_string(number));
    failed = 0;
    if (!CHECK(live(true, &failed) == expected)) std::printf("  allocation %d\n", number);
    if (failed == 0) break;
    CHECK(failed == 1);
    most = number;
  }
  set("FAIL_ALLOC", "");
  CHECK(most > 5 && most < 150);
  CHECK(grus_sim_misuses() == 0);
}

}  // namespace

int main(int count, char** arguments) {
  void (*const tests[])() = {a_batch_too_large_leaves_room_for_a_smaller_one, every_allocation_may_fail};
  if (count > 1) {
    tests[std::atoi(arguments[1])]();
    return checks().report();
  }
  for (const char* settings : {"GRUS_SIM_DEFER=0", "GRUS_SIM_DEFER=2"}) {
    for (const char* test : {"0", "1"}) {
      const ChildResult child = run_child(settings, arguments[0], test);
      if (!CHECK(child.status == 0 && child.output.find(" passed, 0 failed") != std::string::npos)) {
        std::printf("%s, test %s (status %d):\n%s\n", settings, test, child.status, child.output.c_str());
      }
    }
  }
  return checks().report();
}
