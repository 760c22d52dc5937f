#include "layout.h"

#include <string>
#include <utility>

#include "../sim.h"

namespace grus::sim::dnn {
namespace {

int bias_ids(const RnnConfig& config) {
  switch (static_cast<int>(config.bias)) {
    case static_cast<int>(cudnn::RnnBiasMode::none): return 0;
    case static_cast<int>(cudnn::RnnBiasMode::double_bias): return 6;
    default: return 3;   // one bias per gate
  }
}

std::vector<Region> packed_regions(const RnnConfig& config) {
  std::vector<Region> regions;
  for (int pseudo = 0; pseudo < config.pseudo_layers(); ++pseudo) {
    const int inputs = config.layer_input(pseudo / config.directions());
    for (int id = 0; id < 6; ++id) regions.push_back({pseudo, id, false, 0, config.hidden, id < 3 ? inputs : config.hidden});
  }
  const int first = static_cast<int>(config.bias) == kSingleRecurrentBias ? 3 : 0;
  for (int pseudo = 0; pseudo < config.pseudo_layers(); ++pseudo) {
    for (int id = first; id < first + bias_ids(config); ++id) regions.push_back({pseudo, id, true, 0, config.hidden, 1});
  }
  return regions;
}

}   // namespace

unsigned long long fingerprint(const RnnConfig& c) {
  unsigned long long hash = 0;
  // neither the algorithm, nor the flags, nor the kind of math: the same weights serve all of them
  for (const int value : {static_cast<int>(c.mode), static_cast<int>(c.bias), static_cast<int>(c.direction), static_cast<int>(c.data),
                          c.input_size, c.hidden, c.layers}) {
    hash = mix(hash + static_cast<unsigned long long>(value));
  }
  return hash;
}

WeightLayout::WeightLayout(const RnnConfig& config) : regions_(packed_regions(config)), data_(config.data) {
  const std::string order = knob("CUDNN_LAYOUT", "packed");
  const bool gaps = order != "packed";
  poisons_ = order == "poisoned";
  unsigned long long random = fingerprint(config);
  for (size_t i = regions_.size(); gaps && i > 1; --i) {
    random = mix(random);
    std::swap(regions_[i - 1], regions_[random % i]);
  }
  for (Region& region : regions_) {
    if (gaps) elements_ += (random = mix(random)) % 17;
    region.offset = elements_;
    elements_ += region.elements();
  }
  elements_ += mix(fingerprint(config)) % 61;   // more than the sum of the regions, and not by a formula
}

const Region* WeightLayout::find(int pseudo_layer, int id, bool bias) const {
  for (const Region& region : regions_) {
    if (region.pseudo_layer == pseudo_layer && region.id == id && region.bias == bias) return &region;
  }
  return nullptr;
}

}   // namespace grus::sim::dnn
