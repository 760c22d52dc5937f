// What the machine can do in this very round, with as many threads as the others have: multiply-adds from registers, large matrix
// products, and reading memory in pieces as large as a thread's share of the layer's weights.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

#include "cpu/gemm.h"
#include "request.h"
#ifdef GRUS_BENCH_OPENBLAS
#include "openblas.h"
#endif

using namespace grus;
using namespace grus::bench;

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
constexpr int kSize = 1024;  // of the products' matrices

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

volatile float sink;  // the compiler must not find out that nobody wants the numbers

float sum(Vector v) {
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += v[i];
  return total;
}

// In a register after every round, whatever the compiler would rather do with twelve chains that look alike.
#if defined(__aarch64__)
#define HERE(v) "+w"(v)
#else
#define HERE(v) "+x"(v)
#endif

__attribute__((noinline)) double multiply_adds(int repeats) {
  Vector m, c, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11;
  for (int i = 0; i < kLanes; ++i) m[i] = 0.999f, c[i] = 0.001f * static_cast<float>(i);
  a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = a9 = a10 = a11 = c;
  for (int i = 0; i < repeats; ++i) {
    a0 = a0 * m + c, a1 = a1 * m + c, a2 = a2 * m + c, a3 = a3 * m + c, a4 = a4 * m + c, a5 = a5 * m + c;
    a6 = a6 * m + c, a7 = a7 * m + c, a8 = a8 * m + c, a9 = a9 * m + c, a10 = a10 * m + c, a11 = a11 * m + c;
    __asm__ volatile("" : HERE(a0), HERE(a1), HERE(a2), HERE(a3), HERE(a4), HERE(a5));
    __asm__ volatile("" : HERE(a6), HERE(a7), HERE(a8), HERE(a9), HERE(a10), HERE(a11));
  }
  sink = sum(a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11);
  return 2.0 * 12 * kLanes * repeats;
}

__attribute__((noinline)) double read_all(const std::vector<float>& values) {
  constexpr size_t kPiece = 8 * kLanes;
  Vector a[8] = {};
  const float* data = values.data();
  for (size_t at = 0; at + kPiece <= values.size(); at += kPiece) {
    for (int i = 0; i < 8; ++i) {
      Vector v;
      __builtin_memcpy(&v, data + at + i * kLanes, sizeof v);
      a[i] += v;
    }
  }
  sink = sum(a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7]);
  return static_cast<double>(values.size() * sizeof(float));
}

// The sum of the rates at which the threads, all at once, do work(thread), in units of what it returns.
double rate(int threads, double ms, const std::function<double(int)>& work) {
  std::atomic<int> ready{0};
  std::vector<double> rates(static_cast<size_t>(threads));
  const auto body = [&](int thread) {
    work(thread);
    ++ready;
    while (ready < threads) std::this_thread::yield();
    double done = 0;
    const double start = seconds();
    do done += work(thread);
    while (seconds() - start < ms / 1000);
    rates[static_cast<size_t>(thread)] = done / (seconds() - start);
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(body, thread);
  body(0);
  for (std::thread& other : others) other.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

class Limits {
 public:
  std::string answer(const Request& request) {
    if (request.command() == "info") return "{\"name\":\"limits\",\"version\":" + quoted(version()) + "}";
    if (request.command() == "prepare") return prepare(request);
    if (request.command() == "time" && team_) return time(std::stod(request.text("ms")));
    throw std::invalid_argument("[bench] expected info, prepare, or then time, got " + request.command());
  }

 private:
  static std::string version() {
#ifdef GRUS_BENCH_OPENBLAS
    return std::to_string(kLanes * 32) + " bits, " + openblas_version();
#else
    return std::to_string(kLanes * 32) + " bits";
#endif
  }

  // bytes: read again and again by all threads together, each its share
  std::string prepare(const Request& request) {
    const int threads = request.integer("threads");
    team_ = std::make_unique<Team>(threads);
    shares_.assign(static_cast<size_t>(threads), {});
    for (auto& share : shares_)
      share.assign(std::max<size_t>(1024, std::stoull(request.text("bytes")) / sizeof(float) / shares_.size()), 1.0f);
    if (a_.empty()) {
      for (auto* matrix : {&a_, &b_, &c_}) matrix->resize(size_t{kSize} * kSize);
      for (size_t i = 0; i < a_.size(); ++i) a_[i] = static_cast<float>(i % 101) / 101, b_[i] = static_cast<float>(i % 103) / 103;
    }
    return "{\"results\":{}}";
  }

  std::string time(double ms) {
    const int threads = team_->threads();
    const double fma = rate(threads, ms / 5, [](int) { return multiply_adds(2000); });
    const double bandwidth = rate(threads, ms / 5, [&](int thread) { return read_all(shares_[static_cast<size_t>(thread)]); });
    Gemm product;
    product.m = product.n = product.k = product.lda = product.ldb = product.ldc = kSize;
    product.a = a_.data(), product.b = b_.data(), product.c = c_.data();
    const double flop = 2.0 * kSize * kSize * kSize;
    const double own = rate(1, ms / 5, [&](int) { return gemm(product, *team_, scratch_), flop; });
    std::string text = "{\"fma\":" + number(fma / 1e9) + ",\"bandwidth\":" + number(bandwidth / 1e9) + ",\"gemm\":" + number(own / 1e9);
#ifdef GRUS_BENCH_OPENBLAS
    openblas_set_num_threads(threads);
    const double theirs = rate(1, ms / 5, [&](int) {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kSize, kSize, kSize, 1, a_.data(), kSize, b_.data(), kSize, 0, c_.data(),
                  kSize);
      return flop;
    });
    text += ",\"sgemm\":" + number(theirs / 1e9);
#endif
    return text + "}";
  }

  std::unique_ptr<Team> team_;
  GemmScratch scratch_;
  std::vector<std::vector<float>> shares_;
  std::vector<float> a_, b_, c_;
};

}  // namespace

int main() {
  Limits limits;
  return answer_requests([&](const Request& request) { return limits.answer(request); });
}
