// Memory, GPUs and handles of the CUDA engine.
#include <thread>

#include "plan_memory.h"
#include "runtime_support.h"

using namespace grus;

namespace {

bool all_zero(const std::vector<uint8_t>& bytes) {
  for (const uint8_t byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

void memory_comes_aligned_and_zeroed() {
  const auto backend = make_cuda_backend({});
  for (const size_t bytes : {size_t{1}, size_t{64}, size_t{255}, size_t{256}, size_t{257}, size_t{1} << 20, (size_t{5} << 20) + 3}) {
    for (int round = 0; round < 2; ++round) {   // the second one may get what the first has written to
      const Buffer buffer = backend->allocate(bytes);
      CHECK(buffer.bytes() == bytes);
      CHECK(reinterpret_cast<uintptr_t>(buffer.as<void>()) % 256 == 0);
      CHECK(all_zero(read<uint8_t>(*backend, buffer.as<void>(), bytes)));
      const std::vector<uint8_t> ones(bytes, 0xFF);
      backend->upload(buffer.as<void>(), ones.data(), bytes);
      CHECK(read<uint8_t>(*backend, buffer.as<void>(), bytes) == ones);
      backend->zero(buffer.as<void>(), bytes);
      CHECK(all_zero(read<uint8_t>(*backend, buffer.as<void>(), bytes)));
    }
  }
}

void copies_follow_the_work() {
  const auto backend = make_cuda_backend({});
  const std::vector<float> values = pattern(1000, 3);
  const Buffer x = backend->allocate(4000), y = backend->allocate(4000);
  backend->upload(x.as<void>(), values.data(), 4000);
  backend->copy(y.as<void>(), x.as<void>(), 4000);
  backend->zero(x.as<void>(), 4000);
  backend->copy(x.as<float>() + 10, y.as<float>() + 20, 40);
  backend->copy(x.as<float>(), x.as<float>(), 40);   // onto itself
  backend->copy(x.as<float>(), y.as<float>(), 0);
  backend->synchronize();
  CHECK(read<float>(*backend, y.as<void>(), 1000) == values);
  const std::vector<float> part = read<float>(*backend, x.as<void>(), 30);
  CHECK(part[9] == 0 && part[20] == 0);
  CHECK(std::equal(part.begin() + 10, part.begin() + 20, values.begin() + 20));
}

void too_much_is_refused_and_harms_nothing() {
  const auto backend = make_cuda_backend({});
  const std::vector<float> values = pattern(64, 1);
  const Buffer before = backend->allocate(256);
  backend->upload(before.as<void>(), values.data(), 256);
  for (const size_t bytes : {size_t{1} << 50, SIZE_MAX - 300, SIZE_MAX}) {
    const std::string text = thrown_by([&] { backend->allocate(bytes); });
    CHECK(has(text, "OUT_OF_MEMORY [cuda:0] "));
    CHECK(has(text, " are free"));
    CHECK(has(text, "lower the batch size"));
  }
  CHECK(read<float>(*backend, before.as<void>(), 64) == values);
  const Buffer after = backend->allocate(256);
  backend->run("one", [&] { backend->copy(after.as<void>(), before.as<void>(), 256); });
  CHECK(read<float>(*backend, after.as<void>(), 64) == values);
}

void what_a_session_holds_is_counted() {
  std::shared_ptr<MemoryCounters> counters;
  {
    const auto backend = make_cuda_backend({});
    Memory memory(*backend);
    counters = memory.counters();
    const int64_t own = counters->bytes;
    CHECK(own > 0);   // the backend's own
    {
      const Buffer buffer = memory.allocate(1 << 20);
      CHECK(counters->bytes == own + (1 << 20));
    }
    CHECK(counters->bytes == own);
    GruDescription description;
    description.input_size = 8, description.hidden_size = 16;
    const auto plan = backend->make_gru(description);
    const std::vector<float> large(1 << 20, 1);
    const Buffer buffer = backend->allocate(4 << 20);   // not by the memory: nobody's
    const int64_t between = counters->bytes;
    backend->upload(buffer.as<void>(), large.data(), 4 << 20);
    CHECK(counters->bytes >= between + (4 << 20));      // the staging room of that upload
  }
  CHECK(counters->bytes == 0);
  CHECK(counters->allocations > 0);
}

void memory_is_freed_on_any_thread() {
  const auto backend = make_cuda_backend({});
  for (int round = 0; round < 50; ++round) {
    Buffer x = backend->allocate(1 << 20), y = backend->allocate(1 << 20);
    backend->run("copy " + std::to_string(round), [&] { backend->copy(y.as<void>(), x.as<void>(), 1 << 20); });   // in flight while they go
    std::thread([held = std::move(x)]() mutable { held = Buffer(); }).join();
  }
  backend->synchronize();
  CHECK(backend->allocate(64).bytes() == 64);
}

void an_index_beyond_is_refused() {
  for (const int index : {gpus(), 4096, -1}) {
    EngineOptions options;
    options.device = Device::cuda;
    options.index = index;
    const std::string text = thrown_by([&] { make_cuda_backend(options); });
    CHECK(has(text, "INVALID_ARGUMENT"));
    CHECK(has(text, "there"));
    CHECK(has(text, ("'cuda:" + std::to_string(index) + "'").c_str()));
  }
}

void lanes_are_used_again() {
  cudnn::Handle first = nullptr;
  {
    cuda::Context context({});
    first = context.cudnn_handle();
    cuda::Context other({});
    CHECK(other.cudnn_handle() != first && other.stream() != context.stream());
    CHECK(other.cublas_handle() != context.cublas_handle());
  }
  cuda::Context a({}), b({});
  CHECK(a.cudnn_handle() == first || b.cudnn_handle() == first);
}

// A chain of products and activations whose bits depend on every round before.
std::vector<float> chain(int index, int seed) {
  EngineOptions options;
  options.index = index;
  const auto backend = make_cuda_backend(options);
  constexpr int n = 32;
  const Buffer a = backend->allocate(n * n * 4), b = backend->allocate(n * n * 4), c = backend->allocate(n * n * 4);
  for (int round = 0; round < 60; ++round) {
    const std::vector<float> values = pattern(n * n, seed + round);
    backend->upload(a.as<void>(), values.data(), n * n * 4);
    backend->run("round", [&] {
      Gemm product;
      product.m = product.n = product.k = product.lda = product.ldb = product.ldc = n;
      product.alpha = 0.01f;
      product.a = a.as<float>(), product.b = b.as<float>(), product.c = c.as<float>();
      product.beta = 0.5f;
      backend->gemm(product);
      backend->activation({ActivationKind::tanh, 0, 0}, c.as<float>(), b.as<float>(), n * n);
      backend->add_rows(a.as<float>(), n, b.as<float>(), n, n, n);
    });
    if (round % 7 == seed % 7) backend->synchronize();
  }
  return read<float>(*backend, b.as<void>(), n * n);
}

void two_work_at_once() {
  const int second = gpus() > 1 ? 1 : 0;
  const std::vector<float> expected[] = {chain(0, 1), chain(second, 2)};
  CHECK(expected[0] != expected[1]);
  std::vector<float> got[2];
  for (int round = 0; round < 3; ++round) {
    std::thread first([&] { got[0] = chain(0, 1); }), other([&] { got[1] = chain(second, 2); });
    first.join();
    other.join();
    CHECK(got[0] == expected[0]);
    CHECK(got[1] == expected[1]);
  }
}

void the_engine_says_what_computes() {
  GruDescription description;
  description.input_size = 4, description.hidden_size = 8;
  const auto backend = make_cuda_backend({});
  CHECK(has(backend->engine(), "cudnn 9."));
  CHECK(has(backend->engine(), ", float32, "));
  CHECK(std::string(backend->device()) == "cuda" && backend->name() == "cuda");
  const auto first = backend->make_gru(description);
  CHECK(has(backend->engine(), " heuristic, float32, "));
  CHECK(backend->engine().find("stepwise") == std::string::npos);
  description.reset_after = false;
  const auto second = backend->make_gru(description);
  CHECK(has(backend->engine(), " heuristic + stepwise cublas "));
  const auto other = make_cuda_backend({});
  const auto third = other->make_gru(description);
  CHECK(other->engine().rfind("stepwise cublas ", 0) == 0);
  if (gpus() < 2) return;
  EngineOptions options;
  options.index = 1;
  CHECK(make_cuda_backend(options)->name() == "cuda:1");
}

void only_float16_scales_its_gradients() {
  for (const Precision precision : {Precision::float32, Precision::tf32, Precision::bfloat16, Precision::float16}) {
    EngineOptions options;
    options.precision = precision;
    std::unique_ptr<Backend> backend;
    const std::string refusal = thrown_by([&] { backend = make_cuda_backend(options); });
    if (!refusal.empty()) {
      CHECK(precision == Precision::bfloat16 && has(refusal, "UNSUPPORTED"));
      continue;
    }
    const float first = precision == Precision::float16 ? 65536.0f : 1.0f;
    CHECK(backend->loss_scale().scale == 1);   // before there is an optimizer
    backend->set_loss_scale({512, 0, 77});
    const LossScale set = backend->loss_scale();
    CHECK(set.scale == (precision == Precision::float16 ? 512.0f : 1.0f));
    CHECK(set.streak == (precision == Precision::float16 ? 77u : 0u) && set.skipped == 0);
    backend->set_loss_scale({0, 0, 0});
    CHECK(backend->loss_scale().scale == first);
  }
}

}  // namespace

int main() {
  if (!have_gpu()) return kNothingTested;
  memory_comes_aligned_and_zeroed();
  copies_follow_the_work();
  too_much_is_refused_and_harms_nothing();
  what_a_session_holds_is_counted();
  memory_is_freed_on_any_thread();
  an_index_beyond_is_refused();
  lanes_are_used_again();
  two_work_at_once();
  the_engine_says_what_computes();
  only_float16_scales_its_gradients();
  return checks().report();
}
