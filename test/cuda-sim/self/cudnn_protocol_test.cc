// The order of forward, data and weight passes, and what may not change between them.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

int misuses_since() {
  const int count = grus_sim_misuses();
  grus_sim_reset();
  return count;
}

bool all_nan(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
}

// what is done wrong between forward and the data pass makes its gradients NaN
template <class Wrong>
void spoils_data_pass(Wrong wrong) {
  Gru gru({});
  gru.forward();
  gru.synchronize();
  wrong(gru);
  CHECK(category_of(gru.backward_data()) == 0);
  gru.synchronize();
  CHECK(all_nan(gru.dx->get()) && all_nan(gru.dhx->get()));
  CHECK(misuses_since() == 1);
}

template <class Wrong>
void spoils_weight_pass(Wrong wrong) {
  Gru gru({});
  gru.forward();
  gru.backward_data();
  gru.synchronize();
  wrong(gru);
  CHECK(category_of(gru.backward_weights()) == 0);
  gru.synchronize();
  CHECK(std::isnan(gru.dweights->get()[0]));
  CHECK(misuses_since() == 1);
}

void changed(Array& array) {
  Values values = array.get();
  values[0] += 1e-3;
  array.set(values);
}

void order() {
  spoils_data_pass([](Gru& gru) { changed(*gru.y); });
  spoils_data_pass([](Gru& gru) { changed(*gru.hx); });
  spoils_data_pass([](Gru& gru) { changed(*gru.weights); });
  spoils_data_pass([](Gru& gru) { gru.backward_data(); });
  spoils_data_pass([](Gru& gru) { cudaMemset(gru.reserve, 0, gru.reserve_bytes); });
  spoils_data_pass([](Gru& gru) { cudaMemset(static_cast<char*>(gru.reserve) + gru.reserve_bytes - 4, 0, 4); });
  spoils_data_pass([](Gru& gru) {
    api().SetRNNDescriptor_v8(gru.rnn, RnnAlgo::persist_dynamic, RnnMode::gru, RnnBiasMode::double_bias, DirectionMode::unidirectional,
                              RnnInputMode::linear, DataType::float64, DataType::float64, MathType::fma, 4, 3, 3, 1, nullptr, 1);
    api().BuildRNNDynamic(gru.handle, gru.rnn, 3);
    size_t workspace = 0, reserve = 0;
    api().GetRNNTempSpaceSizes(gru.handle, gru.rnn, ForwardMode::training, gru.x_desc, &workspace, &reserve);
    cudaFree(gru.workspace);
    cudaMalloc(&gru.workspace, gru.workspace_bytes = workspace);
    void* old = gru.reserve;
    cudaMalloc(&gru.reserve, std::max(reserve, gru.reserve_bytes));
    cudaMemcpy(gru.reserve, old, gru.reserve_bytes, cudaMemcpyDeviceToDevice);
    gru.reserve_bytes = std::max(reserve, gru.reserve_bytes);
    cudaFree(old);
  });
  spoils_weight_pass([](Gru& gru) { changed(*gru.x); });
  spoils_weight_pass([](Gru& gru) { changed(*gru.y); });
  spoils_weight_pass([](Gru& gru) { gru.forward(); });

  // an inference pass keeps nothing
  Gru gru({});
  gru.forward(ForwardMode::inference);
  gru.backward_data();
  gru.synchronize();
  CHECK(all_nan(gru.dx->get()));
  CHECK(misuses_since() == 1);
}

// a copy of the reserve space serves a second backward pass, and the weight gradients add up
void second_backward() {
  Gru gru({});
  gru.forward();
  gru.synchronize();
  void* copy = nullptr;
  cudaMalloc(&copy, gru.reserve_bytes);
  cudaMemcpy(copy, gru.reserve, gru.reserve_bytes, cudaMemcpyDeviceToDevice);
  gru.backward_data();
  gru.backward_weights();
  gru.synchronize();
  const Values once = gru.dweights->get(), dx = gru.dx->get();
  std::swap(copy, gru.reserve);
  gru.backward_data();
  gru.backward_weights();
  gru.synchronize();
  const Values twice = gru.dweights->get();
  for (size_t i = 0; i < once.size(); ++i) CHECK_CLOSE(twice[i], 2 * once[i], 1e-15);
  CHECK(gru.dx->get() == dx);
  cudaFree(copy);
  CHECK(misuses_since() == 0);
}

