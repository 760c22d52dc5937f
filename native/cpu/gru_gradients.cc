// The products over a whole sequence that follow the backward recurrence: gradients of x, of the weights and of the biases.
#include <algorithm>
#include <cstring>

#include "gru_backward.h"

namespace grus {
namespace {

constexpr int64_t kChunk = 128;           // rows of a sequence whose x and h are packed at a time: a panel of them stays in the L1 cache
constexpr int64_t kRowsOfInput = 64;      // of a task of the input gradient
constexpr double kParallelWork = 1e6;     // multiply-adds; below, waking the team costs more than it saves

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t packed_floats(const GruLayout& layout) {
  const int64_t width = 3 * kernels().lanes;
  int64_t columns = layout.hidden();
  for (int layer = 0; layer < std::min(2, layout.layers()); ++layer) columns = std::max(columns, layout.input_size(layer));
  return kChunk * ceil_div(columns, width) * width;
}

}  // namespace

void GruBackwardPass::reserve_scratch(const GruLayout& layout, const Team& team, GemmScratch& scratch) {
  scratch.floats(static_cast<size_t>(packed_floats(layout) * std::min<int64_t>(team.threads(), layout.panels())));
}

// dx [T*B, I] = sum over directions of (dr, dz, dn) * W_ih
void GruBackwardPass::input_gradient(int index, float* dx) {
  const int64_t inputs = layout_.input_size(index), total = space_.mask.total();
  const auto rows_of = [&](int64_t task) {
    const int64_t first = task * kRowsOfInput;
    for (int direction = 0; direction < layout_.directions(); ++direction) {
      PanelMultiply m = times_gates(direction, first, std::min(kRowsOfInput, total - first), 1, 3);
      m.cols = inputs;
      m.panels = streams_[direction].panels->back_input;
      m.c = dx + first * inputs;
      m.ldc = inputs;
      m.beta = direction == 0 ? 0.0f : 1.0f;
      kernels().multiply(m);
    }
  };
  const int64_t tasks = ceil_div(total, kRowsOfInput);
  if (3.0 * static_cast<double>(total) * static_cast<double>(layout_.hidden() * inputs) < kParallelWork) {
    for (int64_t task = 0; task < tasks; ++task) rows_of(task);
  } else {
    team_.parallel(tasks, rows_of);
  }
  if (space_.mask.ragged()) spread(inputs, dx);
}

// A task has some panels of units, and with them rows of dW that no other task touches.
void GruBackwardPass::weight_gradients(int index, const float* x) {
  const int64_t hidden = layout_.hidden(), panels = layout_.panels(), room = packed_floats(layout_);
  const double work = 3.0 * static_cast<double>(space_.mask.total()) * static_cast<double>(hidden * (hidden + layout_.input_size(index)));
  const int64_t blocks = work < kParallelWork ? 1 : std::min<int64_t>(team_.threads(), panels);
  float* scratch = scratch_.floats(static_cast<size_t>(room * blocks));
  const auto block_of = [&](int64_t block) {
    for (int direction = 0; direction < layout_.directions(); ++direction) {
      weight_gradients(index, direction, x, panels * block / blocks, panels * (block + 1) / blocks, scratch + block * room);
    }
  };
  team_.parallel(blocks, block_of);
}

// The state that step `at` (t * B + b) began with; null: zeros.
const float* GruBackwardPass::state_before(int direction, int64_t at) const {
  const Stream& s = streams_[direction];
  const int64_t batch = args_.batch, row = at % batch, time = at / batch;
  if (time == (s.reverse ? space_.mask.length(row) - 1 : 0)) return s.hx ? s.hx + row * layout_.hidden() : nullptr;
  return s.y + (s.reverse ? at + batch : at - batch) * layout_.y_stride();
}

void GruBackwardPass::weight_gradients(int index, int direction, const float* x, int64_t panel_begin, int64_t panel_end, float* scratch) {
  const Kernels& kernel = kernels();
  const bool after = layout_.description().reset_after, bias = layout_.description().bias;
  const int64_t hidden = layout_.hidden(), inputs = layout_.input_size(index), total = space_.mask.total();
  const int64_t lanes = kernel.lanes, width = 3 * lanes, floats = layout_.reserve_width();
  const GruOffsets& at = layout_.offsets(index, direction);
  const float* rows[kChunk];
  float* sums = space_.sums + panel_begin * floats;
  if (bias) std::memset(sums, 0, static_cast<size_t>((panel_end - panel_begin) * floats) * sizeof(float));
  for (int64_t first = 0; first < total; first += kChunk) {
    GruWeightGradient w{};
    w.k = std::min(kChunk, total - first);
    w.hidden = hidden;
    w.panel_begin = panel_begin;
    w.panel_end = panel_end;
    w.gates_panel = reserve_.panel_floats();
    w.x = scratch;
    const float* gates = streams_[direction].reserve + first * floats;
    const auto product = [&](const float* const* source, int64_t columns, int slot, int slots, int gate, float* dweight) {
      if (source) {
        const float* shifted[kChunk];
        for (int64_t column = 0; column < columns; column += width) {
          for (int64_t i = 0; i < w.k; ++i) shifted[i] = source[i] ? source[i] + column : nullptr;
          kernel.pack_rows(scratch + column * w.k, width, shifted, std::min(width, columns - column), w.k);
        }
      }
      w.inputs = columns;
      w.gates = gates + slot * lanes;
      w.slots = slots;
      w.first_gate = gate;
      w.dweight = dweight;
      kernel.gru_weight_gradient(w);
    };
    for (int64_t i = 0; i < w.k; ++i) rows[i] = x + step_of(first + i) * inputs;
    product(rows, inputs, 1, 3, 0, args_.dweights + at.weight_ih);
    for (int64_t i = 0; i < w.k; ++i) rows[i] = state_before(direction, step_of(first + i));
    product(rows, hidden, after ? 0 : 1, after ? 3 : 2, after ? 2 : 0, args_.dweights + at.weight_hh);
    if (!after) {   // the candidate was computed from r * h, which the reserve still holds
      for (int64_t panel = 0; panel < layout_.panels(); ++panel) {
        for (int64_t i = 0; i < w.k; ++i) rows[i] = gates + panel * w.gates_panel + i * floats;
        kernel.pack_rows(scratch + panel / 3 * width * w.k + panel % 3 * lanes, width, rows, lanes, w.k);
      }
      product(nullptr, hidden, 3, 1, 2, args_.dweights + at.weight_hh);
    }
    for (int64_t panel = panel_begin; bias && panel < panel_end; ++panel) {
      kernel.add_column_sums(space_.sums + panel * floats, gates + panel * w.gates_panel, floats, w.k, floats);
    }
  }
  if (bias) add_biases(index, direction, panel_begin, panel_end);
}

void GruBackwardPass::add_biases(int index, int direction, int64_t panel_begin, int64_t panel_end) {
  const GruOffsets& at = layout_.offsets(index, direction);
  const int64_t hidden = layout_.hidden(), lanes = kernels().lanes;
  const int64_t recurrent_n = layout_.description().reset_after ? 0 : 3;   // the slot
  float *dbias_x = args_.dweights + at.bias_ih, *dbias_h = args_.dweights + at.bias_hh;
  for (int64_t unit = panel_begin * lanes; unit < std::min(hidden, panel_end * lanes); ++unit) {
    const float* sums = space_.sums + unit / lanes * layout_.reserve_width() + unit % lanes;
    for (int64_t gate = 0; gate < 3; ++gate) {
      dbias_x[gate * hidden + unit] += sums[(gate + 1) * lanes];
      dbias_h[gate * hidden + unit] += sums[(gate < 2 ? gate + 1 : recurrent_n) * lanes];
    }
  }
}

}  // namespace grus
