#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "core/error.h"
#include "ops_support.h"

// The same operation on the CPU and on the GPU.
namespace grus {

// Values on a backend's device, `shift` elements behind the start of an allocation.
template <class T>
class On {
 public:
  On(Backend& backend, const std::vector<T>& values, size_t shift = 0)
      : backend_(backend), count_(values.size()), memory_(backend.allocate((values.size() + shift) * sizeof(T) + 1)),
        data_(memory_.template as<T>() + shift) {
    if (count_ > 0) backend.upload(data_, values.data(), count_ * sizeof(T));
  }
  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    if (count_ > 0) backend_.download(values.data(), data_, count_ * sizeof(T));
    return values;
  }

 private:
  Backend& backend_;
  size_t count_;
  Buffer memory_;
  T* data_;
};

struct Engines {
  std::unique_ptr<Backend> cpu = make_cpu_backend(1), cuda;
  int passes = 0;
  void run(Backend& backend, const std::function<void()>& enqueue) { backend.run("pass " + std::to_string(++passes), enqueue); }
};

// Empty, with the reason printed, where there is no GPU to test.
inline std::unique_ptr<Engines> both_engines() {
  auto engines = std::make_unique<Engines>();
  try {
    engines->cuda = make_cuda_backend({});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::backend_unavailable) throw;
    std::printf("skipped: %s\n", error.what());
    return nullptr;
  }
  return engines;
}

struct Results {
  Floats cpu, cuda;
};

// body(backend) returns what it has computed. On the GPU it comes twice, with the same bits.
template <class Body>
Results on_both(Engines& engines, const Body& body) {
  Results results{body(*engines.cpu), body(*engines.cuda)};
  CHECK(same_bits(body(*engines.cuda), results.cuda));
  return results;
}

// The first place where they are further apart than absolute + relative * |cpu|, or -1. Infinities must be the same, NaN too.
inline int64_t first_apart(const Results& results, double relative, double absolute) {
  if (results.cpu.size() != results.cuda.size()) return 0;
  for (size_t i = 0; i < results.cpu.size(); ++i) {
    const float got = results.cuda[i], want = results.cpu[i];
    if (got == want || near(got, want, relative, absolute)) continue;
    std::printf("  at %zu: %.9g on the GPU, %.9g on the CPU\n", i, got, want);
    return static_cast<int64_t>(i);
  }
  return -1;
}

}  // namespace grus