// x, dy and weights that must not be read are NaN; y is zero in padding, or NaN where no value was asked for
void padding() {
  Options o;
  o.lengths = {2, 5, 1};
  Gru clean(o), dirty(o);
  Values x = dirty.x->get(), dy = dirty.dy->get();
  for (int t = 0; t < 5; ++t) {
    for (int b = 0; b < 3; ++b) {
      for (int i = 0; t >= o.lengths[static_cast<size_t>(b)] && i < 4; ++i) x[static_cast<size_t>((t * 3 + b) * 4 + i)] = NAN;
      for (int j = 0; t >= o.lengths[static_cast<size_t>(b)] && j < 3; ++j) dy[static_cast<size_t>((t * 3 + b) * 3 + j)] = NAN;
    }
  }
  dirty.x->set(x);
  dirty.dy->set(dy);
  CHECK(clean.train() == 0 && dirty.train() == 0);
  CHECK(clean.y->get() == dirty.y->get() && clean.hy->get() == dirty.hy->get());
  CHECK(clean.dweights->get() == dirty.dweights->get() && clean.dhx->get() == dirty.dhx->get());
  const Values y = clean.y->get(), dx = clean.dx->get();
  for (size_t j = 0; j < 3; ++j) CHECK(y[(2 * 3 + 0) * 3 + j] == 0);
  for (size_t i = 0; i < 4; ++i) CHECK(std::isnan(dx[(2 * 3 + 0) * 4 + i]));
  api().SetRNNDataDescriptor(clean.y_desc, o.type, o.layout, 5, 3, 3, o.lengths.data(), nullptr);
  clean.forward();
  clean.synchronize();
  CHECK(std::isnan(clean.y->get()[(2 * 3 + 0) * 3]));
  CHECK(misuses_since() == 0);
}

// a null state is one of zeros, and each of the four may be left out
void optional_states() {
  Gru gru({});
  gru.hx->set(Values(9, 0.0));
  gru.dhy->set(Values(9, 0.0));
  gru.train();
  const Values y = gru.y->get(), dx = gru.dx->get();
  CHECK(api().RNNForward(gru.handle, gru.rnn, ForwardMode::training, nullptr, gru.x_desc, gru.x->data(), gru.y_desc, gru.y->data(), nullptr,
                         nullptr, nullptr, nullptr, nullptr, nullptr, gru.weight_bytes, gru.weights->data(), gru.workspace_bytes,
                         gru.workspace, gru.reserve_bytes, gru.reserve) == Status::success);
  CHECK(api().RNNBackwardData_v8(gru.handle, gru.rnn, nullptr, gru.y_desc, gru.y->data(), gru.dy->data(), gru.x_desc, gru.dx->data(),
                                 nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, gru.weight_bytes,
                                 gru.weights->data(), gru.workspace_bytes, gru.workspace, gru.reserve_bytes,
                                 gru.reserve) == Status::success);
  gru.synchronize();
  CHECK(gru.y->get() == y && gru.dx->get() == dx);
  CHECK(misuses_since() == 0);
}

void zero_lengths() {
  Options o;
  o.lengths = {0, 5, 2};
  Gru some(o);
  CHECK(category_of(some.forward()) == 0);
  some.synchronize();
  const Values hx = some.hx->get(), hy = some.hy->get();
  CHECK(std::equal(hx.begin(), hx.begin() + 3, hy.begin()));
  CHECK(category_of(some.backward_data()) == 5);
  o.lengths = {0, 0, 0};
  Gru none(o);
  CHECK(category_of(none.forward()) == 5);
  CHECK(last_error().find("length 0") != std::string::npos);
  CHECK(misuses_since() == 0);
}

}   // namespace

int main() {
  setenv("GRUS_SIM_MISUSE", "report", 1);
  order();
  second_backward();
  padding();
  optional_states();
  zero_lengths();
  return checks().report();
}
