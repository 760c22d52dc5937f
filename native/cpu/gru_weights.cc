#include "gru_weights.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <new>
#include <string>

#include "../core/error.h"
#include "kernels.h"

namespace grus {
namespace {

constexpr size_t kParallelFloats = 100000;   // below, waking the team costs more than it saves

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Group c of `lanes` columns goes to third c % 3 of panel c / 3; the columns are rows of `weight` [.., k] from unit `block * lanes` of gate
// `gate` on.
struct Group {
  int64_t group, k, gate, block;
};

void pack_group(const GruLayout& layout, float* panels, uint32_t* halves, const float* weight, const Group& g) {
  const int64_t lanes = kernels().lanes, width = 3 * lanes, unit = g.block * lanes, cols = std::min(lanes, layout.hidden() - unit);
  const float* from = weight + (g.gate * layout.hidden() + unit) * g.k;
  if (halves) {
    kernels().pack_halves(halves + g.group / 3 * width * ceil_div(g.k, 2) + g.group % 3 * lanes, width, from, g.k, cols, g.k);
  } else {
    kernels().pack_transposed(panels + g.group / 3 * width * g.k + g.group % 3 * lanes, width, from, g.k, cols, g.k);
  }
}

// Rows of `weight` [3H, columns] of some gates become the k of one panel of columns.
void pack_gates(const GruLayout& layout, float* panels, int64_t panel, const float* weight, int64_t columns,
                std::initializer_list<int64_t> gates) {
  const int64_t lanes = kernels().lanes, width = 3 * lanes, hidden = layout.hidden(), column = panel * width;
  float* to = panels + panel * width * static_cast<int64_t>(gates.size()) * layout.padded();
  for (int64_t unit = 0; unit < hidden; unit += lanes) {
    for (const int64_t gate : gates) {
      kernels().pack(to, width, weight + (gate * hidden + unit) * columns + column, columns, std::min(width, columns - column),
                     std::min(lanes, hidden - unit));
      to += width * lanes;
    }
  }
}

}  // namespace

size_t GruWeights::carve(Use use, void* memory) {
  Carver carver(memory);
  const int64_t width = 3 * kernels().lanes, hidden = layout_.hidden(), panels = layout_.panels(), padded = layout_.padded();
  const bool after = layout_.description().reset_after;
  const int64_t recurrent_panels = after ? panels : ceil_div(2 * panels, 3);
  const auto halves = [&](int64_t count, int64_t k) { return static_cast<uint32_t*>(carver.bytes(4 * count * width * ceil_div(k, 2))); };
  for (int layer = 0; layer < layout_.layers(); ++layer) {
    const int64_t inputs = layout_.input_size(layer);
    for (int direction = 0; direction < layout_.directions(); ++direction) {
      GruPanels& p = panels_[static_cast<size_t>(layer * layout_.directions() + direction)];
      if (use == forward) {
        p.input = carver.floats(panels * width * inputs);
        p.recurrent = carver.floats(recurrent_panels * width * hidden);
        p.candidate = after ? nullptr : carver.floats(ceil_div(panels, 3) * width * hidden);
      } else if (use == GruWeights::halves) {
        p.input_halves = halves(panels, inputs);
        p.recurrent_halves = halves(recurrent_panels, hidden);
        p.candidate_halves = after ? nullptr : halves(ceil_div(panels, 3), hidden);
      } else if (use == backward) {
        p.back = carver.floats(layout_.column_panels() * width * (after ? 3 : 2) * padded);
        p.back_candidate = after ? nullptr : carver.floats(layout_.column_panels() * width * padded);
      } else {
        p.back_input = carver.floats(ceil_div(inputs, width) * width * 3 * padded);
      }
      if (use == forward || use == GruWeights::halves) {
        p.bias_x = carver.floats(panels * width);
        p.bias_n = carver.floats(padded);
      }
    }
  }
  return carver.used();
}

void GruWeights::allocate(Use use) {
  const std::vector<GruPanels> before = panels_;
  const size_t bytes = carve(use, nullptr);
  panels_ = before;
  void* memory = ::operator new(bytes, std::align_val_t{64}, std::nothrow);
  if (!memory) throw Error(ErrorCode::out_of_memory, "[gru] expected " + std::to_string(bytes) + " bytes for packed weights, got none");
  packed_[use].memory = Buffer(memory, bytes, [](void* data) { ::operator delete(data, std::align_val_t{64}); });
  std::memset(memory, 0, bytes);   // columns beyond H stay 0 for good
}

void GruWeights::renew(const float* weights, uint64_t version, Use use, Team& team) {
  Packed& packed = packed_[use];
  if (packed.memory) carve(use, packed.memory.as<void>());   // two uses share the places of the biases
  if (version != 0 && packed.version == version && packed.weights == weights) return;
  if (!packed.memory) {
    allocate(use);
    carve(use, packed.memory.as<void>());
  }
  packed.weights = weights;
  packed.version = version;
  const int64_t width = 3 * kernels().lanes;
  const int directions = layout_.directions();
  const auto panels_of = [&](int layer) {
    return use == forward || use == halves ? layout_.panels() : ceil_div(use == backward ? layout_.hidden() : layout_.input_size(layer), width);
  };
  int64_t most = 0;   // of any layer
  for (int layer = 0; layer < std::min(2, layout_.layers()); ++layer) most = std::max(most, panels_of(layer));
  const auto pack = [&](int64_t task) {
    const int which = static_cast<int>(task / most), layer = which / directions, direction = which % directions;
    const int64_t panel = task % most;
    if (panel >= panels_of(layer)) return;
    if (use == forward || use == halves) pack_forward(weights, use, layer, direction, panel);
    if (use == backward) pack_backward(weights, layer, direction, panel);
    if (use == input_gradient) pack_input_gradient(weights, layer, direction, panel);
  };
  const int64_t tasks = most * layout_.layers() * directions;
  if (layout_.weight_count() < kParallelFloats) {
    for (int64_t task = 0; task < tasks; ++task) pack(task);
  } else {
    team.parallel(tasks, pack);
  }
}

void GruWeights::pack_forward(const float* weights, Use use, int layer, int direction, int64_t panel) {
  const GruOffsets& at = layout_.offsets(layer, direction);
  const GruPanels& p = panels(layer, direction);
  const int64_t lanes = kernels().lanes, hidden = layout_.hidden(), count = layout_.panels(), inputs = layout_.input_size(layer);
  const bool after = layout_.description().reset_after;
  const bool half = use == halves;
  for (int64_t gate = 0; gate < 3; ++gate) {
    pack_group(layout_, p.input, half ? p.input_halves : nullptr, weights + at.weight_ih, {panel * 3 + gate, inputs, gate, panel});
    const bool candidate = !after && gate == 2;
    const int64_t group = after ? panel * 3 + gate : candidate ? panel : gate * count + panel;
    pack_group(layout_, candidate ? p.candidate : p.recurrent, half ? candidate ? p.candidate_halves : p.recurrent_halves : nullptr,
               weights + at.weight_hh, {group, hidden, gate, panel});
  }
  if (!layout_.description().bias) return;
  const float *bias_x = weights + at.bias_ih, *bias_h = weights + at.bias_hh;
  const int64_t unit = panel * lanes, units = std::min(lanes, hidden - unit);
  for (int64_t i = 0; i < units; ++i) {
    float* to = p.bias_x + panel * 3 * lanes + i;
    to[0] = bias_x[unit + i] + bias_h[unit + i];
    to[lanes] = bias_x[hidden + unit + i] + bias_h[hidden + unit + i];
    to[2 * lanes] = bias_x[2 * hidden + unit + i];
    p.bias_n[unit + i] = bias_h[2 * hidden + unit + i];
  }
}

void GruWeights::pack_backward(const float* weights, int layer, int direction, int64_t panel) {
  const float* recurrent = weights + layout_.offsets(layer, direction).weight_hh;
  const GruPanels& p = panels(layer, direction);
  if (layout_.description().reset_after) return pack_gates(layout_, p.back, panel, recurrent, layout_.hidden(), {2, 0, 1});
  pack_gates(layout_, p.back, panel, recurrent, layout_.hidden(), {0, 1});
  pack_gates(layout_, p.back_candidate, panel, recurrent, layout_.hidden(), {2});
}

void GruWeights::pack_input_gradient(const float* weights, int layer, int direction, int64_t panel) {
  pack_gates(layout_, panels(layer, direction).back_input, panel, weights + layout_.offsets(layer, direction).weight_ih,
             layout_.input_size(layer), {0, 1, 2});
}

}  // namespace grus
