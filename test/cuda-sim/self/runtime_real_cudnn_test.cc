// What we tell cuDNN of a GRU, told to NVIDIA's own library: it checks descriptors without a GPU. GRUS_REAL_CUDNN names the folder
// `nvidia` of its wheels; what the engine needs of CUDA itself is simulated.
#include <cstdlib>

#include "backend.h"
#include "check.h"
#include "core/error.h"
#include "cuda/faults.h"
#include "cuda/gru/cudnn_gru.h"
#include "cuda/load/loading.h"

using namespace grus;
using namespace grus::cuda;

namespace {

struct Told {
  cudnn::Status status;
  std::string words;
};

Told tell(const Libraries& libraries, cudnn::RnnAlgo algorithm, const GruDescription& gru, Precision precision) {
  cudnn::RnnDescriptor rnn = nullptr;
  CHECK(libraries.cudnn.CreateRNNDescriptor(&rnn) == cudnn::Status::success);
  const cudnn::Status status = set_gru(libraries.cudnn, rnn, algorithm, gru, numbers_of(precision), nullptr);
  const std::string text = status == cudnn::Status::success ? "" : words(libraries, status, "cudnnSetRNNDescriptor_v8", name_of(algorithm));
  CHECK(libraries.cudnn.DestroyRNNDescriptor(rnn) == cudnn::Status::success);
  return {status, text};
}

void accepts_every_gru(const Libraries& libraries) {
  for (const Precision precision : {Precision::float32, Precision::tf32, Precision::bfloat16, Precision::float16})
    for (const Direction direction : {Direction::forward, Direction::backward, Direction::both})
      for (const bool bias : {true, false})
        for (const int layers : {1, 2, 5})
          for (const int hidden : {1, 3, 64, 192, 1024})
            for (const auto algorithm : {cudnn::RnnAlgo::standard, cudnn::RnnAlgo::persist_static, cudnn::RnnAlgo::persist_dynamic,
                                         cudnn::RnnAlgo::persist_static_small_h}) {
              GruDescription gru;
              gru.input_size = 7, gru.hidden_size = hidden, gru.num_layers = layers, gru.direction = direction, gru.bias = bias;
              const Told told = tell(libraries, algorithm, gru, precision);
              const bool refused = cudnn::category(told.status) == cudnn::Category::not_supported;
              // the fast ones want both biases, and may want more; what they refuse gives way to the standard one
              CHECK(told.status == cudnn::Status::success || (algorithm != cudnn::RnnAlgo::standard && refused));
              if (algorithm != cudnn::RnnAlgo::standard && !bias) CHECK(refused);
            }
}

void says_what_is_wrong(const Libraries& libraries) {
  GruDescription gru;
  gru.input_size = 7, gru.hidden_size = 0;
  const Told told = tell(libraries, cudnn::RnnAlgo::standard, gru, Precision::float32);
  CHECK(cudnn::category(told.status) == cudnn::Category::bad_parameter);
  CHECK(told.words.find("CUDNN_STATUS_BAD_PARAM") != std::string::npos);
  CHECK(told.words.find("hiddenSize") != std::string::npos);   // in cuDNN's own words
  CHECK(told.words.find("a bad parameter") != std::string::npos);
}

cudnn::Status tell_lengths(const Libraries& libraries, cudnn::DataType type, int steps, const std::vector<int32_t>& lengths) {
  cudnn::RnnDataDescriptor data = nullptr;
  CHECK(libraries.cudnn.CreateRNNDataDescriptor(&data) == cudnn::Status::success);
  double fill = 0;
  const cudnn::Status status = libraries.cudnn.SetRNNDataDescriptor(data, type, cudnn::RnnDataLayout::seq_major_unpacked, steps,
                                                                    static_cast<int>(lengths.size()), 5, lengths.data(), &fill);
  CHECK(libraries.cudnn.DestroyRNNDataDescriptor(data) == cudnn::Status::success);
  return status;
}

void accepts_every_sequence(const Libraries& libraries) {
  for (const auto type : {cudnn::DataType::float32, cudnn::DataType::float16, cudnn::DataType::bfloat16}) {
    CHECK(tell_lengths(libraries, type, 1, {1}) == cudnn::Status::success);
    CHECK(tell_lengths(libraries, type, 9, {9, 9, 9}) == cudnn::Status::success);
    CHECK(tell_lengths(libraries, type, 9, {3, 9, 1, 4}) == cudnn::Status::success);   // in any order
    CHECK(tell_lengths(libraries, type, 65'535, {65'535}) == cudnn::Status::success);
    CHECK(cudnn::category(tell_lengths(libraries, type, 65'536, {65'536})) == cudnn::Category::not_supported);   // so of cuDNN 9.24
    CHECK(cudnn::category(tell_lengths(libraries, type, 9, {10})) == cudnn::Category::bad_parameter);
    CHECK(cudnn::category(tell_lengths(libraries, type, 9, {-1})) == cudnn::Category::bad_parameter);
  }
  CHECK(libraries.cudnn.CreateRNNDataDescriptor(nullptr) != cudnn::Status::success);
}

// The simulation says that there is a GPU, NVIDIA's library sees none: its words reach the caller.
void a_refusal_reaches_the_caller() {
  EngineOptions options;
  options.device = Device::cuda;
  std::string text;
  try {
    make_cuda_backend(options);
  } catch (const Error& error) {
    text = error.what();
  }
  CHECK(text.find("cudnnCreate failed: not set up, CUDNN_STATUS_NOT_INITIALIZED (1001)") != std::string::npos);
}

}  // namespace

int main() {
  const char* folder = std::getenv("GRUS_REAL_CUDNN");
  if (!folder || !*folder) {
    std::printf("skipped: GRUS_REAL_CUDNN names no folder with NVIDIA's cuDNN\n");
    return kNothingTested;
  }
  setenv("GRUS_CUDA_PATH", folder, 1);
  const auto loading = load_libraries();
  if (!CHECK(loading->ok)) {
    std::printf("%s\n", loading->problem.c_str());
    return checks().report();
  }
  CHECK(loading->libraries.cudnn_version >= 90000);
  accepts_every_gru(loading->libraries);
  says_what_is_wrong(loading->libraries);
  accepts_every_sequence(loading->libraries);
  a_refusal_reaches_the_caller();
  return checks().report();
}
