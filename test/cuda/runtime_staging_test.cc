// Uploads that run ahead of the work, and downloads that wait for it.
#include "runtime_support.h"

using namespace grus;

namespace {

// Every batch overwrites what the one before has uploaded, in host memory and on the GPU, while that may not have been computed with yet.
void batches_do_not_mix() {
  const auto backend = make_cuda_backend({});
  constexpr int batches = 120;
  constexpr size_t most = 40000;
  const Buffer x = backend->allocate(most * 4), y = backend->allocate(most * 4), scale = backend->allocate(4);
  std::vector<Buffer> results;
  std::vector<float> host(most);
  const auto count_of = [](int batch) { return static_cast<size_t>(1 + batch * batch * 37 % static_cast<int>(most)); };
  for (int batch = 0; batch < batches; ++batch) {
    const size_t count = count_of(batch);
    results.push_back(backend->allocate(count * 4));
    for (const auto* target : {&x, &y}) {
      const std::vector<float> values = pattern(count, target == &x ? batch : -batch);
      std::copy(values.begin(), values.end(), host.begin());
      backend->upload(target->as<void>(), host.data(), count * 4);
      std::fill(host.begin(), host.end(), -1e30f);
    }
    const float offset = static_cast<float>(batch);
    backend->upload(scale.as<void>(), &offset, 4);
    float* result = results.back().as<float>();
    backend->run("batch " + std::to_string(batch), [&] {
      backend->copy(result, x.as<void>(), count * 4);
      backend->add_rows(y.as<float>(), 1, result, 1, static_cast<int64_t>(count), 1);
      backend->add_rows(scale.as<float>(), 0, result, 1, static_cast<int64_t>(count), 1);
    });
  }
  for (int batch = 0; batch < batches; ++batch) {
    const size_t count = count_of(batch);
    std::vector<float> expected = pattern(count, batch);
    const std::vector<float> other = pattern(count, -batch);
    for (size_t i = 0; i < count; ++i) expected[i] += other[i] + static_cast<float>(batch);
    CHECK(read<float>(*backend, results[static_cast<size_t>(batch)].as<void>(), count) == expected);
  }
}

void every_size_comes_through() {
  const auto backend = make_cuda_backend({});
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{3}, size_t{255}, size_t{65536}, size_t{65537}, (size_t{1} << 20) - 1,
                             (size_t{1} << 20) + 1, (size_t{9} << 20) + 5, (size_t{65} << 20) + 7}) {
    std::vector<uint8_t> values(bytes);
    for (size_t i = 0; i < bytes; ++i) values[i] = static_cast<uint8_t>(i * 31 + bytes);
    const Buffer device = backend->allocate(bytes + 64);
    backend->upload(device.as<void>(), values.data(), bytes);
    CHECK(read<uint8_t>(*backend, device.as<void>(), bytes) == values);
    CHECK(read<uint8_t>(*backend, device.as<char>() + bytes, 64) == std::vector<uint8_t>(64));
    if (bytes == 0) continue;
    const Buffer other = backend->allocate(bytes + 64);
    std::memset(backend->stage(other.as<void>(), bytes), 77, bytes);                    // given up
    std::memcpy(backend->stage(other.as<void>(), bytes), values.data(), bytes);
    backend->upload_staged(other.as<void>(), bytes);
    CHECK(read<uint8_t>(*backend, other.as<void>(), bytes) == values);
    CHECK(read<uint8_t>(*backend, other.as<char>() + bytes, 64) == std::vector<uint8_t>(64));
  }
}

// What is given up takes no room from what follows, and a room that was written to late is still its own.
void rooms_that_are_given_up_do_not_pile_up() {
  cuda::Context context({});
  cuda::Staging staging(context);
  const Buffer device = context.allocate(1 << 20);
  const std::vector<float> values = pattern(1 << 18, 4);
  for (int i = 0; i < 200; ++i) std::memset(staging.stage(1 << 20), i, 1 << 20);
  CHECK(staging.held() <= size_t{4} << 20);
  std::vector<float> back(1 << 18);
  void* room = staging.stage(1 << 20);
  staging.next_batch();                                            // nothing has been uploaded: no other slot
  std::memcpy(room, values.data(), 1 << 20);
  staging.upload_staged(device.as<void>(), 1 << 20);
  staging.download(back.data(), device.as<void>(), 1 << 20);
  CHECK(back == values);
}

