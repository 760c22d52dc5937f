#include "gru_forward.h"

#include <algorithm>
#include <cstring>

namespace grus {

GruForwardSpace::GruForwardSpace(const GruLayout& layout, const GruForward& args)
    : chunk(std::clamp<int64_t>(64 / std::max(args.batch, 1), 1, std::max(args.steps, 1))) {
  Carver carver(args.workspace);
  mask = GruMask(carver, args.lengths, args.batch, args.steps);
  const int64_t rows = args.batch;
  for (int direction = 0; direction < layout.directions(); ++direction) {
    GruForwardBuffers& b = buffers[direction];
    b.states[0] = carver.floats(rows * layout.h_stride());
    b.states[1] = carver.floats(rows * layout.h_stride());
    b.gates_x = carver.floats(chunk * rows * layout.gates_x_stride());
    if (layout.description().reset_after) continue;
    b.gates_h = carver.floats(rows * 2 * layout.padded());
    b.candidate = carver.floats(rows * layout.h_stride());
    b.reset_h = carver.floats(rows * layout.h_stride());
  }
  if (!args.training) {
    for (int i = 0; i < std::min(2, layout.layers() - 1); ++i) between[i] = carver.floats(rows * args.steps * layout.y_stride());
  }
  bytes = carver.used();
}

GruForwardPass::GruForwardPass(const GruLayout& layout, const GruWeights& weights, Team& team, const GruForward& args, bool halves)
    : layout_(layout),
      weights_(weights),
      team_(team),
      args_(args),
      halves_(halves),
      space_(layout, args),
      reserve_(layout, args.reserve, args.batch, args.steps) {}

void GruForwardPass::run() {
  const float* x = args_.x;
  for (int index = 0; index < layout_.layers(); ++index) {
    const bool last = index == layout_.layers() - 1;
    float* y = last ? args_.y : args_.training ? reserve_.y(index) : space_.between[index % 2];
    layer(index, x, y);
    x = y;
  }
}

void GruForwardPass::layer(int index, const float* x, float* y) {
  const GruDescription& description = layout_.description();
  const int64_t state = int64_t{args_.batch} * layout_.hidden();
  x_ = x;
  inputs_ = layout_.input_size(index);
  for (int direction = 0; direction < layout_.directions(); ++direction) {
    const int64_t at = (index * layout_.directions() + direction) * state;
    Stream& s = streams_[direction];
    s.reverse = layout_.reverse(direction);
    s.panels = &weights_.panels(index, direction);
    s.gates = GruActivations{description.recurrent_activation[static_cast<size_t>(direction)],
                             description.activation[static_cast<size_t>(direction)], description.clip};
    s.hx = args_.hx ? args_.hx + at : nullptr;
    s.hy = args_.hy ? args_.hy + at : nullptr;
    s.y = y ? y + direction * layout_.hidden() : nullptr;
    s.reserve = args_.training ? reserve_.gates(index, direction) : nullptr;
  }
  const GruSplit split(layout_, team_, args_.batch);
  split.unit_blocks > 1 ? by_units(split) : by_rows(split);
}

void GruForwardPass::by_rows(const GruSplit& split) {
  const auto part = [&](int64_t task) {
    const int direction = static_cast<int>(task / split.row_blocks);
    const int64_t block = task % split.row_blocks, row = space_.mask.cut(block, split.row_blocks);
    const Part whole{row, space_.mask.cut(block + 1, split.row_blocks) - row, 0, layout_.panels()};
    begin(direction, row, whole.rows);
    for (int64_t index = 0; index < args_.steps; ++index) {
      if (index % space_.chunk == 0) input(direction, index, std::min<int64_t>(space_.chunk, args_.steps - index), whole);
      step(direction, index, whole);
    }
    end(direction, row, whole.rows);
  };
  const int64_t tasks = layout_.directions() * split.row_blocks;
  if (split.parallel) {
    team_.parallel(tasks, part);
  } else {
    for (int64_t task = 0; task < tasks; ++task) part(task);
  }
}

void GruForwardPass::by_units(const GruSplit& split) {
  for (int direction = 0; direction < layout_.directions(); ++direction) begin(direction, 0, args_.batch);
  team_.in_steps(args_.steps, layout_.directions() * split.unit_blocks, [&](int64_t index, int64_t share) {
    const int direction = static_cast<int>(share / split.unit_blocks);
    const int64_t block = share % split.unit_blocks, panels = layout_.panels();
    const Part part{0, args_.batch, panels * block / split.unit_blocks, panels * (block + 1) / split.unit_blocks};
    if (index % space_.chunk == 0) input(direction, index, std::min<int64_t>(space_.chunk, args_.steps - index), part);
    step(direction, index, part);
  });
  for (int direction = 0; direction < layout_.directions(); ++direction) end(direction, 0, args_.batch);
}

void GruForwardPass::begin(int direction, int64_t row, int64_t rows) {
  const int64_t hidden = layout_.hidden(), stride = layout_.h_stride();
  const float* hx = streams_[direction].hx;
  for (float* states : space_.buffers[direction].states) {   // both: a row may begin at any step
    float* state = states + row * stride;
    std::memset(state, 0, static_cast<size_t>(rows * stride) * sizeof(float));
    if (!hx) continue;
    for (int64_t i = 0; i < rows; ++i)
      std::memcpy(state + i * stride, hx + (row + i) * hidden, static_cast<size_t>(hidden) * sizeof(float));
  }
}

// A row just ended leaves its state in one of the two buffers: it must be in both. y is 0.
void GruForwardPass::rest(int direction, int64_t index, const Part& part, int64_t active) {
  const Stream& s = streams_[direction];
  const int64_t lanes = kernels().lanes, stride = layout_.h_stride(), time = time_of(direction, index);
  const int64_t first = part.panel_begin * lanes, units = (part.panel_end - part.panel_begin) * lanes;
  if (!s.reverse && index > 0) {
    float* const* states = space_.buffers[direction].states;
    const int64_t before = space_.mask.active(time - 1, part.row, part.rows);
    for (int64_t row = part.row + active; row < part.row + before; ++row) {
      std::memcpy(states[(index + 1) % 2] + row * stride + first, states[index % 2] + row * stride + first,
                  static_cast<size_t>(units) * sizeof(float));
    }
  }
  const int64_t wanted = std::min(units, layout_.hidden() - first);
  if (!s.y || wanted <= 0) return;
  for (int64_t row = part.row + active; row < part.row + part.rows; ++row) {
    std::memset(s.y + (time * args_.batch + row) * layout_.y_stride() + first, 0, static_cast<size_t>(wanted) * sizeof(float));
  }
}

void GruForwardPass::end(int direction, int64_t row, int64_t rows) {
  const int64_t hidden = layout_.hidden(), stride = layout_.h_stride();
  const float* state = space_.buffers[direction].states[args_.steps % 2] + row * stride;
  float* hy = streams_[direction].hy;
  if (!hy) return;
  for (int64_t i = 0; i < rows; ++i) std::memcpy(hy + (row + i) * hidden, state + i * stride, static_cast<size_t>(hidden) * sizeof(float));
}

// Row (t - first time of the chunk) * B + b of gates_x belongs to step t. Steps of a whole batch are one matrix, so small batches still
// fill tiles.
void GruForwardPass::input(int direction, int64_t index, int64_t count, const Part& part) {
  const Stream& s = streams_[direction];
  const int64_t batch = args_.batch, stride = layout_.gates_x_stride(), width = 3 * kernels().lanes;
  const int64_t first = s.reverse ? time_of(direction, index + count - 1) : index;
  PanelMultiply m{};
  m.cols = (part.panel_end - part.panel_begin) * width;
  m.k = inputs_;
  m.a_step = inputs_;
  m.a_tile = inputs_ * kernels().tile_rows;
  use(m, s.panels->input, s.panels->input_halves, part.panel_begin);
  m.bias = s.panels->bias_x + part.panel_begin * width;
  m.ldc = stride;
  m.alpha = 1;
  const bool whole = part.rows == batch && (count > 1 || !space_.mask.ragged());
  for (int64_t i = 0; i < (whole ? 1 : count); ++i) {
    m.rows = whole ? count * batch : space_.mask.active(first + i, part.row, part.rows);
    m.a = x_ + ((first + i) * batch + part.row) * inputs_;
    m.c = space_.buffers[direction].gates_x + (i * batch + part.row) * stride + part.panel_begin * width;
    kernels().multiply(m);
  }
}

void GruForwardPass::use(PanelMultiply& m, const float* panels, const uint32_t* halves, int64_t first_panel) const {
  m.halves = halves_;
  m.panel_stride = 3 * kernels().lanes * (halves_ ? (m.k + 1) / 2 : m.k);
  m.panels = halves_ ? static_cast<const void*>(halves + first_panel * m.panel_stride) : panels + first_panel * m.panel_stride;
}

void GruForwardPass::step(int direction, int64_t index, const Part& part) {
  const Stream& s = streams_[direction];
  const GruForwardBuffers& b = space_.buffers[direction];
  const Kernels& kernel = kernels();
  const int64_t batch = args_.batch, time = time_of(direction, index), hidden = layout_.hidden();
  const int64_t chunk_begin = index / space_.chunk * space_.chunk, chunk_end = std::min<int64_t>(chunk_begin + space_.chunk, args_.steps);
  const int64_t slot = s.reverse ? chunk_end - 1 - index : index - chunk_begin;
  const int64_t active = space_.mask.active(time, part.row, part.rows);
  if (active < part.rows) rest(direction, index, part, active);
  if (active == 0) return;
  GruForwardStep f{};
  f.rows = active;
  f.hidden = hidden;
  f.panel_begin = part.panel_begin;
  f.panel_end = part.panel_end;
  f.halves = halves_;
  f.panels = halves_ ? static_cast<const void*>(s.panels->recurrent_halves) : s.panels->recurrent;
  f.panel_stride = 3 * kernel.lanes * (halves_ ? (hidden + 1) / 2 : hidden);
  f.gates_x_stride = layout_.gates_x_stride();
  f.gates_x = b.gates_x + (slot * batch + part.row) * f.gates_x_stride;
  f.bias_n = s.panels->bias_n;
  f.h_stride = layout_.h_stride();
  f.h = b.states[index % 2] + part.row * f.h_stride;
  f.h_next = b.states[(index + 1) % 2] + part.row * f.h_stride;
  f.y_stride = layout_.y_stride();
  f.y = s.y ? s.y + (time * batch + part.row) * f.y_stride : nullptr;
  f.reserve_panel = reserve_.panel_floats();
  f.reserve = s.reserve ? s.reserve + (time * batch + part.row) * layout_.reserve_width() : nullptr;
  f.valid = space_.mask.valid(time);
  if (f.valid) f.valid += part.row;
  f.gates = s.gates;
  if (layout_.description().reset_after) return kernel.gru_step(f);

  f.gates_h_stride = 2 * layout_.padded();
  f.gates_h = b.gates_h + part.row * f.gates_h_stride;
  f.candidate = b.candidate + part.row * f.h_stride;
  f.reset_h = b.reset_h + part.row * f.h_stride;
  PanelMultiply m{};
  m.rows = active;
  m.cols = f.gates_h_stride;
  m.k = hidden;
  m.a = f.h;
  m.a_step = f.h_stride;
  m.a_tile = f.h_stride * kernel.tile_rows;
  use(m, s.panels->recurrent, s.panels->recurrent_halves, 0);
  m.c = f.gates_h;
  m.ldc = f.gates_h_stride;
  m.alpha = 1;
  kernel.multiply(m);
  kernel.gru_reset_gates(f);
  m.a = f.reset_h;
  m.cols = layout_.padded();
  use(m, s.panels->candidate, s.panels->candidate_halves, 0);
  m.c = f.candidate;
  m.ldc = f.h_stride;
  kernel.multiply(m);
  kernel.gru_candidate(f);
}

}  // namespace grus
