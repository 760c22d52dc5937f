// Memory, products, rows, activations, softmax and layer normalization, each against a plain loop in double, on 1, 2 and 5 threads with the same bits.
#include "ops_support.h"

#include "core/error.h"

// Under AddressSanitizer a request that cannot be met must come back as null, as it does without it.
#if defined(__GNUC__)
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

using namespace grus;

namespace {

void memory() {
  auto backend = make_cpu_backend(1);
  CHECK(std::string(backend->device()) == "cpu");
  CHECK(backend->engine().find("cpu ") == 0);
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{63}, size_t{4096}, size_t{1} << 22}) {
    Buffer buffer = backend->allocate(bytes);
    CHECK(reinterpret_cast<uintptr_t>(buffer.as<void>()) % 64 == 0 && buffer && buffer.bytes() == bytes);
    bool zero = true;
    for (size_t i = 0; i < bytes; ++i) zero = zero && buffer.as<char>()[i] == 0;
    CHECK(zero);
  }
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX - 10, SIZE_MAX / 2, size_t{1} << 60}) {
    std::string message;
    try {
      backend->allocate(bytes);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::out_of_memory);
      message = error.what();
    }
    CHECK(message.find(std::to_string(bytes)) != std::string::npos);
  }
  bool refused = false;
  try {
    make_cpu_backend(100000);
  } catch (const Error& error) {
    refused = error.code() == ErrorCode::invalid_argument;
  }
  CHECK(refused);
  CHECK(make_cpu_backend(0) && make_cpu_backend(-1));
  Floats source = random_floats(100, 1), back(100);
  Buffer a = backend->allocate(400), b = backend->allocate(400);
  backend->upload(a.as<void>(), source.data(), 400);
  int runs = 0;
  backend->run("copy", [&] { backend->copy(b.as<void>(), a.as<void>(), 400); ++runs; });
  backend->zero(a.as<void>(), 200);
  backend->synchronize();
  backend->download(back.data(), b.as<void>(), 400);
  CHECK(runs == 1 && same_bits(back, source));
  CHECK(a.as<float>()[49] == 0 && a.as<float>()[50] == source[50]);
}

void rows_and_bias(int64_t rows, int64_t cols) {
  const int64_t x_stride = cols + 3, y_stride = cols + 1;
  const Floats x = random_floats(static_cast<size_t>(rows * x_stride), 1), start = random_floats(static_cast<size_t>(rows * y_stride), 2);
  const Floats copied = on_any_team([&](Backend& backend) {
    Floats y = start;
    backend.copy_rows(x.data(), x_stride, y.data(), y_stride, rows, cols);
    return y;
  });
  const Floats added = on_any_team([&](Backend& backend) {
    Floats y = start;
    backend.add_rows(x.data(), x_stride, y.data(), y_stride, rows, cols);
    return y;
  });
  bool right = true;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < y_stride; ++c) {
      const auto at = static_cast<size_t>(r * y_stride + c);
      const float from = c < cols ? x[static_cast<size_t>(r * x_stride + c)] : 0;
      right = right && copied[at] == (c < cols ? from : start[at]) && added[at] == start[at] + from;   // gaps between rows stay
    }
  CHECK(right);

  const Floats bias = random_floats(static_cast<size_t>(cols), 3), dense = random_floats(static_cast<size_t>(rows * cols), 4);
  const Floats biased = on_any_team([&](Backend& backend) {
    Floats y = dense;
    backend.bias_add(y.data(), bias.data(), rows, cols);
    return y;
  });
  const Floats gradient = on_any_team([&](Backend& backend) {
    Floats d = bias;
    backend.bias_grad(d.data(), dense.data(), rows, cols);
    return d;
  });
  Doubles want_biased = widened(dense), want_gradient = widened(bias);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      want_biased[static_cast<size_t>(r * cols + c)] += bias[static_cast<size_t>(c)];
      want_gradient[static_cast<size_t>(c)] += dense[static_cast<size_t>(r * cols + c)];
    }
  CHECK(first_difference(biased, want_biased) == -1);
  CHECK(first_difference(gradient, want_gradient) == -1);
}

