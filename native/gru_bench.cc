#include "gru_bench.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cmath>

#include "core/philox.h"
#include "description.h"

namespace grus {
namespace {

constexpr int64_t kPool = 1'048'573;                  // odd, so that the rows that repeat it differ
constexpr int64_t kMostValues = int64_t{1} << 40;     // of one batch; beyond, sizes in bytes could overflow
constexpr float kOutputGradient = 0.1f;               // sums over many steps stay within float16
constexpr int64_t kMostInFlight = 200;                // with many more the driver makes the host wait for the GPU while it enqueues

std::vector<float> draw(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); i += 4) {
    const Philox::Words words = Philox::draw({{static_cast<uint32_t>(i), 0, 0, 0}}, {{1, 0}});
    for (size_t j = i; j < std::min(i + 4, values.size()); ++j) {
      values[j] = static_cast<float>(words[j - i] >> 8) * 0x1p-23f - 1.0f;
    }
  }
  return values;
}

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

GruBench::GruBench(const GruDescription& description, std::unique_ptr<Backend> backend)
    : description_(description), backend_(std::move(backend)), memory_(*backend_), plan_(backend_->make_gru(description)),
      device_(backend_->name()), engine_(backend_->engine()) {
  table_.add(gru_parameters(*plan_, "", LayerDescription()), static_cast<int64_t>(plan_->weight_count()));
}

void GruBench::prepare(int64_t batch, int64_t steps, bool training) {
  if (batch < 1 || batch > INT_MAX || steps < 1 || steps > INT_MAX) {
    throw Error(ErrorCode::invalid_argument, "[prepare] batch and steps must be positive integers below 2^31");
  }
  const int64_t states = static_cast<int64_t>(description_.num_layers) * description_.directions();
  const double widest = static_cast<double>(description_.input_size) + 8.0 * static_cast<double>(states) * description_.hidden_size;
  if (static_cast<double>(batch) * static_cast<double>(steps) * widest > static_cast<double>(kMostValues)) {
    throw Error(ErrorCode::out_of_memory, "[prepare] " + std::to_string(batch) + " rows of " + std::to_string(steps) +
                                              " steps are more than any memory holds");
  }
  release();
  ++generation_;
  batch_ = static_cast<int>(batch), steps_ = static_cast<int>(steps);
  training_ = training;
  const int64_t rows = batch * steps, width = static_cast<int64_t>(description_.directions()) * description_.hidden_size;
  arena_.begin();
  arena_.place(x_, rows * description_.input_size);
  arena_.place(y_, rows * width);
  arena_.place(hy_, states * batch * description_.hidden_size);
  arena_.place(dy_, training ? rows * width : 0);
  arena_.place(dx_, training ? rows * description_.input_size : 0);
  arena_.place(reserve_, training ? static_cast<int64_t>(plan_->reserve_bytes(batch_, steps_, false)) : 0);
  arena_.place(workspace_, static_cast<int64_t>(plan_->workspace_bytes(batch_, steps_, training, false)));
  arena_.commit(memory_);
  const size_t bytes = static_cast<size_t>(table_.flat_count()) * sizeof(float);
  weights_ = memory_.allocate(bytes);
  if (training) gradients_ = memory_.allocate(bytes);
  drawn_ = 0;
  fill(weights_.as<float>(), table_.flat_count(), 1.0f / std::sqrt(static_cast<float>(description_.hidden_size)));
  fill(x_, rows * description_.input_size, 1);
  if (training) fill(dy_, rows * width, kOutputGradient);
}

void GruBench::fill(float* destination, int64_t count, float bound) {
  constexpr int64_t kApart = 4099;
  if (pool_.empty()) pool_ = draw(kPool);
  std::vector<float> scaled(pool_.size());
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] = bound * pool_[(i + static_cast<size_t>(kApart * drawn_)) % pool_.size()];
  for (int64_t at = 0; at < count; at += kPool) {
    backend_->upload(destination + at, scaled.data(), static_cast<size_t>(std::min(kPool, count - at)) * sizeof(float));
  }
  ++drawn_;
}

