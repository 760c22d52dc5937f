// Whole sessions on the GPU: with and without graphs the same bits, near the CPU's numbers, whatever order the shapes come in.
#include <cmath>

#include "runtime_support.h"
#include "session_support.h"

using namespace grus;

namespace {

EngineOptions cuda_options(bool graphs) {
  EngineOptions options;
  options.device = Device::cuda;
  options.graphs = graphs;
  return options;
}

// cuDNN's GRU, one that is computed step by step, and what lies between.
ModelDescription model() {
  LayerDescription first = gru_layer("first", 6, 12, Direction::both), second = gru_layer("second", 24, 10);
  first.return_sequences = true;
  first.rate = 0.25f;
  second.gru.reset_after = false;
  LayerDescription dense = layer(LayerKind::dense, "dense", 10, 3), softmax = layer(LayerKind::softmax, "softmax", 3, 3);
  dense.kernel_regularizer.l2 = 1e-3f;
  return features_model(6, {first, second, dense, softmax});
}

TrainingDescription training() {
  TrainingDescription made;
  made.loss.kind = LossKind::sparse_categorical_crossentropy;
  Metric accuracy;
  accuracy.kind = MetricKind::sparse_categorical_accuracy;
  made.metrics = {accuracy};
  made.optimizer.kind = OptimizerKind::adam;
  made.optimizer.global_clip_norm = 1;
  return made;
}

struct Data {
  Data(int rows, int length, unsigned seed, bool ragged) : batch(rows), steps(length), x(draw(static_cast<size_t>(rows) * length * 6, seed)) {
    labels.resize(static_cast<size_t>(rows));
    for (int b = 0; b < rows; ++b) labels[static_cast<size_t>(b)] = static_cast<int32_t>((b + static_cast<int>(seed)) % 3);
    if (!ragged) return;
    mask.resize(static_cast<size_t>(rows) * length);
    for (int b = 0; b < rows; ++b) {
      for (int t = 0; t < length; ++t) mask[static_cast<size_t>(b * length + t)] = t < 1 + (b * 5 + static_cast<int>(seed)) % length;
    }
  }
  HostBatch host() const {
    HostBatch made = features(batch, steps, x, mask.empty() ? nullptr : &mask);
    made.labels = labels.data();
    made.y_count = labels.size();
    return made;
  }
  int batch, steps;
  std::vector<float> x;
  std::vector<int32_t> labels;
  std::vector<uint8_t> mask;
};

struct Outcome {
  std::vector<float> parameters, state;
  std::vector<double> statistics;
};

Outcome train(std::unique_ptr<Backend> backend) {
  Session session(model(), std::move(backend));
  fill_parameters(session, 3);
  session.configure(training());
  const Data batches[] = {{4, 9, 1, false}, {6, 5, 2, true}, {4, 9, 3, true}, {2, 14, 4, false}};
  for (int step = 0; step < 24; ++step) {
    session.train_step(batches[step * 7 % 4].host(), 0.01f);
    if (step % 6 == 5) session.evaluate_step(batches[1].host());
  }
  return {session.read_parameters(), session.read_optimizer().values, session.statistics(true)};
}

double furthest(const std::vector<float>& a, const std::vector<float>& b) {
  double most = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const double apart = std::fabs(double{a[i]} - b[i]);
    if (!(apart <= most)) most = apart;
  }
  return most;
}

void training_replayed_equals_eager_and_the_cpu() {
  const Outcome eager = train(make_cuda_backend(cuda_options(false))), replayed = train(make_cuda_backend(cuda_options(true)));
  CHECK(std::memcmp(eager.parameters.data(), replayed.parameters.data(), eager.parameters.size() * 4) == 0);
  CHECK(std::memcmp(eager.state.data(), replayed.state.data(), eager.state.size() * 4) == 0);
  CHECK(eager.statistics == replayed.statistics);
  const Outcome cpu = train(make_cpu_backend(1));
  // 24 steps of Adam: a gradient near 0 moves a parameter by up to the learning rate, whatever its rounding
  CHECK_CLOSE(furthest(eager.parameters, cpu.parameters), 0, 2e-4);
  CHECK_CLOSE(eager.statistics[0], cpu.statistics[0], 1e-4 * cpu.statistics[0]);
  CHECK(eager.statistics[1] == cpu.statistics[1]);
  CHECK_CLOSE(eager.statistics[2], cpu.statistics[2], 0);
}

// A capital letter: forward of that batch; then "!": its backward. Replayed passes do not come by the plans, so these know of them late.
struct Answers {
  std::vector<std::vector<float>> values;
};