void activations() {
  const Activation kinds[] = {{ActivationKind::linear, 0, 0}, {ActivationKind::relu, 0, 0}, {ActivationKind::tanh, 0, 0},
                              {ActivationKind::sigmoid, 0, 0}, {ActivationKind::softsign, 0, 0}, {ActivationKind::softplus, 0, 0},
                              {ActivationKind::affine, 0.7f, 0.2f}, {ActivationKind::leaky_relu, 0.1f, 0},
                              {ActivationKind::thresholded_relu, 0.4f, 0}, {ActivationKind::scaled_tanh, 1.3f, 0.6f},
                              {ActivationKind::hard_sigmoid, 0.2f, 0.5f}, {ActivationKind::elu, 0.9f, 0}};
  const auto exact = [](const Activation& kind, double x) -> double {
    const double a = kind.alpha, b = kind.beta;
    switch (kind.kind) {
      case ActivationKind::linear: return x;
      case ActivationKind::relu: return x > 0 ? x : 0;
      case ActivationKind::tanh: return std::tanh(x);
      case ActivationKind::sigmoid: return 1 / (1 + std::exp(-x));
      case ActivationKind::softsign: return x / (1 + std::fabs(x));
      case ActivationKind::softplus: return std::log1p(std::exp(x));
      case ActivationKind::affine: return a * x + b;
      case ActivationKind::leaky_relu: return x >= 0 ? x : a * x;
      case ActivationKind::thresholded_relu: return x > a ? x : 0;
      case ActivationKind::scaled_tanh: return a * std::tanh(b * x);
      case ActivationKind::hard_sigmoid: return std::min(1.0, std::max(0.0, a * x + b));
      case ActivationKind::elu: return x >= 0 ? x : a * std::expm1(x);
    }
    return 0;
  };
  for (const Activation& kind : kinds)
    for (const size_t count : {size_t{1}, size_t{77}, size_t{70001}}) {
      const Floats x = random_floats(count, 5, -4, 4), dy = random_floats(count, 6);
      const Floats y = on_any_team([&](Backend& backend) {
        Floats out = x;
        backend.activation(kind, out.data(), out.data(), static_cast<int64_t>(count));
        return out;
      });
      const Floats dx = on_any_team([&](Backend& backend) {
        Floats out = dy;
        backend.activation_grad(kind, y.data(), out.data(), out.data(), static_cast<int64_t>(count));
        return out;
      });
      Doubles want(count), slope(count);
      for (size_t i = 0; i < count; ++i) {
        want[i] = exact(kind, x[i]);
        slope[i] = dy[i] * (exact(kind, x[i] + 1e-6) - exact(kind, x[i] - 1e-6)) / 2e-6;
      }
      CHECK(first_difference(y, want) == -1);
      CHECK(first_difference(dx, slope, 1e-3, 1e-4) == -1);
    }
}

void softmax(int64_t rows, int64_t cols) {
  const auto count = static_cast<size_t>(rows * cols);
  const Floats x = random_floats(count, 7, -30, 30), dy = random_floats(count, 8);
  const Floats y = on_any_team([&](Backend& backend) {
    Floats out(count);
    backend.softmax(x.data(), out.data(), rows, cols);
    return out;
  });
  const Floats dx = on_any_team([&](Backend& backend) {
    Floats out(count);
    backend.softmax_grad(y.data(), dy.data(), out.data(), rows, cols);
    return out;
  });
  Doubles want(count), gradient(count);
  for (int64_t r = 0; r < rows; ++r) {
    double total = 0, dot = 0;
    for (int64_t c = 0; c < cols; ++c) total += std::exp(static_cast<double>(x[static_cast<size_t>(r * cols + c)]));
    for (int64_t c = 0; c < cols; ++c) {
      const auto at = static_cast<size_t>(r * cols + c);
      want[at] = std::exp(static_cast<double>(x[at])) / total;
      dot += want[at] * dy[at];
    }
    for (int64_t c = 0; c < cols; ++c) {
      const auto at = static_cast<size_t>(r * cols + c);
      gradient[at] = want[at] * (dy[at] - dot);
    }
  }
  CHECK(first_difference(y, want) == -1);
  CHECK(first_difference(dx, gradient, 1e-4, 1e-6) == -1);
}