void GruBench::enqueue() {
  GruForward forward;
  forward.training = training_;
  forward.batch = batch_, forward.steps = steps_;
  forward.x = x_;
  forward.weights = weights_.as<float>();
  forward.weights_version = training_ ? 0 : static_cast<uint64_t>(generation_);   // training: as after an update
  forward.y = y_, forward.hy = hy_;
  forward.reserve = training_ ? reserve_ : nullptr;
  forward.workspace = workspace_;
  plan_->forward(forward);
  if (!training_) return;
  GruBackward backward;
  backward.batch = batch_, backward.steps = steps_;
  backward.x = x_, backward.y = y_, backward.weights = forward.weights;
  backward.dy = dy_, backward.dx = dx_;
  backward.dweights = gradients_.as<float>();
  backward.reserve = reserve_, backward.workspace = workspace_;
  backend_->zero(gradients_.as<void>(), gradients_.bytes());
  plan_->backward(backward);
}

GruBench::Times GruBench::time(int64_t passes, const std::string& key, const std::function<void()>& enqueue) {
  backend_->synchronize();
  Times times;
  for (int64_t done = 0; done < passes; done += kMostInFlight) {
    const double start = now();
    for (int64_t pass = done; pass < std::min(passes, done + kMostInFlight); ++pass) backend_->run(key, enqueue);
    times.enqueuing += now() - start;
    backend_->synchronize();
    times.all += now() - start;
  }
  return {times.all / static_cast<double>(passes), times.enqueuing / static_cast<double>(passes)};
}

GruBench::Times GruBench::run(int64_t passes) {
  if (!weights_) throw Error(ErrorCode::invalid_argument, "[run] prepare must come first");
  return time(passes, "pass/" + std::to_string(generation_), [this] { enqueue(); });
}

double GruBench::product(int64_t size, int64_t passes) {
  constexpr int64_t kLargest = 1 << 15;
  if (size < 1 || size > kLargest) {
    throw Error(ErrorCode::invalid_argument,
                "[product] size must be from 1 to " + std::to_string(kLargest) + ", got " + std::to_string(size));
  }
  const int64_t count = size * size;
  if (factor_size_ != size) {
    factor_size_ = 0;
    factors_ = Buffer();
    factors_ = memory_.allocate(static_cast<size_t>(3 * count) * sizeof(float));
    fill(factors_.as<float>(), 2 * count, 1);
    factor_size_ = size;
    ++generation_;
  }
  Gemm gemm;
  gemm.m = gemm.n = gemm.k = gemm.lda = gemm.ldb = gemm.ldc = size;
  gemm.a = factors_.as<float>(), gemm.b = gemm.a + count;
  gemm.c = factors_.as<float>() + 2 * count;
  return time(passes, "product/" + std::to_string(generation_), [this, gemm] { backend_->gemm(gemm); }).all;
}

std::vector<float> GruBench::download(const float* source, int64_t count, int64_t most) {
  std::vector<float> values(static_cast<size_t>(std::min(count, most)));
  backend_->download(values.data(), source, values.size() * sizeof(float));
  return values;
}

std::vector<float> GruBench::download_parameters(const float* source, int64_t most) {
  std::vector<float> flat = download(source, table_.flat_count(), most);
  if (static_cast<int64_t>(flat.size()) < table_.flat_count()) return flat;
  std::vector<float> logical(static_cast<size_t>(table_.logical_count()));
  table_.gather(flat.data(), logical.data());
  return logical;
}

void GruBench::read(int64_t most, Values& values) {
  if (!weights_) throw Error(ErrorCode::invalid_argument, "[read] prepare must come first");
  const int64_t rows = static_cast<int64_t>(batch_) * steps_;
  const int64_t width = static_cast<int64_t>(description_.directions()) * description_.hidden_size;
  values.x = download(x_, rows * description_.input_size, most);
  values.weights = download_parameters(weights_.as<float>(), most);
  values.y = download(y_, rows * width, most);
  values.hy = download(hy_, description_.num_layers * width * batch_, most);
  if (!training_) return;
  values.dy = download(dy_, rows * width, most);
  values.dx = download(dx_, rows * description_.input_size, most);
  values.gradients = download_parameters(gradients_.as<float>(), most);
}

void GruBench::release() {
  backend_->synchronize();   // nothing may go while a pass uses it
  backend_->forget_passes();
  arena_.release();
  for (Buffer* buffer : {&weights_, &gradients_, &factors_}) *buffer = Buffer();
  factor_size_ = 0;
}

}  // namespace grus
