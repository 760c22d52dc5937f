#pragma once
#include <string>

#include "operations_support.h"

// Optimizers of every kind with every flag, flat buffers with gaps, and some updates in a row on a backend.
namespace grus {

inline std::vector<Optimizer> optimizers() {
  using Kind = OptimizerKind;
  std::vector<Optimizer> all;
  for (const Kind kind : {Kind::sgd, Kind::adam, Kind::adamw, Kind::rmsprop, Kind::adagrad, Kind::adadelta, Kind::adamax, Kind::nadam})
    for (const bool torch : {false, true}) {
      Optimizer options;
      options.kind = kind;
      options.torch_epsilon = torch;
      options.epsilon = torch ? 1e-3f : 1e-7f;               // large enough to see where it is added
      all.push_back(options);
      options.weight_decay = 0.05f;
      all.push_back(options);
      options.weight_decay = 0;
      options.amsgrad = options.centered = true;
      if (kind == Kind::adam || kind == Kind::adamw || kind == Kind::rmsprop) all.push_back(options);
      if (kind != Kind::rmsprop && kind != Kind::sgd) continue;
      options.momentum = 0.8f;
      all.push_back(options);
      options.centered = false;
      options.nesterov = true;
      all.push_back(options);
    }
  return all;
}

// Segments of a flat buffer of `count` floats; what no segment covers is a gap.
struct Layout {
  std::vector<Segment> segments;
  int64_t count = 0;

  Layout& add(int64_t length, int variable, bool trainable = true) {
    Segment segment;
    segment.offset = count;
    segment.count = length;
    segment.variable = variable;
    segment.trainable = trainable;
    segments.push_back(segment);
    count += length;
    return *this;
  }
  Layout& gap(int64_t length) {
    count += length;
    return *this;
  }
  std::vector<bool> trained() const {
    std::vector<bool> all(static_cast<size_t>(count));
    for (const Segment& s : segments) std::fill_n(all.begin() + s.offset, s.count, s.trainable);
    return all;
  }
};

inline Layout one_stretch(int64_t count) { return Layout().add(count, 0); }

// A frozen variable, gaps, a variable in two places, a stretch of nothing and one that several blocks share.
inline Layout mixed_layout() {
  return Layout().gap(3).add(40, 0).add(7, 1).add(11, 2, false).add(5, 3).gap(6).add(13, 0).add(0, 4).add(9000, 5).gap(2).add(1, 6).gap(5);
}

// More stretches than one launch takes, of variables that take turns.
inline Layout many_stretches() {
  Layout layout;
  for (int i = 0; i < 100; ++i) layout.add(3 + i % 5, i % 7, i % 7 != 4).gap(i % 2);
  return layout;
}

struct Trained {
  Floats w, slots;
};

inline Floats gradient_of(size_t count, uint64_t update) { return random_floats(count, static_cast<uint32_t>(100 + update), -1, 1); }

// One optimizer on one backend. Parameters, gradients and slots are NaN outside the segments that train, and stay that NaN.
class Training {
 public:
  Training(Backend& backend, const Optimizer& options, const Layout& layout)
      : backend_(backend), options_(options), layout_(layout), trained_(layout.trained()),
        w_(backend, masked(random_floats(trained_.size(), 1))), g_(backend, Floats(trained_.size())),
        slots_(backend, Floats(trained_.size() * static_cast<size_t>(optimizer_slots(options)), 5.0f)), scalars_(backend, {StepScalars()}) {
    backend.optimizer_init(options, slots_.data(), layout.count);
  }

  void update(uint64_t number, const Floats& gradient, float learning_rate = 0.01f) {
    prepare(number, gradient, learning_rate);
    enqueue();
  }
  void update(uint64_t number) { update(number, gradient_of(trained_.size(), number)); }

  void prepare(uint64_t number, const Floats& gradient, float learning_rate = 0.01f) {
    write(backend_, g_, masked(gradient));
    StepScalars scalars;
    scalars.learning_rate = learning_rate;
    scalars.update = number;
    write(backend_, scalars_, {scalars});
  }
  void enqueue() {
    backend_.optimize(options_, layout_.segments.data(), static_cast<int>(layout_.segments.size()), scalars_.data(), w_.data(), g_.data(),
                      slots_.data(), layout_.count);
  }

  Trained state() const { return {w_.read(), slots_.read()}; }

  // What does not train holds the bits it had.
  bool rest_is_untouched() const {
    const Floats w = w_.read(), slots = slots_.read(), nothing(w.size(), not_a_number);
    const float start = options_.kind == OptimizerKind::adagrad ? options_.initial_accumulator : 0.0f;
    for (size_t i = 0; i < w.size(); ++i) {
      if (trained_[i]) continue;
      if (std::memcmp(&w[i], &nothing[i], sizeof(float)) != 0) return false;
      for (size_t at = i; at < slots.size(); at += w.size())
        if (slots[at] != start) return false;
    }
    return true;
  }

 private:
  Floats masked(Floats values) const {
    for (size_t i = 0; i < values.size(); ++i)
      if (!trained_[i]) values[i] = not_a_number;
    return values;
  }

  Backend& backend_;
  const Optimizer options_;
  const Layout layout_;
  const std::vector<bool> trained_;
  On<float> w_, g_, slots_;
  On<StepScalars> scalars_;
};

// Weights are some tenths in size and a step is a hundredth.
inline bool agree(const Trained& got, const Trained& want) {
  return CHECK(all_near(got.w, want.w, 5e-7, 2e-7)) & CHECK(all_near(got.slots, want.slots, 2e-6, 2e-7));
}

inline bool same_bits(const Trained& a, const Trained& b) { return same_bits(a.w, b.w) && same_bits(a.slots, b.slots); }

}  // namespace grus
