// What the simulated cuDNN accepts and refuses before anything is computed. The answers to the Set calls are those of the real 9.24.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

Status set_rnn(RnnDescriptor descriptor, int algo = 0, int mode = 3, int bias = 2, int direction = 0, int input = 0, int data = 0,
               int prec = 0, int math = 3, int inputs = 4, int hidden = 5, int projection = 5, int layers = 1, uint32_t flags = 1) {
  return api().SetRNNDescriptor_v8(descriptor, RnnAlgo(algo), RnnMode(mode), RnnBiasMode(bias), DirectionMode(direction),
                                   RnnInputMode(input), DataType(data), DataType(prec), MathType(math), inputs, hidden, projection, layers,
                                   nullptr, flags);
}

void rnn_descriptors() {
  RnnDescriptor d = nullptr;
  CHECK(api().CreateRNNDescriptor(&d) == Status::success);
  CHECK(set_rnn(d) == Status::success);
  const auto is = [&](int expected, Status status) { return category_of(status) == expected; };
  CHECK(is(2, set_rnn(d, -1)) && is(2, set_rnn(d, 4)));
  CHECK(is(2, set_rnn(d, 0, 4)) && is(2, set_rnn(d, 0, 3, 4)) && is(2, set_rnn(d, 0, 3, 2, 2)) && is(2, set_rnn(d, 0, 3, 2, 0, 2)));
  CHECK(is(2, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 4)));
  CHECK(is(2, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 0)) && is(2, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 4, 0)));
  CHECK(is(2, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 4, 5, 5, 0)));
  CHECK(is(2, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 4, 5, 0)));
  CHECK(last_error().find("projSize <= 0") != std::string::npos);
  CHECK(is(3, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 4, 5, 3)) && is(3, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 4, 5, 6)));
  CHECK(is(2, set_rnn(d, 0, 3, 2, 0, 0, 0, 0, 3, 4, 5, 5, 1, 2)));
  // {data, precision of the math}: by algorithm, what goes together
  struct Types {
    int data, prec;
    bool accepted[4];
  };
  const Types all[] = {{0, 0, {true, true, true, true}},    {0, 1, {false, false, false, false}}, {0, 2, {false, false, false, false}},
                       {1, 1, {true, false, true, false}},  {1, 0, {false, false, false, false}}, {2, 0, {true, true, true, true}},
                       {2, 2, {true, false, false, false}}, {9, 0, {true, true, true, true}},     {9, 9, {false, false, false, false}}};
  for (const Types& types : all) {
    for (int algo = 0; algo < 4; ++algo) {
      for (int math = 0; math < 4; ++math) {
        CHECK(is(types.accepted[algo] ? 0 : 3, set_rnn(d, algo, 3, 2, 0, 0, types.data, types.prec, math)));
      }
    }
  }
  for (int algo = 1; algo < 4; ++algo) CHECK(is(3, set_rnn(d, algo, 3, 0)));   // the persistent ones want both biases
  CHECK(is(0, set_rnn(d, 0, 3, 0)));
  setenv("GRUS_SIM_CUDNN_VERSION", "91200", 1);
  CHECK(is(3, set_rnn(d, 0, 3, 2, 0, 0, 9, 0)));
  unsetenv("GRUS_SIM_CUDNN_VERSION");
  CHECK(api().DestroyRNNDescriptor(d) == Status::success && api().DestroyRNNDescriptor(nullptr) == Status::success);
}

void data_descriptors() {
  RnnDataDescriptor d = nullptr;
  CHECK(api().CreateRNNDataDescriptor(&d) == Status::success);
  const auto set = [&](std::vector<int> lengths, int layout = 0, int steps = 4, int type = 0, int width = 3) {
    return category_of(api().SetRNNDataDescriptor(d, DataType(type), RnnDataLayout(layout), steps, 2, width, lengths.data(), nullptr));
  };
  CHECK(set({4, 4}) == 0 && set({0, 0}) == 0 && set({1, 4}) == 0 && set({3, 3}) == 0);
  CHECK(set({5, 1}) == 2 && set({-1, 3}) == 2 && set({0, 0}, 0, 0) == 2 && set({4, 4}, 0, 4, 0, 0) == 2 && set({4, 4}, 3) == 2);
  CHECK(set({1, 4}, 1) == 2 && set({3, 3}, 1) == 2 && set({4, 0}, 1) == 2 && set({4, 3}, 1) == 0);
  CHECK(set({4, 4}, 0, 4, 3) == 3 && set({4, 4}, 0, 4, 99) == 2 && set({4, 4}, 0, 4, 9) == 0);
  CHECK(category_of(api().SetRNNDataDescriptor(d, DataType::float32, RnnDataLayout(0), 4, 2, 3, nullptr, nullptr)) == 2);
  char words[8] = "forget";
  CHECK(set({1, 1}, 0, 65535) == 0 && set({1, 1}, 0, 65536) == 3);
  api().GetLastErrorString(words, sizeof words);
  CHECK(words[0] == '\0');
  setenv("GRUS_SIM_CUDNN_DESCRIBED_STEPS", "65536", 1);
  CHECK(set({1, 1}, 0, 65536) == 0 && set({1, 1}, 0, 65537) == 3);
  unsetenv("GRUS_SIM_CUDNN_DESCRIBED_STEPS");
  api().DestroyRNNDataDescriptor(d);
}

