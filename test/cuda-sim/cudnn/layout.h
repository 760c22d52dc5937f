#pragma once
#include <vector>

#include "shapes.h"

namespace grus::sim::dnn {

// One gate's matrix [rows, columns] or bias [rows, 1] in the weight space, in elements.
struct Region {
  int pseudo_layer = 0, id = 0;   // ids: 0..2 of the input, 3..5 of the state; reset, update, new
  bool bias = false;
  size_t offset = 0;
  int rows = 0, columns = 0;
  size_t elements() const { return static_cast<size_t>(rows) * columns; }
};

// Where everything lies in the weight space. Knob CUDNN_LAYOUT: "packed" is the order that users of cuDNN have seen (for each pseudo-layer
// W and R, then for each the biases); "permuted" and "poisoned" shuffle the regions and leave gaps between them. The order depends on the
// descriptor alone.
class WeightLayout {
 public:
  explicit WeightLayout(const RnnConfig& config);
  const std::vector<Region>& regions() const { return regions_; }
  const Region* find(int pseudo_layer, int id, bool bias) const;   // null: there is none
  size_t bytes() const { return elements_ * size_of(data_); }
  size_t elements() const { return elements_; }
  bool poisons_gaps() const { return poisons_; }
  // calls with (first element, count) of everything between and after the regions
  template <class F>
  void for_each_gap(F f) const;

 private:
  std::vector<Region> regions_;   // by offset
  size_t elements_ = 0;
  DataType data_;
  bool poisons_ = false;
};

template <class F>
void WeightLayout::for_each_gap(F f) const {
  size_t at = 0;
  for (const Region& region : regions_) {
    if (region.offset > at) f(at, region.offset - at);
    at = region.offset + region.elements();
  }
  if (elements_ > at) f(at, elements_ - at);
}

// A number that depends on the descriptor and nothing else.
unsigned long long fingerprint(const RnnConfig& config);

}   // namespace grus::sim::dnn
