// One call of cuDNN is several pieces on streams of its own, which join the caller's: whoever orders by the caller's stream sees nothing of
// that.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

struct Results {
  Values y, hy, dx, dhx, dweights;
  bool operator==(const Results& o) const { return y == o.y && hy == o.hy && dx == o.dx && dhx == o.dhx && dweights == o.dweights; }
};
Results results(const Gru& gru) { return {gru.y->get(), gru.hy->get(), gru.dx->get(), gru.dhx->get(), gru.dweights->get()}; }

bool has_nan(const Values& values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
}

Options two_directions() {
  Options o;
  o.type = o.math_prec = DataType::float32;
  o.layers = 2;
  o.direction = DirectionMode::bidirectional;
  return o;
}

void joins(const Results& expected) {
  for (const char* order : {"0", "1", "2", "5", "11"}) {
    const Knob defer("DEFER", order);
    Gru gru(two_directions());
    CHECK(gru.train() == 0);
    CHECK(results(gru) == expected);
  }
}

cudaError_t capture(Gru& gru, cudaGraph_t* graph) {
  CHECK(cudaStreamBeginCapture(gru.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(category_of(gru.forward()) == 0);
  CHECK(cudaMemsetAsync(gru.dweights->data(), 0, gru.dweights->bytes(), gru.stream) == cudaSuccess);
  CHECK(category_of(gru.backward_data()) == 0 && category_of(gru.backward_weights()) == 0);
  return cudaStreamEndCapture(gru.stream, graph);
}

// The pieces are nodes of the graph, side by side; the streams are free again after it.
void captured(const Results& expected) {
  for (const char* order : {"0", "1", "7"}) {
    const Knob defer("DEFER", order);
    Gru gru(two_directions());
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    CHECK(capture(gru, &graph) == cudaSuccess);
    size_t nodes = 0;
    CHECK(cudaGraphGetNodes(graph, nullptr, &nodes) == cudaSuccess && nodes == 3 * 4 + 1);
    CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
    for (int replay = 0; replay < 2; ++replay) {
      CHECK(cudaGraphLaunch(exec, gru.stream) == cudaSuccess);
      gru.synchronize();
      CHECK(results(gru) == expected);
    }
    gru.dweights->set(Values(gru.dweights->get().size(), 0.0));
    CHECK(gru.train() == 0 && results(gru) == expected);
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
  }
}

// A cuDNN that forgets to wait for one of its pieces: results that are not there yet, and no capture.
void missing_join() {
  const Knob fault("CUDNN_JOIN", "missing");
  {
    const Knob defer("DEFER", "2");   // only what is waited for
    Gru gru(two_directions());
    CHECK(category_of(gru.forward()) == 0);
    gru.synchronize();
    CHECK(!has_nan(gru.y->get()) && has_nan(gru.hy->get()));
    cudaDeviceSynchronize();
    CHECK(!has_nan(gru.hy->get()));
  }
  Gru gru(two_directions());
  cudaGraph_t graph = nullptr;
  CHECK(capture(gru, &graph) == cudaErrorStreamCaptureUnjoined);
  const Knob plain("CUDNN_STREAMS", "0");   // nothing to join
  CHECK(capture(gru, &graph) == cudaSuccess);
  cudaGraphDestroy(graph);
}

// The streams are non-blocking: the null stream does not wait for them, but for the caller's blocking stream, and so for what that joined.
void null_stream() {
  const Knob defer("DEFER", "2");
  Gru gru(two_directions());
  CHECK(category_of(gru.forward()) == 0);
  CHECK(!has_nan(gru.hy->get()));   // cudaMemcpy
}

}   // namespace

int main() {
  Results expected;
  {
    const Knob plain("CUDNN_STREAMS", "0");
    Gru gru(two_directions());
    CHECK(gru.train() == 0);
    expected = results(gru);
  }
  joins(expected);
  captured(expected);
  missing_join();
  null_stream();
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
