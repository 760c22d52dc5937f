// Sums over rows and columns, softmax, layer normalization and embeddings on the GPU against the CPU's.
#include "id_lists.h"
#include "on_both.h"

using namespace grus;

namespace {

void bias_grad(Engines& engines, int64_t rows, int64_t cols) {
  const Floats dy = random_floats(static_cast<size_t>(rows * cols), 1), before = random_floats(static_cast<size_t>(cols), 2);
  const Results sums = on_both(engines, [&](Backend& backend) {
    const On<float> d(backend, dy), to(backend, before);
    engines.run(backend, [&] { backend.bias_grad(to.data(), d.data(), rows, cols); });
    return to.read();
  });
  CHECK(first_apart(sums, 1.2e-7, 1e-13) == -1);   // both add in double: the last bit of the result at most
}

void softmax(Engines& engines, int64_t rows, int64_t cols, float range) {
  const auto count = static_cast<size_t>(rows * cols);
  const Floats x = random_floats(count, 3, -range, range), dy = random_floats(count, 4);
  const Results y = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, x), to(backend, Floats(count, not_a_number));
    engines.run(backend, [&] { backend.softmax(from.data(), to.data(), rows, cols); });
    return to.read();
  });
  CHECK(first_apart(y, 2e-6, 1e-37) == -1);
  const Results in_place = on_both(engines, [&](Backend& backend) {
    const On<float> values(backend, x);
    engines.run(backend, [&] { backend.softmax(values.data(), values.data(), rows, cols); });
    return values.read();
  });
  CHECK(same_bits(in_place.cuda, y.cuda));
  const Results dx = on_both(engines, [&](Backend& backend) {
    const On<float> out(backend, y.cpu), d(backend, dy);
    engines.run(backend, [&] { backend.softmax_grad(out.data(), d.data(), d.data(), rows, cols); });
    return d.read();
  });
  CHECK(first_apart(dx, 1e-6, 1e-7) == -1);
}

void softmax_of_extremes(Engines& engines) {
  const float inf = INFINITY, nan = not_a_number, big = 3e38f;
  const Floats x{1000, 999, -1000,  big, -big, 0,  -inf, 2, 1,  -inf, -inf, -inf,  inf, 0, 1,  0, nan, 1,  nan, nan, nan,  1, 2, nan,
                 -inf, nan, 5,  inf, inf, -inf};
  const auto rows = static_cast<int64_t>(x.size() / 3);
  const Results y = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, x), to(backend, x);
    engines.run(backend, [&] { backend.softmax(from.data(), to.data(), rows, 3); });
    return to.read();
  });
  CHECK(first_apart(y, 1e-6, 0) == -1);
  CHECK(near(y.cuda[0], 1 / (1 + std::exp(-1.0))) && y.cuda[2] == 0 && y.cuda[3] == 1 && y.cuda[6] == 0);
  for (size_t i = 9; i < x.size(); ++i) CHECK(std::isnan(y.cuda[i]));
  // an element that is not finite in a row as long as a block has threads
  Floats wide = random_floats(5 * 1500, 5);
  wide[1400] = nan;
  wide[1500 + 7] = inf;
  wide[3000 + 900] = -inf;
  for (size_t i = 4500; i < 6000; ++i) wide[i] = -inf;
  const Results far = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, wide), to(backend, wide);
    engines.run(backend, [&] { backend.softmax(from.data(), to.data(), 5, 1500); });
    return to.read();
  });
  CHECK(first_apart(far, 2e-6, 0) == -1);
}

void layer_norm(Engines& engines, int64_t rows, int64_t cols, bool weighted, bool biased) {
  const auto count = static_cast<size_t>(rows * cols), width = static_cast<size_t>(cols);
  const Floats x = random_floats(count, 9, 90, 110), dy = random_floats(count, 10);
  const Floats weight = random_floats(width, 11, 0.5f, 1.5f), bias = random_floats(width, 12);
  const auto call = [&](const On<float>& from, const On<float>& factor, const On<double>& statistics) {
    LayerNorm norm;
    norm.epsilon = 1e-3f;
    norm.rows = rows, norm.cols = cols;
    norm.x = from.data();
    norm.weight = weighted ? factor.data() : nullptr;
    norm.statistics = statistics.data();
    return norm;
  };
  Doubles kept(static_cast<size_t>(2 * rows), not_a_number);
  const Results y = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, x), factor(backend, weight), shift(backend, bias), to(backend, Floats(count, not_a_number));
    const On<double> statistics(backend, Doubles(kept.size(), not_a_number));
    engines.run(backend, [&] { backend.layer_norm(call(from, factor, statistics), biased ? shift.data() : nullptr, to.data()); });
    kept = statistics.read();
    return to.read();
  });
  CHECK(first_apart(y, 3e-7, 3e-7) == -1);   // both add in double
  const Results dx = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, x), factor(backend, weight), d(backend, dy);
    const On<double> statistics(backend, kept);
    engines.run(backend, [&] { backend.layer_norm_grad(call(from, factor, statistics), d.data(), d.data(), nullptr); });
    return d.read();
  });
  CHECK(first_apart(dx, 3e-7, 3e-7) == -1);
  const Results dweight = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, x), factor(backend, weight), d(backend, dy), sums(backend, bias);
    const On<double> statistics(backend, kept);
    engines.run(backend, [&] { backend.layer_norm_grad(call(from, factor, statistics), d.data(), nullptr, sums.data()); });
    return sums.read();
  });
  CHECK(first_apart(dweight, 1.2e-7, 1e-10) == -1);
}

