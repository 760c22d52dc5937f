// What the algorithms compute and what they refuse, and the knobs that move the limits.
#include "check.h"
#include "cudnn_gru.h"

using namespace network;

namespace {

Options floats(RnnAlgo algo, int hidden = 4) {
  Options o;
  o.type = o.math_prec = DataType::float32;
  o.algo = algo;
  o.hidden = hidden;
  return o;
}

constexpr RnnAlgo kSmall = RnnAlgo::persist_static_small_h;

// the sizes are asked for first: what they give for inference and for training
std::pair<int, int> sizes(const Options& o) {
  Gru gru(o);
  size_t bytes = 0;
  return {category_of(api().GetRNNTempSpaceSizes(gru.handle, gru.rnn, ForwardMode::inference, gru.x_desc, &bytes, nullptr)),
          category_of(gru.sizes)};
}

void algorithms() {
  const std::pair<int, int> good(0, 0), never(3, 3);
  for (int algo = 0; algo < 4; ++algo) {
    Gru gru(floats(static_cast<RnnAlgo>(algo)));
    CHECK(gru.train() == 0);
    Options ragged = floats(static_cast<RnnAlgo>(algo));
    ragged.lengths = {5, 4, 5};
    CHECK(sizes(ragged) == (algo == 0 ? good : never));
    const Knob refused("CUDNN_ALGOS", "1,3");
    CHECK(sizes(floats(static_cast<RnnAlgo>(algo))) == (algo % 2 ? never : good));
  }
  CHECK(sizes(floats(kSmall, 128)) == good);
  CHECK(sizes(floats(kSmall, 129)) == std::make_pair(0, 3));
  CHECK(sizes(floats(kSmall, 193)) == never);
  Options flagless = floats(RnnAlgo::standard);
  flagless.flags = 0;
  CHECK(sizes(flagless) == good);
  flagless.lengths = {5, 5, 2};
  CHECK(sizes(flagless) == never);
  const Knob described("CUDNN_DESCRIBED_STEPS", "65536");
  Options longest = floats(kSmall, 1);
  longest.steps = 65536;
  longest.batch = longest.inputs = 1;
  CHECK(sizes(longest) == never);
  longest.algo = RnnAlgo::standard;
  CHECK(sizes(longest) == good);
  const Knob limit("CUDNN_MAX_STEPS", "4");
  CHECK(sizes(floats(RnnAlgo::standard)) == never);
}

// Algorithms 1 and 2 hold the recurrent weights on the chip: how many units fit depends on the type, and on the GPU.
void units() {
  Options wide = floats(RnnAlgo::persist_static, 512);
  wide.steps = wide.batch = 1;
  CHECK(sizes(wide) == std::make_pair(0, 0));
  wide.hidden = 513;
  CHECK(sizes(wide) == std::make_pair(3, 3));
  wide.type = DataType::float16;
  wide.hidden = 896;
  CHECK(sizes(wide) == std::make_pair(0, 0));
  wide.hidden = 897;
  CHECK(sizes(wide) == std::make_pair(3, 3));
  const Knob limit("CUDNN_PERSIST_LIMIT", "1536");
  CHECK(sizes(wide) == std::make_pair(0, 0));
}

// Set takes them all, and only standard has kernels for it: whoever goes by Set is refused with the sizes, or with a pass.
void no_bfloat16() {
  for (const RnnAlgo algo : {RnnAlgo::persist_static, RnnAlgo::persist_dynamic, kSmall}) {
    Options o = floats(algo);
    o.type = DataType::bfloat16;
    {
      Gru gru(o);
      CHECK(gru.set == Status::success && category_of(gru.sizes) == 3);
    }
    {
      const Knob stage("CUDNN_REFUSE", "forward");
      Gru gru(o);
      CHECK(gru.sizes == Status::success && category_of(gru.forward()) == 3);
    }
    {
      const Knob stage("CUDNN_REFUSE", "backward");
      Gru gru(o);
      CHECK(category_of(gru.forward()) == 0 && category_of(gru.backward_data()) == 3);
    }
    const Knob all("CUDNN_BFLOAT16", "all");   // a later version may have them
    Gru gru(o);
    CHECK(gru.train() == 0);
  }
}

void late_refusals() {
  const Knob refused("CUDNN_ALGOS", "3");
  {
    const Knob stage("CUDNN_REFUSE", "forward");
    Gru gru(floats(kSmall));
    CHECK(gru.sizes == Status::success && category_of(gru.forward()) == 3);
  }
  const Knob stage("CUDNN_REFUSE", "backward");
  Gru gru(floats(kSmall));
  CHECK(category_of(gru.forward()) == 0 && category_of(gru.backward_data()) == 3);
}

void dynamic() {
  Gru gru(floats(RnnAlgo::persist_dynamic));
  CHECK(category_of(api().BuildRNNDynamic(gru.handle, gru.rnn, 2)) == 0);
  CHECK(category_of(gru.forward()) == 2);
  CHECK(category_of(api().BuildRNNDynamic(gru.handle, gru.rnn, 3)) == 0);
  CHECK(category_of(gru.forward()) == 0);
  Gru standard(floats(RnnAlgo::standard));
  CHECK(category_of(api().BuildRNNDynamic(standard.handle, standard.rnn, 3)) == 2);
}

// Seconds for each descriptor and batch, which whoever times it sees; and nothing at all without the compiler.
void compilation() {
  const auto built = reinterpret_cast<double (*)()>(symbol("grus_sim_cudnn_built_microseconds"));
  Gru gru(floats(RnnAlgo::persist_dynamic));
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaEventCreate(&begin), cudaEventCreate(&end);
  const auto build = [&](int batch) {
    const double before = built();
    cudaEventRecord(begin, gru.stream);
    const Status status = api().BuildRNNDynamic(gru.handle, gru.rnn, batch);
    cudaEventRecord(end, gru.stream);
    cudaEventSynchronize(end);
    float milliseconds = 0;
    cudaEventElapsedTime(&milliseconds, begin, end);
    CHECK_CLOSE(built() - before, 1000.0 * milliseconds, 1);
    return std::make_pair(category_of(status), std::lround(milliseconds));
  };
  CHECK(build(2) == std::make_pair(0, 3000L) && build(2) == std::make_pair(0, 3000L));
  {
    const Knob cost("CUDNN_BUILD", "0.25");
    CHECK(build(3) == std::make_pair(0, 250L));
  }
  const Knob missing("CUDNN_NVRTC", "missing");
  const auto [category, milliseconds] = build(5);
  CHECK((category == 3 || category == 4) && milliseconds == 0);
  cudaEventDestroy(begin), cudaEventDestroy(end);
}

// one algorithm's error is in what the knob names, and nowhere else
void wrong_numbers() {
  Gru right(floats(kSmall));
  CHECK(right.train() == 0);
  for (const char* what : {"y", "dx", "dweights"}) {
    const Knob wrong("CUDNN_WRONG", (std::string("3:") + what).c_str());
    Gru gru(floats(kSmall)), standard(floats(RnnAlgo::standard));
    CHECK(gru.train() == 0 && standard.train() == 0);
    const auto factor = [&](const Array& got, const Array& expected) { return got.get()[1] / expected.get()[1]; };
    CHECK_CLOSE(factor(*gru.y, *right.y), std::string(what) == "y" ? 1.01 : 1, 1e-6);
    CHECK_CLOSE(factor(*gru.dx, *right.dx), std::string(what) == "dx" ? 1.01 : 1, 1e-6);
    CHECK_CLOSE(factor(*gru.dweights, *right.dweights), std::string(what) == "dweights" ? 1.01 : 1, 1e-6);
    CHECK_CLOSE(factor(*standard.y, *right.y), 1, 1e-6);
  }
}

// the algorithms differ in the last bits; each of them repeats itself, unless it was made unsteady
void repetition() {
  const auto run = [](RnnAlgo algo) {
    Gru gru(floats(algo, 32));
    CHECK(gru.train() == 0);
    return std::make_pair(gru.y->get(), gru.dweights->get());
  };
  const auto standard = run(RnnAlgo::standard), small = run(kSmall);
  CHECK(standard.first != small.first);
  double worst = 0;
  for (size_t i = 0; i < small.first.size(); ++i) worst = std::max(worst, std::fabs(small.first[i] - standard.first[i]));
  CHECK_CLOSE(worst, 0, 2e-6);
  CHECK(run(kSmall) == small);
  const Knob unsteady("CUDNN_UNSTEADY", "3");
  const auto first = run(kSmall), second = run(kSmall);
  CHECK(first.first != second.first && first.second != second.second);
  CHECK(run(RnnAlgo::standard) == standard);
}

// how much two kinds of math differ from exact, in the largest entry of y
double rounding(DataType type, DataType prec, MathType math, int hidden = 16, int batch = 3, RnnAlgo algo = RnnAlgo::standard) {
  Options o = floats(algo, hidden);
  o.batch = batch;
  o.steps = hidden > 64 ? 1 : o.steps;
  Gru exact(o);
  o.type = type;
  o.math_prec = prec;
  o.math = math;
  Gru rounded(o);
  rounded.weights->set(exact.weights->get());   // other sizes: copy what both have
  CHECK(exact.train() == 0 && rounded.train() == 0);
  const Values a = exact.y->get(), b = rounded.y->get();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

void kinds_of_math() {
  const DataType f32 = DataType::float32;
  CHECK(rounding(f32, f32, MathType::fma) == 0);
  const double tf32 = rounding(f32, f32, MathType::tensor_op);
  CHECK(tf32 > 5e-5 && tf32 < 5e-3);
  const double converted = rounding(f32, f32, MathType::tensor_op_allow_conversion);
  CHECK(converted > 5e-5 && converted < 5e-3);
  const double half = rounding(DataType::float16, f32, MathType::default_math);
  CHECK(half > 1e-4 && half < 1e-2);
  const double brain = rounding(DataType::bfloat16, f32, MathType::default_math);
  CHECK(brain > 1e-3 && brain < 5e-2);
  CHECK(rounding(DataType::float16, DataType::float16, MathType::default_math) > 1e-4);
}

// Whoever takes DEFAULT_MATH for rounded, or for exact, is wrong on some shape; the same shape is always the same.
void default_math_only_permits() {
  const DataType f32 = DataType::float32;
  const auto is_rounded = [&](int hidden, int batch, RnnAlgo algo) {
    const double distance = rounding(f32, f32, MathType::default_math, hidden, batch, algo);
    CHECK(distance == 0 || distance > 1e-6);
    CHECK(rounding(f32, f32, MathType::default_math, hidden, batch, algo) == distance);
    return distance > 0;
  };
  for (const RnnAlgo algo : {RnnAlgo::standard, kSmall}) {
    int count = 0;
    for (int hidden = 8; hidden < 24; ++hidden) count += is_rounded(hidden, 3, algo);
    CHECK(count > 2 && count < 14);
  }
  CHECK(is_rounded(256, 64, RnnAlgo::standard));
  const Knob never("CUDNN_TF32", "never");
  CHECK(!is_rounded(256, 64, RnnAlgo::standard));
  const Knob always("CUDNN_TF32", "always");
  for (int hidden = 8; hidden < 12; ++hidden) CHECK(is_rounded(hidden, 3, kSmall));
}

}   // namespace

int main() {
  algorithms();
  units();
  no_bfloat16();
  late_refusals();
  dynamic();
  compilation();
  wrong_numbers();
  repetition();
  kinds_of_math();
  default_math_only_permits();
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