// A slot has room for one batch: batches of the same size find it there.
void a_steady_state_allocates_nothing() {
  cuda::Context context({});
  cuda::Staging staging(context);
  const Buffer device = context.allocate(size_t{3} << 20);
  const std::vector<float> values = pattern((size_t{3} << 20) / 4, 5);
  const auto batch = [&] {
    for (const size_t bytes : {size_t{100}, size_t{3} << 20, size_t{70000}, size_t{56}}) staging.upload(device.as<void>(), values.data(), bytes);
    staging.next_batch();
  };
  batch();
  batch();
  const size_t held = staging.held();
  const int64_t allocations = context.memory_counters()->allocations;
  CHECK(held >= size_t{6} << 20);
  for (int i = 0; i < 50; ++i) batch();
  CHECK(staging.held() == held);
  CHECK(context.memory_counters()->allocations == allocations);
  context.synchronize();
}

// Uploads that no pass follows, with and without downloads between them.
void uploads_alone_do_not_pile_up() {
  cuda::Context context({});
  cuda::Staging staging(context);
  const Buffer device = context.allocate(1 << 20);
  std::vector<float> values = pattern(1 << 18, 9), back(1 << 18);
  for (int i = 0; i < 40; ++i) {
    values[5] = static_cast<float>(i);
    staging.upload(device.as<void>(), values.data(), 1 << 20);
    staging.download(back.data(), device.as<void>(), 1 << 20);
    CHECK(back == values);
  }
  CHECK(staging.held() <= size_t{4} << 20);
  for (int i = 0; i < 400; ++i) {
    values[5] = static_cast<float>(1000 + i);
    staging.upload(device.as<void>(), values.data(), 1 << 20);
  }
  CHECK(staging.held() <= size_t{512} << 20);
  staging.download(back.data(), device.as<void>(), 1 << 20);
  CHECK(back == values);
}

void a_download_waits_for_the_work() {
  const auto backend = make_cuda_backend({});
  constexpr size_t count = 1 << 16;
  const Buffer x = backend->allocate(count * 4), y = backend->allocate(count * 4);
  const std::vector<float> ones(count, 1);
  backend->upload(x.as<void>(), ones.data(), count * 4);
  for (int i = 0; i < 300; ++i) backend->add_rows(x.as<float>(), 1, y.as<float>(), 1, count, 1);
  CHECK(read<float>(*backend, y.as<void>(), count) == std::vector<float>(count, 300));
}

// What a pass reads comes before it: in a captured one it would be there once only.
void a_captured_pass_uploads_nothing() {
  cuda::Context context({});
  cuda::Staging staging(context);
  cuda::Graphs graphs(context);
  const Buffer device = context.allocate(64);
  std::vector<std::string> texts;
  const float value = 1;
  float back = 0;
  for (int i = 0; i < 3; ++i) {
    graphs.run("pass", [&] {
      if (!context.capturing()) return;
      texts.push_back(thrown_by([&] { staging.upload(device.as<void>(), &value, 4); }));
      texts.push_back(thrown_by([&] { staging.stage(4); }));
      texts.push_back(thrown_by([&] { staging.download(&back, device.as<void>(), 4); }));
      texts.push_back(thrown_by([&] { context.allocate(64); }));
      texts.push_back(thrown_by([&] { context.synchronize(); }));
    });
  }
  CHECK(texts.size() == 5);
  for (const std::string& text : texts) CHECK(has(text, "DEVICE [cuda:0] ") && has(text, "captured"));
  CHECK(context.graph_counters().captures == 1);   // refused before CUDA heard of it
}

}  // namespace

int main() {
  if (!have_gpu()) return kNothingTested;
  batches_do_not_mix();
  every_size_comes_through();
  a_steady_state_allocates_nothing();
  rooms_that_are_given_up_do_not_pile_up();
  uploads_alone_do_not_pile_up();
  a_download_waits_for_the_work();
  a_captured_pass_uploads_nothing();
  return checks().report();
}