Answers follow(const ModelDescription& description, std::unique_ptr<Backend> backend, const std::string& script) {
  Session session(description, std::move(backend));
  fill_parameters(session, 5);
  const std::vector<Data> batches{{4, 9, 1, false}, {6, 5, 2, false}, {4, 9, 3, true}, {3, 2, 4, true}};
  Answers answers;
  const Data* last = nullptr;
  for (const char letter : script) {
    answers.values.emplace_back();
    if (letter != '!') {
      last = &batches[static_cast<size_t>(letter - 'A')];
      session.forward(last->host(), true, answers.values.back());
      continue;
    }
    const std::vector<float> dy = draw(answers.values.front().size() / static_cast<size_t>(batches[0].batch) * last->batch, 9);
    session.backward(dy.data(), dy.size(), answers.values.back());
    answers.values.push_back(session.read_gradients());
  }
  return answers;
}

void forwards_and_backwards_in_any_order(const ModelDescription& description) {
  for (const char* script : {"A!A!A!A!", "AAABA!BBBA!A!B!", "AAA!BA!BAA!B!B!", "CCDCC!C!D!DDDC!C!D!", "AAAACCA!C!A!AC!CB!BBA!DC!A!"}) {
    const Answers eager = follow(description, make_cuda_backend(cuda_options(false)), script);
    const Answers replayed = follow(description, make_cuda_backend(cuda_options(true)), script);
    const Answers cpu = follow(description, make_cpu_backend(1), script);
    CHECK(eager.values == replayed.values);
    if (!CHECK(eager.values.size() == cpu.values.size())) continue;
    for (size_t i = 0; i < cpu.values.size(); ++i) CHECK_CLOSE(furthest(eager.values[i], cpu.values[i]), 0, 2e-5);
  }
}

class Counting : public cuda::CudaBackend {   // how often work is enqueued, and not replayed
 public:
  Counting(const EngineOptions& options, int& enqueued) : CudaBackend(options), enqueued_(enqueued) {}
  void run(const std::string& key, const std::function<void()>& enqueue) override {
    CudaBackend::run(key, [&] {
      ++enqueued_;
      enqueue();
    });
  }

 private:
  int& enqueued_;
};

// Both directions too: what the lengths are is no part of a pass.
void ragged_batches_of_one_size_share_a_graph() {
  int enqueued = 0;
  Session session(model(), std::make_unique<Counting>(cuda_options(true), enqueued));
  fill_parameters(session, 3);
  session.configure(training());
  for (unsigned step = 0; step < 3; ++step) session.train_step(Data(6, 7, step, true).host(), 0.01f);
  const int until_captured = enqueued;
  for (unsigned step = 3; step < 12; ++step) session.train_step(Data(6, 7, step, true).host(), 0.01f);
  CHECK(until_captured > 0 && enqueued == until_captured);
}

// Graphs of addresses, or of a configuration, that are no more.
void graphs_that_cannot_come_again_go() {
  Session session(model(), make_cuda_backend(cuda_options(true)));
  fill_parameters(session, 3);
  session.configure(training());
  const auto held = [&] { return session.memory()->graphs->nodes.load(); };
  const auto train = [&](int batch) {
    for (unsigned step = 0; step < 4; ++step) session.train_step(Data(batch, 7, step, true).host(), 0.01f);
  };
  train(6);
  const int64_t of_one = held();
  CHECK(of_one > 0);
  train(3);
  CHECK(held() > of_one);   // a smaller batch has room where the larger one had it
  session.train_step(Data(9, 7, 0, true).host(), 0.01f);
  CHECK(held() == 0);
  train(9);
  CHECK(held() > 0);
  session.configure(training());
  CHECK(held() == 0);
}

void a_session_that_is_too_large_becomes_a_smaller_one() {
  Session session(features_model(6, {layer(LayerKind::dense, "dense", 6, 3)}), make_cuda_backend(cuda_options(true)));
  fill_parameters(session, 3);
  const Data small(4, 9, 1, false);
  std::vector<float> before, after, none;
  session.predict(small.host(), before);
  HostBatch huge = small.host();
  huge.batch = 1 << 20, huge.steps = 1 << 16;
  huge.x_count = size_t{6} << 36;   // never read: there is no room for it
  const std::string text = thrown_by([&] { session.predict(huge, none); });
  CHECK(has(text, "OUT_OF_MEMORY [cuda:0] "));
  session.predict(small.host(), after);
  CHECK(before == after && before.size() == 4 * 9 * 3);
}

}  // namespace

int main() {
  if (!have_gpu()) return kNothingTested;
  training_replayed_equals_eager_and_the_cpu();
  forwards_and_backwards_in_any_order(model());
  forwards_and_backwards_in_any_order(features_model(6, {gru_layer("alone", 6, 8)}));
  ragged_batches_of_one_size_share_a_graph();
  graphs_that_cannot_come_again_go();
  a_session_that_is_too_large_becomes_a_smaller_one();
  return checks().report();
}