void softmax_by_differences() {
  const Floats x = random_floats(7, 9, -2, 2), dy = random_floats(7, 10);
  const auto value = [&](const Doubles& at) {
    double total = 0, sum = 0;
    for (const double v : at) total += std::exp(v);
    for (size_t i = 0; i < at.size(); ++i) sum += dy[i] * std::exp(at[i]) / total;
    return sum;
  };
  auto backend = make_cpu_backend(1);
  Floats y(7), dx(7);
  backend->softmax(x.data(), y.data(), 1, 7);
  backend->softmax_grad(y.data(), dy.data(), dx.data(), 1, 7);
  CHECK(first_difference(dx, differences(value, widened(x)), 1e-4, 1e-6) == -1);
  Floats extreme{1000, 999, -1000}, out(3);
  backend->softmax(extreme.data(), out.data(), 1, 3);
  CHECK(near(out[0], 1 / (1 + std::exp(-1.0))) && out[2] == 0);
  extreme[1] = not_a_number;
  backend->softmax(extreme.data(), out.data(), 1, 3);
  CHECK(std::isnan(out[0]) && std::isnan(out[1]) && std::isnan(out[2]));
}

// offset: of all values of a row, which the variance must not feel
void layer_norm(int64_t rows, int64_t cols, bool weighted, bool biased, float offset) {
  const auto count = static_cast<size_t>(rows * cols), width = static_cast<size_t>(cols);
  const Floats x = random_floats(count, 31, offset - 2, offset + 2), dy = random_floats(count, 32);
  const Floats weight = random_floats(width, 33, 0.5f, 1.5f), bias = random_floats(width, 34), before = random_floats(width, 35);
  const auto call = [&](std::vector<double>& statistics) {
    LayerNorm norm;
    norm.epsilon = 1e-3f;
    norm.rows = rows, norm.cols = cols;
    norm.x = x.data();
    norm.weight = weighted ? weight.data() : nullptr;
    norm.statistics = statistics.data();
    return norm;
  };
  std::vector<double> statistics(static_cast<size_t>(2 * rows));
  const Floats y = on_any_team([&](Backend& backend) {
    Floats out(count);
    backend.layer_norm(call(statistics), biased ? bias.data() : nullptr, out.data());
    return out;
  });
  const Floats dx = on_any_team([&](Backend& backend) {
    Floats out = dy;
    backend.layer_norm_grad(call(statistics), out.data(), out.data(), nullptr);
    return out;
  });
  const Floats dweight = on_any_team([&](Backend& backend) {
    Floats sums = before;
    backend.layer_norm_grad(call(statistics), dy.data(), nullptr, sums.data());
    return sums;
  });
  Doubles want(count), gradient(count), of_weight = widened(before);
  for (int64_t r = 0; r < rows; ++r) {
    const auto at = [&](int64_t c) { return static_cast<size_t>(r * cols + c); };
    double mean = 0, variance = 0, first = 0, second = 0;
    for (int64_t c = 0; c < cols; ++c) mean += x[at(c)] / static_cast<double>(cols);
    for (int64_t c = 0; c < cols; ++c) variance += (x[at(c)] - mean) * (x[at(c)] - mean) / static_cast<double>(cols);
    const double scale = 1 / std::sqrt(variance + 1e-3f);
    for (int64_t c = 0; c < cols; ++c) {
      const auto i = static_cast<size_t>(c);
      const double normalized = (x[at(c)] - mean) * scale, g = dy[at(c)] * (weighted ? weight[i] : 1.0);
      want[at(c)] = normalized * (weighted ? weight[i] : 1.0) + (biased ? bias[i] : 0.0);
      of_weight[i] += dy[at(c)] * normalized;
      first += g / static_cast<double>(cols), second += g * normalized / static_cast<double>(cols);
    }
    for (int64_t c = 0; c < cols; ++c) {
      const double g = dy[at(c)] * (weighted ? weight[static_cast<size_t>(c)] : 1.0);
      gradient[at(c)] = scale * (g - first - (x[at(c)] - mean) * scale * second);
    }
  }
  CHECK(first_difference(y, want, 1e-6, 2e-7) == -1);
  CHECK(first_difference(dx, gradient, 1e-6, 1e-6) == -1);
  CHECK(first_difference(dweight, of_weight, 1e-6, 1e-6) == -1);
}