void tensor_descriptors() {
  TensorDescriptor d = nullptr;
  CHECK(api().CreateTensorDescriptor(&d) == Status::success);
  const int dims[9] = {2, 3, 4, 1, 1, 1, 1, 1, 1}, strides[9] = {12, 4, 1, 1, 1, 1, 1, 1, 1}, bad[3] = {2, 0, 4}, flat[3] = {12, 0, 1};
  const auto set = [&](int count, const int* dim, const int* stride) {
    return category_of(api().SetTensorNdDescriptor(d, DataType::float32, count, dim, stride));
  };
  CHECK(set(1, dims, strides) == 2 && set(9, dims, strides) == 3 && set(3, bad, strides) == 2 && set(3, dims, flat) == 2);
  CHECK(set(3, dims, strides) == 0);
  DataType type{};
  int count = 0, dim[3] = {}, stride[3] = {};
  CHECK(api().GetTensorNdDescriptor(d, 3, &type, &count, dim, stride) == Status::success);
  CHECK(count == 3 && dim[0] == 2 && dim[2] == 4 && stride[0] == 12 && stride[1] == 4);
  api().DestroyTensorDescriptor(d);
}

// each is a misuse, and refused
void objects() {
  RnnDescriptor d = nullptr;
  size_t bytes = 0;
  Handle handle = nullptr;
  CHECK(api().Create(&handle) == Status::success);
  const auto refused = [&](Status status, int misuses) {
    const bool good = category_of(status) == 2 && grus_sim_misuses() == misuses;
    grus_sim_reset();
    return good;
  };
  api().CreateRNNDescriptor(&d);
  CHECK(refused(api().GetRNNWeightSpaceSize(handle, d, &bytes), 0));   // not set
  set_rnn(d);
  CHECK(refused(api().GetRNNWeightSpaceSize(nullptr, d, &bytes), 0));
  CHECK(api().GetRNNWeightSpaceSize(handle, d, &bytes) == Status::success && bytes >= 4 * (3 * 5 * (4 + 5) + 30));
  CHECK(refused(api().GetRNNWeightSpaceSize(handle, reinterpret_cast<RnnDescriptor>(handle), &bytes), 1));
  int other = 0;
  CHECK(refused(api().GetRNNWeightSpaceSize(handle, reinterpret_cast<RnnDescriptor>(&other), &bytes), 1));
  CHECK(api().DestroyRNNDescriptor(d) == Status::success);
  CHECK(refused(api().DestroyRNNDescriptor(d), 1));
  CHECK(refused(api().GetRNNWeightSpaceSize(handle, d, &bytes), 1));
  CHECK(api().Destroy(handle) == Status::success);
  CHECK(refused(api().SetStream(handle, nullptr), 1));
}

// every region of a layout lies in the space, and no two overlap
void weight_parameters(const char* layout) {
  setenv("GRUS_SIM_CUDNN_LAYOUT", layout, 1);
  Options o;
  o.layers = 2;
  o.direction = DirectionMode::bidirectional;
  for (const RnnBiasMode bias : {RnnBiasMode::double_bias, RnnBiasMode::none}) {
    o.bias = bias;
    Gru gru(o);
    std::vector<int> used(gru.weight_bytes / sizeof(double));
    TensorDescriptor matrix = nullptr, vector = nullptr;
    api().CreateTensorDescriptor(&matrix);
    api().CreateTensorDescriptor(&vector);
    for (int pseudo = 0; pseudo < 4; ++pseudo) {
      for (int id = 0; id < 6; ++id) {
        void *m = nullptr, *b = &used;
        CHECK(api().GetRNNWeightParams(gru.handle, gru.rnn, pseudo, gru.weight_bytes, gru.weights->data(), id, matrix, &m, vector, &b) ==
              Status::success);
        DataType type{};
        int count = 0, dim[3] = {}, stride[3] = {};
        api().GetTensorNdDescriptor(matrix, 3, &type, &count, dim, stride);
        const int columns = id >= 3 ? 3 : pseudo < 2 ? 4 : 6;
        CHECK(count == 3 && dim[0] == 1 && dim[1] == 3 && dim[2] == columns && stride[0] == 3 * columns && stride[1] == columns);
        const auto first = static_cast<double*>(m) - static_cast<double*>(gru.weights->data());
        for (int i = 0; i < 3 * columns; ++i) ++used.at(static_cast<size_t>(first + i));
        CHECK((b == nullptr) == (bias == RnnBiasMode::none));
        for (int i = 0; b && i < 3; ++i) {
          ++used.at(static_cast<size_t>(static_cast<double*>(b) - static_cast<double*>(gru.weights->data()) + i));
        }
      }
    }
    CHECK(*std::max_element(used.begin(), used.end()) == 1);
    CHECK(std::count(used.begin(), used.end(), 1) == 2 * 9 * 7 + 2 * 9 * 9 + (bias == RnnBiasMode::none ? 0 : 4 * 18));
    api().DestroyTensorDescriptor(matrix);
    api().DestroyTensorDescriptor(vector);
  }
  unsetenv("GRUS_SIM_CUDNN_LAYOUT");
}

}   // namespace

int main() {
  setenv("GRUS_SIM_MISUSE", "report", 1);
  rnn_descriptors();
  data_descriptors();
  tensor_descriptors();
  objects();
  weight_parameters("packed");
  weight_parameters("permuted");
  return checks().report();
}
