// The products over a whole sequence that follow the backward recurrence: gradients of x, of the weights and of the biases.
#include <algorithm>
#include <cstring>

#include "gru_backward.h"

namespace grus {
namespace {

constexpr int64_t kChunk = 128;           // rows whose x or h makes one block of tiles: a panel of gates stays in the L1 cache
constexpr int64_t kRowsOfInput = 64;      // of a task of the input gradient
constexpr double kParallelWork = 1e6;     // multiply-adds; below, waking the team costs more than it saves

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

void GruBackwardPass::reserve_scratch(const GruLayout& layout, const Team& team, GemmScratch& scratch) {
  scratch.floats(static_cast<size_t>(kRowsOfInput * layout.factors_stride() * team.threads()));
}

GruBackwardPass::Stretch GruBackwardPass::stretch(int64_t index) const {
  return {index, index * space_.stretch, std::min<int64_t>((index + 1) * space_.stretch, args_.steps)};
}

int64_t GruBackwardPass::rows_of(const Stretch& s) const {
  return space_.mask.ragged() ? space_.valid_count[s.index] : (s.end - s.begin) * args_.batch;
}

int64_t GruBackwardPass::step_of(const Stretch& s, int64_t row) const {
  const int64_t at = s.begin * args_.batch + row;
  return space_.mask.ragged() ? space_.valid[at] : at;
}

// dx [steps, B, I] = sum over directions of (dr, dz, dn) * W_ih
void GruBackwardPass::input_gradient(int index, const Stretch& s, float* dx) {
  const int64_t inputs = layout_.input_size(index), total = rows_of(s), begin = s.begin * args_.batch;
  const int64_t room = kRowsOfInput * layout_.factors_stride();
  const double work = 3.0 * static_cast<double>(total) * static_cast<double>(layout_.hidden() * inputs);
  const int64_t pieces = ceil_div(total, kRowsOfInput), blocks = work < kParallelWork ? 1 : std::min<int64_t>(team_.threads(), pieces);
  float* scratch = scratch_.floats(static_cast<size_t>(room * blocks));
  team_.parallel(blocks, [&](int64_t block) {
    for (int64_t piece = pieces * block / blocks; piece < pieces * (block + 1) / blocks; ++piece) {
      const int64_t first = piece * kRowsOfInput;
      input_gradient(index, begin + first, std::min(kRowsOfInput, total - first), scratch + block * room, dx);
    }
  });
  if (space_.mask.ragged()) spread(s, inputs, dx);
}

void GruBackwardPass::input_gradient(int index, int64_t first, int64_t rows, float* scratch, float* dx) {
  const int64_t inputs = layout_.input_size(index), stride = layout_.factors_stride();
  for (int direction = 0; direction < layout_.directions(); ++direction) {
    kernels().gather_gates(scratch, stride, streams_[direction].reserve + first * layout_.reserve_width(), reserve_.panel_floats(),
                           layout_.panels(), rows);
    PanelMultiply m{};
    m.rows = rows;
    m.cols = inputs;
    m.k = 3 * layout_.padded();
    m.a = scratch;
    m.a_step = stride;
    m.a_tile = stride * kernels().tile_rows;
    m.panels = streams_[direction].panels->back_input;
    m.panel_stride = 3 * kernels().lanes * m.k;
    m.c = dx + first * inputs;
    m.ldc = inputs;
    m.alpha = 1;
    m.beta = direction == 0 ? 0.0f : 1.0f;
    kernels().multiply(m);
  }
}

void GruBackwardPass::weight_gradients(int index, int direction, const Stretch& s, const float* x) {
  const int64_t hidden = layout_.hidden(), inputs = layout_.input_size(index);
  float *of_x = space_.sums[direction][0], *of_h = space_.sums[direction][1];
  pack(s, inputs, [&](int64_t at) { return x + at * inputs; });
  multiply(direction, s, {inputs, 1, 3, of_x});
  pack(s, hidden, [&](int64_t at) { return state_before(direction, at); });
  if (layout_.description().reset_after) {   // dn * r, dr, dz
    multiply(direction, s, {hidden, 0, 3, of_h});
  } else {
    multiply(direction, s, {hidden, 1, 2, of_h});
    pack_reset_states(direction, s);
    multiply(direction, s, {hidden, 3, 1, of_h + 2 * kernels().lanes});
  }
  if (layout_.description().bias) bias_gradients(index, direction, s);
}

// The state that step `at` (t * B + b) began with; null: zeros.
const float* GruBackwardPass::state_before(int direction, int64_t at) const {
  const Stream& s = streams_[direction];
  const int64_t batch = args_.batch, row = at % batch, time = at / batch;
  if (time == (s.reverse ? space_.mask.length(row) - 1 : 0)) return s.hx ? s.hx + row * layout_.hidden() : nullptr;
  return s.y + (s.reverse ? at + batch : at - batch) * layout_.y_stride();
}

// Rows become blocks of tiles for gru_weight_sums; source(t * B + b) is a row of `columns`, or null for zeros.
template <class Source>
void GruBackwardPass::pack(const Stretch& s, int64_t columns, const Source& source) {
  const int64_t total = rows_of(s);
  each(ceil_div(total, kChunk), static_cast<double>(total * columns), [&](int64_t chunk) {
    const int64_t first = chunk * kChunk, count = std::min(kChunk, total - first);
    const float* rows[kChunk];
    for (int64_t i = 0; i < count; ++i) rows[i] = source(step_of(s, first + i));
    kernels().pack_tiles(space_.tiles + first * tiled(columns), rows, columns, count);
  });
}

// The candidate was computed from r * h, which the reserve still holds.
void GruBackwardPass::pack_reset_states(int direction, const Stretch& s) {
  const int64_t total = rows_of(s), floats = layout_.reserve_width(), lanes = kernels().lanes, hidden = layout_.hidden();
  const int64_t tile_rows = kernels().tile_rows;
  each(ceil_div(total, kChunk), static_cast<double>(total * hidden), [&](int64_t chunk) {
    const int64_t first = chunk * kChunk, count = std::min(kChunk, total - first);
    const float* rows[kChunk];
    for (int64_t panel = 0; panel < layout_.panels(); ++panel) {
      const float* reserve = streams_[direction].reserve + panel * reserve_.panel_floats() + (s.begin * args_.batch + first) * floats;
      for (int64_t i = 0; i < count; ++i) rows[i] = reserve + i * floats;
      const int64_t unit = panel * lanes;   // in the middle of a tile where a tile is wider than a vector
      float* tile = space_.tiles + first * tiled(hidden) + unit / tile_rows * tile_rows * count + unit % tile_rows;
      kernels().pack_tiles(tile, rows, std::min(lanes, hidden - unit), count);
    }
  });
}

// sums += what was packed * gates. A task has some panels of units, and with them sums that no other task touches.
void GruBackwardPass::multiply(int direction, const Stretch& s, const WeightProduct& product) {
  const int64_t panels = layout_.panels(), total = rows_of(s);
  const double work = static_cast<double>(product.slots) * static_cast<double>(total) * static_cast<double>(layout_.hidden() * product.inputs);
  const bool first_stretch = s.index == (streams_[direction].reverse ? 0 : space_.stretches - 1);
  GruWeightSums w{};
  w.hidden = layout_.hidden();
  w.inputs = product.inputs;
  w.gates_panel = reserve_.panel_floats();
  w.slots = product.slots;
  w.sums = product.sums;
  const float* gates = streams_[direction].reserve + s.begin * args_.batch * layout_.reserve_width() + product.slot * kernels().lanes;
  const int64_t blocks = work < kParallelWork ? 1 : std::min<int64_t>(team_.threads(), panels);
  team_.parallel(blocks, [&](int64_t block) {
    GruWeightSums part = w;
    for (int64_t panel = panels * block / blocks; panel < panels * (block + 1) / blocks; ++panel) {
      part.panel_begin = panel;
      part.panel_end = panel + 1;
      for (int64_t first = 0; first < total || first == 0; first += kChunk) {
        part.k = std::min(kChunk, total - first);
        part.first = first_stretch && first == 0;
        part.gates = gates + first * layout_.reserve_width();
        part.x = space_.tiles + first * tiled(product.inputs);
        kernels().gru_weight_sums(part);
      }
    }
  });
}

void GruBackwardPass::add_weight_gradients(int index, int direction) {
  const GruOffsets& at = layout_.offsets(index, direction);
  GruWeightSums w{};
  w.hidden = layout_.hidden();
  w.slots = 3;
  for (const bool recurrent : {false, true}) {
    w.inputs = recurrent ? layout_.hidden() : layout_.input_size(index);
    w.first_gate = recurrent && layout_.description().reset_after ? 2 : 0;
    w.sums = space_.sums[direction][recurrent ? 1 : 0];
    w.dweight = args_.dweights + (recurrent ? at.weight_hh : at.weight_ih);
    each(layout_.panels(), static_cast<double>(3 * w.hidden * w.inputs), [&](int64_t panel) { kernels().gru_add_weight_sums(w, panel); });
  }
}

void GruBackwardPass::bias_gradients(int index, int direction, const Stretch& s) {
  const GruOffsets& at = layout_.offsets(index, direction);
  const int64_t hidden = layout_.hidden(), lanes = kernels().lanes, floats = layout_.reserve_width(), total = rows_of(s);
  const int64_t recurrent_n = layout_.description().reset_after ? 0 : 3;   // the slot
  float *dbias_x = args_.dweights + at.bias_ih, *dbias_h = args_.dweights + at.bias_hh;
  const float* gates = streams_[direction].reserve + s.begin * args_.batch * floats;
  each(layout_.panels(), static_cast<double>(total * hidden), [&](int64_t panel) {
    float sums[4 * 16] = {};
    kernels().add_column_sums(sums, gates + panel * reserve_.panel_floats(), floats, total, floats);
    for (int64_t unit = panel * lanes; unit < std::min(hidden, (panel + 1) * lanes); ++unit) {
      const float* sum = sums + unit % lanes;
      for (int64_t gate = 0; gate < 3; ++gate) {
        dbias_x[gate * hidden + unit] += sum[(gate + 1) * lanes];
        dbias_h[gate * hidden + unit] += sum[(gate < 2 ? gate + 1 : recurrent_n) * lanes];
      }
    }
  });
}

}  // namespace grus