void layer_norm_by_differences() {
  const Floats x = random_floats(7, 36, -2, 2), dy = random_floats(7, 37), weight = random_floats(7, 38);
  const auto value = [&](const Doubles& at) {
    double mean = 0, variance = 0, sum = 0;
    for (const double v : at) mean += v / 7;
    for (const double v : at) variance += (v - mean) * (v - mean) / 7;
    for (size_t i = 0; i < 7; ++i) sum += dy[i] * weight[i] * (at[i] - mean) / std::sqrt(variance + 0.25);
    return sum;
  };
  auto backend = make_cpu_backend(1);
  Floats y(7), dx(7);
  double statistics[2];
  LayerNorm norm;
  norm.epsilon = 0.25f;
  norm.rows = 1, norm.cols = 7;
  norm.x = x.data(), norm.weight = weight.data(), norm.statistics = statistics;
  backend->layer_norm(norm, nullptr, y.data());
  backend->layer_norm_grad(norm, dy.data(), dx.data(), nullptr);
  CHECK(first_difference(dx, differences(value, widened(x)), 1e-5, 1e-6) == -1);
}

void gemm() {
  const int64_t m = 37, n = 51, k = 29;
  const Floats a = random_floats(static_cast<size_t>(m * k), 21), b = random_floats(static_cast<size_t>(k * n), 22);
  const Floats c = on_any_team([&](Backend& backend) {
    Floats out(static_cast<size_t>(m * n), 1.0f);
    Gemm call;
    call.m = m;
    call.n = n;
    call.k = k;
    call.beta = 0.5f;
    call.a = a.data();
    call.lda = k;
    call.b = b.data();
    call.ldb = n;
    call.c = out.data();
    call.ldc = n;
    backend.gemm(call);
    return out;
  });
  Doubles want(static_cast<size_t>(m * n), 0.5);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t p = 0; p < k; ++p)
        want[static_cast<size_t>(i * n + j)] += static_cast<double>(a[static_cast<size_t>(i * k + p)]) * b[static_cast<size_t>(p * n + j)];
  CHECK(first_difference(c, want, 1e-4, 1e-5) == -1);
}

}  // namespace

int main() {
  memory();
  gemm();
  rows_and_bias(1, 1);
  rows_and_bias(3, 70);
  rows_and_bias(700, 130);
  activations();
  softmax(1, 1);
  softmax(5, 19);
  softmax(900, 55);
  softmax_by_differences();
  for (const bool weighted : {false, true})
    for (const bool biased : {false, true})
      for (const float offset : {0.0f, 1e5f}) {
        layer_norm(1, 1, weighted, biased, offset);
        layer_norm(5, 19, weighted, biased, offset);
        layer_norm(900, 130, weighted, biased, offset);
      }
  layer_norm_by_differences();
  return checks().report();
}