void embedding(Engines& engines, int32_t vocabulary, int64_t rows, int64_t cols, size_t shift, const std::vector<int32_t>& ids) {
  const auto count = static_cast<size_t>(rows * cols);
  const Floats table = random_floats(static_cast<size_t>(vocabulary * cols), 6), dy = random_floats(count, 7);
  const Results y = on_both(engines, [&](Backend& backend) {
    const On<float> from(backend, table, shift), to(backend, Floats(count, not_a_number));
    const On<int32_t> chosen(backend, ids);
    engines.run(backend, [&] { backend.embedding(from.data(), chosen.data(), to.data(), rows, cols); });
    return to.read();
  });
  CHECK(same_bits(y.cuda, y.cpu));
  IdLists lists;
  lists.lists = IdGrouping::most_lists(rows, vocabulary);
  std::vector<int32_t> order(static_cast<size_t>(rows)), starts(static_cast<size_t>(lists.lists + 1), -1);
  IdGrouping().fill(ids.data(), rows, vocabulary, order.data(), starts.data());
  const Results gradient = on_both(engines, [&](Backend& backend) {
    const On<float> d(backend, dy, shift), to(backend, table, shift);
    const On<int32_t> chosen(backend, ids, shift), positions(backend, order, shift), begins(backend, starts, shift);
    IdLists there = lists;
    there.order = positions.data(), there.starts = begins.data();
    engines.run(backend, [&] { backend.embedding_grad(to.data(), chosen.data(), there, d.data(), rows, cols); });
    return to.read();
  });
  CHECK(same_bits(gradient.cuda, gradient.cpu));   // both add an id's rows in their order
}

void embedding(Engines& engines, int32_t vocabulary, int64_t rows, int64_t cols, size_t shift = 0) {
  embedding(engines, vocabulary, rows, cols, shift, random_ints(static_cast<size_t>(rows), vocabulary, 8));
}

}  // namespace

int main() {
  const auto engines = both_engines();
  if (!engines) return kNothingTested;
  struct { int64_t rows, cols; } shapes[] = {{0, 5}, {5, 0}, {1, 1}, {1, 31}, {5, 32}, {7, 33}, {33, 64},
                                        {9, 65}, {40, 257}, {3, 5003}, {70001, 3}};
  for (const auto& [rows, cols] : shapes) {
    bias_grad(*engines, rows, cols);
    softmax(*engines, rows, cols, 3);
    softmax(*engines, rows, cols, 60);
    for (const bool weighted : {false, true}) layer_norm(*engines, rows, cols, weighted, !weighted);
    layer_norm(*engines, rows, cols, true, true);
  }
  softmax_of_extremes(*engines);
  embedding(*engines, 4, 0, 3);
  embedding(*engines, 4, 3, 0);
  embedding(*engines, 1, 1, 1);
  embedding(*engines, 300, 203, 600);
  embedding(*engines, 5000, 20001, 1);
  for (const int64_t cols : {1, 5, 31, 32, 33, 64, 100}) {
    for (const size_t shift : {0, 1}) {       // four columns at a time, and one
      embedding(*engines, 1, 35, cols, shift);
      embedding(*engines, 3, 100, cols, shift);         // every id many times
      embedding(*engines, 50, 41, cols, shift);
      embedding(*engines, 1000000 / static_cast<int32_t>(cols), 70, cols, shift);      // few of many
      embedding(*engines, 70, 400, cols, shift, std::vector<int32_t>(400, 69));        // one id everywhere
      std::vector<int32_t> distinct(203);
      for (int i = 0; i < 203; ++i) distinct[static_cast<size_t>(i)] = (i * 90 + 7) % 203;
      embedding(*engines, 203, 203, cols, shift, distinct);
    }
  }
  return checks().report();
}
