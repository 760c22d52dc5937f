// What moves steps of sequences on the GPU: the backend's gathering against the CPU's, and the kernels around passes that know of no
// lengths against plain loops. All of it moves or adds single numbers, so the bits must be the same.
#include "cuda/kernels/sequence.h"
#include "on_both.h"
#include "on_stream.h"

using namespace grus;

namespace {

using Ints = std::vector<int32_t>;

void gather(Engines& engines, int steps, int batch, int cols, int gap, bool runs) {
  GatherSteps options;
  options.steps = steps;
  options.batch = batch;
  options.cols = cols;
  options.x_stride = cols + 2 * gap;
  options.y_stride = cols + gap;
  options.fallback_stride = cols + 3 * gap;
  Ints map = random_ints(static_cast<size_t>(steps * batch), steps + 2, 1);
  for (size_t i = 0; i < map.size(); ++i) {
    if (map[i] >= steps) map[i] = -1;
    if (runs && i >= static_cast<size_t>(batch) && i % 3 != 0) map[i] = map[i - static_cast<size_t>(batch)];   // a step held for a while
  }
  const Floats x = random_floats(map.size() * static_cast<size_t>(options.x_stride), 2);
  const Floats spare = random_floats(static_cast<size_t>(batch * options.fallback_stride), 3);
  const Floats dy = random_floats(map.size() * static_cast<size_t>(options.y_stride), 4);
  for (const bool with_spare : {false, true}) {
    const Results y = on_both(engines, [&](Backend& backend) {
      const On<int32_t> steps_of(backend, map);
      const On<float> from(backend, x), fallback(backend, spare), to(backend, dy);
      GatherSteps call = options;
      call.map = steps_of.data();
      engines.run(backend, [&] { backend.gather_steps(call, from.data(), with_spare ? fallback.data() : nullptr, to.data()); });
      return to.read();
    });
    CHECK(same_bits(y.cuda, y.cpu));
  }
  for (const int wanted : {1, 2, 3}) {   // dx, dfallback, both
    const Results gradients = on_both(engines, [&](Backend& backend) {
      const On<int32_t> steps_of(backend, map);
      const On<float> d(backend, dy), dx(backend, x), dspare(backend, spare);
      GatherSteps call = options;
      call.map = steps_of.data();
      engines.run(backend, [&] {
        backend.gather_steps_grad(call, d.data(), wanted & 1 ? dx.data() : nullptr, wanted & 2 ? dspare.data() : nullptr);
      });
      Floats all = dx.read();
      const Floats rest = dspare.read();
      all.insert(all.end(), rest.begin(), rest.end());
      return all;
    });
    CHECK(same_bits(gradients.cuda, gradients.cpu));
  }
}

struct Shape {
  int steps, batch;
  int64_t cols;
  size_t shift;                           // of x from a boundary of 16 bytes, in floats
  size_t rows() const { return static_cast<size_t>(steps) * static_cast<size_t>(batch); }
  size_t count() const { return rows() * static_cast<size_t>(cols); }
  size_t states() const { return static_cast<size_t>(batch * cols); }
};

// Empty: all rows have all steps, and no lengths are given.
Ints some_lengths(const Shape& shape, bool given) {
  if (!given) return {};
  Ints lengths = random_ints(static_cast<size_t>(shape.batch), shape.steps + 1, 5);
  if (shape.batch > 2) lengths[0] = 0, lengths[1] = shape.steps, lengths[2] = std::min(1, shape.steps);
  return lengths;
}

// A launch and what it left in y; twice, with the same bits.
template <class Launch>
Floats result(Stream& stream, const Floats& before, const Launch& launch) {
  const auto once = [&] {
    const OnStream<float> y(stream, before);
    launch(y.data());
    return y.read();
  };
  Floats first = once();
  CHECK(same_bits(once(), first));
  return first;
}

void masking(Stream& stream, const Shape& shape, bool given) {
  const Ints lengths = some_lengths(shape, given);
  const OnStream<int32_t> device_lengths(stream, lengths);
  const int32_t* pointer = given ? device_lengths.data() : nullptr;
  Floats x = random_floats(shape.count(), 6), want(x.size(), 0);
  const auto length = [&](size_t b) { return static_cast<size_t>(given ? lengths[b] : shape.steps); };
  const auto batch = static_cast<size_t>(shape.batch), cols = static_cast<size_t>(shape.cols);
  for (size_t i = 0; i < x.size(); ++i)
    if (i / cols / batch >= length(i / cols % batch)) x[i] = not_a_number;
  const OnStream<float> from(stream, x, shape.shift);
  for (const bool reverse : {false, true}) {
    for (size_t t = 0; t < static_cast<size_t>(shape.steps); ++t)
      for (size_t b = 0; b < batch; ++b)
        for (size_t c = 0; c < cols; ++c) {
          const size_t source = reverse ? length(b) - 1 - t : t;
          want[(t * batch + b) * cols + c] = t < length(b) ? x[(source * batch + b) * cols + c] : 0;
        }
    const Floats y = result(stream, Floats(x.size(), -3), [&](float* to) {
      cuda::mask_steps(stream.stream(), pointer, reverse, shape.steps, shape.batch, shape.cols, from.data(), to);
    });
    CHECK(same_bits(y, want));
    if (reverse) continue;
    const Floats in_place = result(stream, x, [&](float* to) {
      cuda::mask_steps(stream.stream(), pointer, false, shape.steps, shape.batch, shape.cols, to, to);
    });
    CHECK(same_bits(in_place, want));
  }
}

// Between columns of wider rows, put there or added; what lies beside them stays.
void masking_columns(Stream& stream, const Shape& shape, bool given) {
  const Ints lengths = some_lengths(shape, given);
  const OnStream<int32_t> device_lengths(stream, lengths);
  const auto batch = static_cast<size_t>(shape.batch), cols = static_cast<size_t>(shape.cols);
  for (const size_t gap : {size_t{3}, size_t{4}}) {
    const size_t x_stride = cols + gap, y_stride = cols + 2 * gap;
    const Floats x = random_floats(shape.rows() * x_stride, 11), before = random_floats(shape.rows() * y_stride, 12);
    const OnStream<float> from(stream, x, shape.shift);
    for (const bool reverse : {false, true}) {
      for (const bool add : {false, true}) {
        Floats want = before;
        for (size_t row = 0; row < shape.rows(); ++row) {
          const size_t t = row / batch, b = row % batch, length = static_cast<size_t>(given ? lengths[b] : shape.steps);
          const size_t source = ((reverse ? length - 1 - t : t) * batch + b) * x_stride;
          for (size_t c = 0; c < cols; ++c) {
            const float value = t < length ? x[source + c] : 0;
            float& target = want[row * y_stride + c];
            target = add ? target + value : value;
          }
        }
        const Floats y = result(stream, before, [&](float* to) {
          cuda::mask_steps(stream.stream(), given ? device_lengths.data() : nullptr, reverse, shape.steps, shape.batch, shape.cols,
                           from.data(), to, {static_cast<int64_t>(x_stride), static_cast<int64_t>(y_stride)}, add);
        });
        CHECK(same_bits(y, want));
      }
    }
  }
}

void last(Stream& stream, const Shape& shape, bool given) {
  const Ints lengths = some_lengths(shape, given);
  const OnStream<int32_t> device_lengths(stream, lengths);
  const int32_t* pointer = given ? device_lengths.data() : nullptr;
  const auto batch = static_cast<size_t>(shape.batch), cols = static_cast<size_t>(shape.cols);
  const Floats y = random_floats(shape.count(), 7), before = random_floats(shape.states(), 8);
  const OnStream<float> from(stream, y, shape.shift), old(stream, before), zeros(stream, Floats(before.size(), 0));
  Floats kept = before, fresh(before.size(), 0), gradient = y;
  for (size_t b = 0; b < batch; ++b) {
    const size_t length = static_cast<size_t>(given ? lengths[b] : shape.steps);
    for (size_t c = 0; c < cols && length > 0; ++c) {
      const size_t at = ((length - 1) * batch + b) * cols + c;
      kept[b * cols + c] = fresh[b * cols + c] = y[at];
      gradient[at] += before[b * cols + c];
    }
  }
  for (const bool carried : {true, false}) {
    const Floats state = result(stream, Floats(before.size(), -3), [&](float* to) {
      cuda::last_steps(stream.stream(), pointer, shape.steps, shape.batch, shape.cols, from.data(), carried ? old.data() : nullptr, to);
    });
    CHECK(same_bits(state, carried ? kept : fresh));
  }
  const Floats dy = result(stream, y, [&](float* to) {
    cuda::last_steps_grad(stream.stream(), pointer, shape.steps, shape.batch, shape.cols, old.data(), to);
  });
  CHECK(same_bits(dy, gradient));
}

void empty(Stream& stream, const Shape& shape, bool given) {
  const Ints lengths = some_lengths(shape, given);
  const OnStream<int32_t> device_lengths(stream, lengths);
  const int blocks = shape.steps;
  const auto batch = static_cast<size_t>(shape.batch), cols = static_cast<size_t>(shape.cols);
  const Floats x = random_floats(shape.count(), 9), before = random_floats(shape.count(), 10);
  const OnStream<float> from(stream, x, shape.shift);
  for (const bool zero : {false, true}) {
    Floats want = before;
    for (size_t i = 0; i < want.size(); ++i)
      if (given && lengths[i / cols % batch] == 0) want[i] = zero ? 0 : x[i];
    const Floats y = result(stream, before, [&](float* to) {
      cuda::empty_rows(stream.stream(), given ? device_lengths.data() : nullptr, blocks, shape.batch, shape.cols,
                       zero ? nullptr : from.data(), to);
    });
    CHECK(same_bits(y, want));
  }
}

}  // namespace

int main() {
  const auto engines = both_engines();
  if (!engines) return kNothingTested;
  for (const bool runs : {false, true}) {
    gather(*engines, 1, 1, 1, 0, runs);
    gather(*engines, 5, 3, 7, 1, runs);
    gather(*engines, 40, 16, 96, 0, runs);
    gather(*engines, 33, 5, 64, 4, runs);
    gather(*engines, 70, 300, 3, 0, runs);
  }
  gather(*engines, 3, 2, 0, 1, false);
  gather(*engines, 0, 2, 3, 1, false);
  const auto stream = Stream::open();
  if (!stream) return kNothingTested;
  for (const Shape& shape : {Shape{1, 1, 1, 0}, Shape{5, 4, 7, 0}, Shape{9, 33, 64, 0}, Shape{9, 33, 64, 1}, Shape{3, 30000, 2, 0},
                             Shape{4, 0, 3, 0}, Shape{4, 3, 0, 0}, Shape{0, 3, 4, 0}})
    for (const bool given : {true, false}) {
      masking(*stream, shape, given);
      masking_columns(*stream, shape, given);
      last(*stream, shape, given);
      empty(*stream, shape, given);
    }
  return checks().report();
}
