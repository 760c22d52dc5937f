// The products over a whole sequence that follow the backward recurrence: gradients of x, of the weights and of the biases.
#include <algorithm>
#include <cstring>

#include "gru_backward.h"

namespace grus {
namespace {

constexpr int64_t kChunk = 128;           // rows of a sequence whose x or h is packed at a time: a panel of gates stays in the L1 cache
constexpr int64_t kSums = 120000;         // floats of weight gradients that are summed up at a time: they stay in the L2 cache
constexpr int64_t kRowsOfInput = 64;      // of a task of the input gradient
constexpr double kParallelWork = 1e6;     // multiply-adds; below, waking the team costs more than it saves
constexpr double kParallelFloats = 1e5;   // likewise, of what is only moved or summed up

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Panels of units whose weight gradients a task sums up at a time, and the room that takes.
int64_t panels_at_once(const GruLayout& layout, int64_t inputs) {
  return std::clamp<int64_t>(kSums / (inputs * 3 * kernels().lanes), 1, layout.panels());
}
int64_t sums_floats(const GruLayout& layout, int64_t inputs) {
  return ceil_div(panels_at_once(layout, inputs) * inputs * 3 * kernels().lanes, 16) * 16;
}

}  // namespace

void GruBackwardPass::reserve_scratch(const GruLayout& layout, const Team& team, GemmScratch& scratch) {
  int64_t room = std::max(kRowsOfInput * layout.factors_stride(), sums_floats(layout, layout.hidden()));
  for (int layer = 0; layer < std::min(2, layout.layers()); ++layer) room = std::max(room, sums_floats(layout, layout.input_size(layer)));
  scratch.floats(static_cast<size_t>(room * team.threads()));
}

// dx [T*B, I] = sum over directions of (dr, dz, dn) * W_ih
void GruBackwardPass::input_gradient(int index, float* dx) {
  const int64_t inputs = layout_.input_size(index), total = space_.mask.total(), room = kRowsOfInput * layout_.factors_stride();
  const double work = 3.0 * static_cast<double>(total) * static_cast<double>(layout_.hidden() * inputs);
  const int64_t pieces = ceil_div(total, kRowsOfInput), blocks = work < kParallelWork ? 1 : std::min<int64_t>(team_.threads(), pieces);
  float* scratch = scratch_.floats(static_cast<size_t>(room * blocks));
  team_.parallel(blocks, [&](int64_t block) {
    for (int64_t piece = pieces * block / blocks; piece < pieces * (block + 1) / blocks; ++piece) {
      const int64_t first = piece * kRowsOfInput;
      input_gradient(index, first, std::min(kRowsOfInput, total - first), scratch + block * room, dx);
    }
  });
  if (space_.mask.ragged()) spread(inputs, dx);
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

void GruBackwardPass::weight_gradients(int index, const float* x) {
  const bool after = layout_.description().reset_after;
  const int64_t hidden = layout_.hidden(), inputs = layout_.input_size(index);
  pack(inputs, [&](int64_t row) { return x + row * inputs; });
  for (int direction = 0; direction < layout_.directions(); ++direction) {
    multiply(direction, {inputs, 1, 3, 0, args_.dweights + layout_.offsets(index, direction).weight_ih});
  }
  for (int direction = 0; direction < layout_.directions(); ++direction) {
    float* dweight = args_.dweights + layout_.offsets(index, direction).weight_hh;
    pack(hidden, [&](int64_t row) { return state_before(direction, row); });
    if (after) {   // dn * r, dr, dz
      multiply(direction, {hidden, 0, 3, 2, dweight});
    } else {
      multiply(direction, {hidden, 1, 2, 0, dweight});
      pack_reset_states(direction);
      multiply(direction, {hidden, 3, 1, 2, dweight});
    }
    if (layout_.description().bias) bias_gradients(index, direction);
  }
}

// The state that step `at` (t * B + b) began with; null: zeros.
const float* GruBackwardPass::state_before(int direction, int64_t at) const {
  const Stream& s = streams_[direction];
  const int64_t batch = args_.batch, row = at % batch, time = at / batch;
  if (time == (s.reverse ? space_.mask.length(row) - 1 : 0)) return s.hx ? s.hx + row * layout_.hidden() : nullptr;
  return s.y + (s.reverse ? at + batch : at - batch) * layout_.y_stride();
}

// Chunks of rows become tiles for gru_weight_sums; source(t * B + b) is a row of `columns`, or null for zeros.
template <class Source>
void GruBackwardPass::pack(int64_t columns, const Source& source) {
  const int64_t total = space_.mask.total(), chunks = ceil_div(total, kChunk);
  const auto chunk_of = [&](int64_t chunk) {
    const int64_t first = chunk * kChunk, count = std::min(kChunk, total - first);
    const float* rows[kChunk];
    for (int64_t i = 0; i < count; ++i) rows[i] = source(step_of(first + i));
    kernels().pack_tiles(space_.tiles + first * tiled(columns), rows, columns, count);
  };
  each(chunks, static_cast<double>(total * columns), chunk_of);
}

// The candidate was computed from r * h, which the reserve still holds.
void GruBackwardPass::pack_reset_states(int direction) {
  const int64_t total = space_.mask.total(), floats = layout_.reserve_width(), lanes = kernels().lanes, hidden = layout_.hidden();
  const auto chunk_of = [&](int64_t chunk) {
    const int64_t first = chunk * kChunk, count = std::min(kChunk, total - first);
    const float* rows[kChunk];
    for (int64_t panel = 0; panel < layout_.panels(); ++panel) {
      const float* reserve = streams_[direction].reserve + panel * reserve_.panel_floats() + first * floats;
      for (int64_t i = 0; i < count; ++i) rows[i] = reserve + i * floats;
      const int64_t unit = panel * lanes;
      kernels().pack_tiles(space_.tiles + first * tiled(hidden) + unit * count, rows, std::min(lanes, hidden - unit), count);
    }
  };
  each(ceil_div(total, kChunk), static_cast<double>(total * hidden), chunk_of);
}

// dweight += (slots of the gates' gradients)^T * what was packed. A task has some panels of units, and with them rows of dweight that no
// other task touches.
void GruBackwardPass::multiply(int direction, const WeightProduct& product) {
  const int64_t panels = layout_.panels(), total = space_.mask.total(), room = sums_floats(layout_, product.inputs);
  const double work = static_cast<double>(product.slots) * static_cast<double>(total) * static_cast<double>(layout_.hidden() * product.inputs);
  const int64_t blocks = work < kParallelWork ? 1 : std::min<int64_t>(team_.threads(), panels);
  float* scratch = scratch_.floats(static_cast<size_t>(room * blocks));
  GruWeightSums w{};
  w.hidden = layout_.hidden();
  w.inputs = product.inputs;
  w.gates_panel = reserve_.panel_floats();
  w.slots = product.slots;
  w.first_gate = product.first_gate;
  w.dweight = product.dweight;
  const float* gates = streams_[direction].reserve + product.slot * kernels().lanes;
  team_.parallel(total > 0 ? blocks : 0, [&](int64_t block) {
    GruWeightSums part = w;
    part.sums = scratch + block * room;
    const int64_t end = panels * (block + 1) / blocks, group = panels_at_once(layout_, product.inputs);
    for (part.panel_begin = panels * block / blocks; part.panel_begin < end; part.panel_begin = part.panel_end) {
      part.panel_end = std::min(part.panel_begin + group, end);
      for (int64_t first = 0; first < total; first += kChunk) {
        part.k = std::min(kChunk, total - first);
        part.first = first == 0;
        part.gates = gates + first * layout_.reserve_width();
        part.x = space_.tiles + first * tiled(product.inputs);
        kernels().gru_weight_sums(part);
      }
      for (int64_t panel = part.panel_begin; panel < part.panel_end; ++panel) kernels().gru_add_weight_sums(part, panel);
    }
  });
}

void GruBackwardPass::bias_gradients(int index, int direction) {
  const GruOffsets& at = layout_.offsets(index, direction);
  const int64_t hidden = layout_.hidden(), lanes = kernels().lanes, floats = layout_.reserve_width(), total = space_.mask.total();
  const int64_t recurrent_n = layout_.description().reset_after ? 0 : 3;   // the slot
  float *dbias_x = args_.dweights + at.bias_ih, *dbias_h = args_.dweights + at.bias_hh;
  each(layout_.panels(), static_cast<double>(total * hidden), [&](int64_t panel) {
    float sums[4 * 16] = {};
    kernels().add_column_sums(sums, streams_[direction].reserve + panel * reserve_.panel_floats(), floats, total, floats);
    for (int64_t unit = panel * lanes; unit < std::min(hidden, (panel + 1) * lanes); ++unit) {
      const float* sum = sums + unit % lanes;
      for (int64_t gate = 0; gate < 3; ++gate) {
        dbias_x[gate * hidden + unit] += sum[(gate + 1) * lanes];
        dbias_h[gate * hidden + unit] += sum[(gate < 2 ? gate + 1 : recurrent_n) * lanes];
      }
    }
  });
}

// body(0) .. body(tasks - 1), on the team where so many floats are worth waking it.
template <class Body>
void GruBackwardPass::each(int64_t tasks, double floats, const Body& body) {
  if (floats >= kParallelFloats) return team_.parallel(tasks, body);
  for (int64_t task = 0; task < tasks; ++task) body(task);
}

}  // namespace grus
