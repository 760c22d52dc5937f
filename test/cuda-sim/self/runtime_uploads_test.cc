// What a step costs in calls of the driver: one block of the batch goes up, whatever the batch has.
#include <cstdlib>

#include "runtime_support.h"
#include "session_support.h"
#include "sim.h"

using namespace grus;

namespace {

EngineOptions options(bool graphs = true) {
  EngineOptions made;
  made.device = Device::cuda;
  made.graphs = graphs;
  return made;
}

struct Calls {
  long long copies = grus_sim_calls("cudaMemcpyAsync"), records = grus_sim_calls("cudaEventRecord"),
            waits = grus_sim_calls("cudaStreamWaitEvent"), replays = grus_sim_calls("cudaGraphLaunch");
  bool operator==(const Calls& o) const {
    return copies == o.copies && records == o.records && waits == o.waits && replays == o.replays;
  }
};

// Of body, which has been enqueued and captured already and is replayed now.
template <class Body>
bool costs(const char* what, const Body& body, const Calls& expected) {
  for (int i = 0; i < 4; ++i) body();   // each of the two slots grows, the pass is captured
  const Calls before;
  constexpr int times = 6;
  for (int i = 0; i < times; ++i) body();
  Calls each;
  each.copies = (each.copies - before.copies) / times, each.records = (each.records - before.records) / times;
  each.waits = (each.waits - before.waits) / times, each.replays = (each.replays - before.replays) / times;
  std::printf("%s: %lld copies, %lld records, %lld waits, %lld replays\n", what, each.copies, each.records, each.waits, each.replays);
  return each == expected;
}

Calls calls(long long copies, long long records, long long waits, long long replays) {
  Calls made;
  made.copies = copies, made.records = records, made.waits = waits, made.replays = replays;
  return made;
}

// To the GPU and to its place there; the arrival, and that the slot is free again; the work waits for the arrival.
const Calls one_upload = calls(2, 2, 1, 1), and_a_download = calls(3, 2, 1, 1);

TrainingDescription training(LossKind kind) {
  TrainingDescription made;
  made.loss.kind = kind;
  made.optimizer.kind = OptimizerKind::adam;
  return made;
}

// B 6, T 9, vocabulary 12, 3 outputs.
struct Data {
  static constexpr int batch = 6, steps = 9;
  explicit Data(unsigned seed)
      : x(draw(batch * steps * 4, seed)), dense(draw(batch * steps * 3, seed + 1)), weights(draw(batch * steps, seed + 2)) {
    for (int i = 0; i < batch * steps; ++i) {
      const int row = i / steps, step = i % steps, length = 1 + (row * 5 + static_cast<int>(seed)) % steps;
      tokens.push_back((i * 7 + static_cast<int>(seed)) % 11 + 1);
      padded.push_back(step < length ? tokens.back() : 0);
      prefix.push_back(step < length);
      gaps.push_back((i + static_cast<int>(seed)) % 3 != 1);
    }
    for (int row = 0; row < batch; ++row) labels.push_back((row + static_cast<int>(seed)) % 3);
  }
  HostBatch of_ids(const std::vector<int32_t>& values) const {
    HostBatch made = ids(batch, steps, values);
    made.labels = labels.data(), made.y_count = labels.size();
    return made;
  }
  HostBatch of_features(const std::vector<uint8_t>* mask, bool weighted) const {
    HostBatch made = features(batch, steps, x, mask);
    made.y = dense.data(), made.y_count = dense.size();
    if (weighted) made.weights = weights.data(), made.weights_count = weights.size();
    return made;
  }
  std::vector<float> x, dense, weights;
  std::vector<int32_t> tokens, padded, labels;
  std::vector<uint8_t> prefix, gaps;
};

ModelDescription of_ids(bool mask_zero, bool two_grus) {
  LayerDescription embedding = layer(LayerKind::embedding, "embedding", 12, 5);
  LayerDescription first = gru_layer("first", 5, 8), second = gru_layer("second", 8, 8);
  embedding.mask_zero = mask_zero;
  first.return_sequences = two_grus;
  std::vector<LayerDescription> layers{embedding, first};
  if (two_grus) layers.push_back(second);
  layers.push_back(layer(LayerKind::dense, "dense", 8, 3));
  layers.push_back(layer(LayerKind::softmax, "softmax", 3, 3));
  return ids_model(layers);
}

ModelDescription of_features(Direction direction) {
  LayerDescription gru = gru_layer("gru", 4, 8, direction);
  gru.return_sequences = true;
  return features_model(4, {gru, layer(LayerKind::dense, "dense", direction == Direction::both ? 16 : 8, 3)});
}

Session make(const ModelDescription& model, LossKind kind, std::unique_ptr<Backend> backend = make_cuda_backend(options())) {
  Session session(model, std::move(backend));
  fill_parameters(session, 7);
  session.configure(training(kind));
  return session;
}

void a_step_uploads_once() {
  const Data data(3);
  {
    Session session = make(of_ids(false, false), LossKind::sparse_categorical_crossentropy);
    const HostBatch batch = data.of_ids(data.tokens);
    CHECK(costs("ids and labels", [&] { session.train_step(batch, 0.01f); }, one_upload));
    CHECK(costs("their evaluation", [&] { session.evaluate_step(batch); }, one_upload));
    std::vector<float> y;
    CHECK(costs("their prediction", [&] { session.predict(batch, y); }, and_a_download));
  }
  {
    Session session = make(of_ids(true, true), LossKind::sparse_categorical_crossentropy);
    CHECK(costs("ragged ids and labels", [&] { session.train_step(data.of_ids(data.padded), 0.01f); }, one_upload));
  }
  for (const Direction direction : {Direction::forward, Direction::both}) {
    Session session = make(of_features(direction), LossKind::mse);
    CHECK(costs("features and targets", [&] { session.train_step(data.of_features(nullptr, false), 0.01f); }, one_upload));
    CHECK(costs("with weights and lengths", [&] { session.train_step(data.of_features(&data.prefix, true), 0.01f); }, one_upload));
    CHECK(costs("with weights and gaps", [&] { session.train_step(data.of_features(&data.gaps, true), 0.01f); }, one_upload));
  }
}

void a_loss_of_the_users_uploads_once_a_pass() {
  const Data data(3);
  Session session = make(of_features(Direction::forward), LossKind::mse);
  const HostBatch batch = data.of_features(&data.gaps, false);
  const std::vector<float> dy = draw(Data::batch * Data::steps * 3, 5);
  std::vector<float> y, dx;
  CHECK(costs("forward", [&] { session.forward(batch, true, y); }, and_a_download));
  const auto both = [&] {
    session.forward(batch, true, y);
    session.backward(dy.data(), dy.size(), dx);
  };
  CHECK(costs("forward and backward", both, calls(6, 4, 2, 2)));
  const auto all = [&] {
    both();
    session.update(0.01f);
  };
  CHECK(costs("forward, backward and update", all, calls(8, 6, 3, 3)));
}

// What a batch has moves what comes after it in the block: each such layout has graphs of its own.
void batches_of_all_kinds_take_turns() {
  int refused = 0;
  std::vector<double> loss;
  const auto train = [&](std::unique_ptr<Backend> backend) {
    Session session = make(of_features(Direction::both), LossKind::mse, std::move(backend));
    std::vector<float> y, answers;
    for (int step = 0; step < 60; ++step) {
      const Data data(static_cast<unsigned>(step % 5));
      const std::vector<uint8_t>* masks[] = {nullptr, &data.prefix, &data.gaps};
      HostBatch batch = data.of_features(masks[step / 4 % 3], step % 3 != 1);
      session.train_step(batch, 0.01f);
      if (step % 4 == 1) session.evaluate_step(batch);
      if (step % 5 == 2) session.predict(batch, y), answers.insert(answers.end(), y.begin(), y.end());
      batch.y_count -= 1;
      if (thrown([&] { session.train_step(batch, 0.01f); }) == "SHAPE_MISMATCH") ++refused;
    }
    for (const std::vector<float>& values : {session.read_parameters(), session.read_optimizer().values}) {
      answers.insert(answers.end(), values.begin(), values.end());
    }
    loss = session.statistics(false);
    for (const double value : loss) answers.push_back(static_cast<float>(value));
    return answers;
  };
  train(make_cpu_backend(1));
  const double expected = loss[0];
  const std::vector<float> eager = train(make_cuda_backend(options(false)));
  CHECK_CLOSE(loss[0], expected, 1e-4 * expected);
  CHECK(train(make_cuda_backend(options())) == eager);
  for (const char* order : {"1", "2", "77"}) {
    setenv("GRUS_SIM_DEFER", order, 1);
    CHECK(train(make_cuda_backend(options())) == eager);
  }
  unsetenv("GRUS_SIM_DEFER");
  CHECK(refused == 6 * 60);
}

// Found while the block is being written: nothing of it arrives.
void a_label_that_is_refused_changes_nothing() {
  const Data data(1);
  const auto train = [&](bool with_bad) {
    Session session = make(of_ids(true, true), LossKind::sparse_categorical_crossentropy);
    std::vector<int32_t> labels = data.labels;
    labels.back() = 3;
    HostBatch bad = data.of_ids(data.tokens);
    bad.labels = labels.data();
    for (int step = 0; step < 6; ++step) {
      session.train_step(data.of_ids(data.padded), 0.01f);
      if (!with_bad) continue;
      std::string text;
      CHECK(thrown([&] { session.train_step(bad, 0.01f); }, &text) == "INVALID_ARGUMENT");
      CHECK(text == "[trainStep] labels must be 0..2, got 3 at row 5");
    }
    return session.read_parameters();
  };
  CHECK(train(true) == train(false));
}

}  // namespace

int main() {
  a_step_uploads_once();
  a_loss_of_the_users_uploads_once_a_pass();
  batches_of_all_kinds_take_turns();
  a_label_that_is_refused_changes_nothing();
  return checks().report();
}
