#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "answers.h"
#include "cuda/context.h"
#include "cuda/gru/descriptors.h"

// One GRU given to cuDNN directly, without the engine's care: any layout, algorithm, address or size, and any order of calls.
namespace probe {

using namespace grus;
using cuda::Context;
using cudnn::Status;
using Floats = std::vector<float>;

struct Kind {
  const char* name;
  cudnn::DataType type;
  cudnn::MathType math;
  size_t bytes;
};
constexpr Kind kFloat32{"float32", cudnn::DataType::float32, cudnn::MathType::fma, 4};
constexpr Kind kTf32{"tf32", cudnn::DataType::float32, cudnn::MathType::default_math, 4};
constexpr Kind kFloat16{"float16", cudnn::DataType::float16, cudnn::MathType::tensor_op, 2};
constexpr Kind kBfloat16{"bfloat16", cudnn::DataType::bfloat16, cudnn::MathType::default_math, 2};

enum class Fill { none, zero, one_and_a_half };

struct Shape {
  int inputs = 16, hidden = 32, batch = 4, steps = 8, layers = 1, directions = 1;
  bool training = true;                // inference alone: nothing is asked for more
  Kind kind = kFloat32;
  cudnn::RnnAlgo algo = cudnn::RnnAlgo::standard;
  std::vector<int32_t> lengths = {};   // empty: all of them steps
  Fill fill = Fill::zero;
  cudnn::RnnBiasMode bias = cudnn::RnnBiasMode::double_bias;
  cudnn::RnnDataLayout layout = cudnn::RnnDataLayout::seq_major_unpacked;
  uint32_t flags = cudnn::kPaddedIoEnabled;
};

enum Array { X, Y, HX, HY, DY, DHY, DX, DHX, WEIGHTS, DWEIGHTS, WORKSPACE, RESERVE, ARRAYS };

// "success", or the call, the status and cuDNN's words for it.
struct Outcome {
  bool good = true;
  std::string text = "success";
};

class Network {
 public:
  // Describes it and asks for its sizes; refused() is why not.
  Network(Context&, const Shape&);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const Outcome& refused() const { return refused_; }
  const Shape& shape() const { return shape_; }

  // The calls as they are, with whatever the fields below hold.
  Status forward(bool training);
  Status backward_data();
  Status backward_weights(cudnn::WgradMode mode = cudnn::WgradMode::add);
  // All that a step makes, dweights from zero; ends with the first that fails, and with what the GPU has run into.
  Outcome pass(bool training);
  Outcome outcome(const char* call, Status status);   // waits for the GPU where the call succeeded

  // Fresh random values, the same for every network of one shape; -1..1, weights smaller.
  void randomize();
  Floats read(Array) const;
  std::vector<uint8_t> bytes(Array) const;
  void write(Array, const Floats&);
  void shift(Array, size_t bytes);           // off its alignment; what it held is written again
  size_t count(Array) const;                 // of values
  void* at(Array array) const { return absent[array] ? nullptr : rooms_[array].as<char>() + shifts_[array]; }

  std::array<bool, ARRAYS> absent{};         // passed as null
  size_t weight_bytes = 0, workspace_bytes = 0, reserve_bytes = 0;   // of training; inference has a workspace size of its own
  cudnn::RnnDescriptor rnn() const { return rnn_.get(); }
  cudnn::RnnDataDescriptor x_data() const { return x_.get(); }
  cudnn::RnnDataDescriptor y_data() const { return y_.get(); }
  void forget_descriptors() { rnn_ = {}, x_ = {}, y_ = {}, state_ = {}; }   // nothing can be called any more
  Status describe_data(cudnn::RnnDataDescriptor, const Shape&, int width);
  Context& context() const { return context_; }

 private:
  size_t array_bytes(Array array) const;
  Outcome describe();
  void allocate();

  Context& context_;
  const Shape shape_;
  cuda::NoDropout dropout_;
  cuda::Rnn rnn_;
  cuda::RnnData x_, y_;
  cuda::Tensor state_;
  Outcome refused_;
  size_t inference_workspace_ = 0;
  std::array<Buffer, ARRAYS> rooms_;
  std::array<size_t, ARRAYS> shifts_{};
};

std::string status_text(Context&, Status);
// The largest |a - b| as a part of the largest |b|; NaN where one of them has one.
double apart(const Floats& a, const Floats& b);
// Of y, hy and, training, dx, dhx, dweights: the worst.
Json differences(const Network& a, const Network& b, bool training);
bool same_bits(const Network& a, const Network& b, bool training);
uint64_t fingerprint(const Network&, bool training);

}  // namespace probe
