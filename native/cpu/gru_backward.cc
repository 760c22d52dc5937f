#include "gru_backward.h"

#include <algorithm>
#include <cstring>

namespace grus {
namespace {

// Of a stretch: the more there are, the less often the sums of the weight gradients pass through the cache, and the more room the gates
// take in it. From 128 to 512 the time is the same.
constexpr int64_t kStretchRows = 256;

}  // namespace

GruBackwardSpace::GruBackwardSpace(const GruLayout& layout, const GruBackward& args) {
  Carver carver(args.workspace);
  mask = GruMask(carver, args.lengths, args.batch, args.steps);
  const int64_t batch = args.batch, rows = batch * args.steps;
  for (int direction = 0; direction < layout.directions(); ++direction) {
    carry[direction] = carver.floats(batch * layout.h_stride());
    factors[direction] = carver.floats(batch * layout.factors_stride());
    if (!layout.description().reset_after) d_reset_h[direction] = carver.floats(batch * layout.h_stride());
  }
  for (int i = 0; i < std::min(2, layout.layers() - 1); ++i) dy[i] = carver.floats(rows * layout.y_stride());
  const int64_t columns = std::max({layout.hidden(), layout.input_size(0), layout.input_size(layout.layers() - 1)});
  const int64_t steps = std::max(args.steps, 1);
  stretch = std::clamp<int64_t>(kStretchRows / std::max<int64_t>(batch, 1), 1, steps);
  stretches = (args.steps + stretch - 1) / stretch;
  tiles = carver.floats(stretch * batch * tiled(columns));
  for (int direction = 0; direction < layout.directions(); ++direction) {
    for (float*& of : sums[direction]) of = carver.floats(3 * layout.padded() * (&of == sums[direction] ? columns : layout.hidden()));
  }
  valid = static_cast<int64_t*>(carver.bytes(rows * static_cast<int64_t>(sizeof(int64_t))));
  valid_count = static_cast<int64_t*>(carver.bytes(stretches * static_cast<int64_t>(sizeof(int64_t))));
  bytes = carver.used();
}

GruBackwardPass::GruBackwardPass(const GruLayout& layout, const GruWeights& weights, Team& team, GemmScratch& scratch,
                                 const GruBackward& args)
    : layout_(layout),
      weights_(weights),
      team_(team),
      scratch_(scratch),
      args_(args),
      space_(layout, args),
      reserve_(layout, args.reserve, args.batch, args.steps) {}

void GruBackwardPass::run() {
  const float* dy = args_.dy;
  if (space_.mask.ragged()) list_valid();
  for (int index = layout_.layers() - 1; index >= 0; --index) {
    bind(index, index == layout_.layers() - 1 ? args_.y : reserve_.y(index), dy);
    float* dx = index > 0 ? space_.dy[(index - 1) % 2] : args_.dx;
    layer(index, index > 0 ? reserve_.y(index - 1) : args_.x, dx);
    dy = dx;
  }
}

void GruBackwardPass::layer(int index, const float* x, float* dx) {
  const GruSplit split(layout_, team_, args_.batch);
  const int directions = layout_.directions();
  for (int direction = 0; direction < directions; ++direction) begin(direction, 0, args_.batch);
  for (int64_t i = 0; i < space_.stretches; ++i) {
    split.unit_blocks > 1 ? by_units(split, i) : by_rows(split, i);
    for (int direction = 0; direction < directions; ++direction) {
      const Stretch done = nth(direction, i);
      if (space_.mask.ragged()) compact_gates(direction, done);
      if (dx && directions == 1) input_gradient(index, done, dx);
      if (args_.dweights) weight_gradients(index, direction, done, x);
    }
  }
  for (int direction = 0; direction < directions; ++direction) {
    end(direction, 0, args_.batch);
    if (args_.dweights && space_.stretches > 0) add_weight_gradients(index, direction);
  }
  if (!dx || directions == 1) return;
  for (int64_t i = 0; i < space_.stretches; ++i) input_gradient(index, stretch(i), dx);
}

void GruBackwardPass::bind(int index, const float* y, const float* dy) {
  const GruDescription& description = layout_.description();
  const int64_t size = int64_t{args_.batch} * layout_.hidden();
  for (int direction = 0; direction < layout_.directions(); ++direction) {
    const int64_t at = (index * layout_.directions() + direction) * size;
    Stream& s = streams_[direction];
    s.reverse = layout_.reverse(direction);
    s.panels = &weights_.panels(index, direction);
    s.gates = GruActivations{description.recurrent_activation[static_cast<size_t>(direction)],
                             description.activation[static_cast<size_t>(direction)], description.clip};
    s.hx = args_.hx ? args_.hx + at : nullptr;
    s.y = y ? y + direction * layout_.hidden() : nullptr;
    s.dy = dy ? dy + direction * layout_.hidden() : nullptr;
    s.dhy = args_.dhy ? args_.dhy + at : nullptr;
    s.dhx = args_.dhx ? args_.dhx + at : nullptr;
    s.reserve = reserve_.gates(index, direction);
  }
}

GruBackwardPass::Stretch GruBackwardPass::nth(int direction, int64_t i) const {
  return stretch(streams_[direction].reverse ? i : space_.stretches - 1 - i);
}

void GruBackwardPass::by_rows(const GruSplit& split, int64_t i) {
  const auto part = [&](int64_t task) {
    const int direction = static_cast<int>(task / split.row_blocks);
    const int64_t block = task % split.row_blocks, row = space_.mask.cut(block, split.row_blocks);
    const Part whole{row, space_.mask.cut(block + 1, split.row_blocks) - row, 0, layout_.panels(), 0, layout_.column_panels()};
    const Stretch s = nth(direction, i);
    for (int64_t index = 0; index < s.end - s.begin; ++index) {
      gates(direction, time_of(direction, s, index), whole);
      state(direction, time_of(direction, s, index), whole);
    }
  };
  const int64_t tasks = layout_.directions() * split.row_blocks;
  if (split.parallel) {
    team_.parallel(tasks, part);
  } else {
    for (int64_t task = 0; task < tasks; ++task) part(task);
  }
}

void GruBackwardPass::by_units(const GruSplit& split, int64_t i) {
  const auto part_of = [&](int64_t task) {
    const int64_t block = task % split.unit_blocks, blocks = split.unit_blocks;
    return Part{0, args_.batch, layout_.panels() * block / blocks, layout_.panels() * (block + 1) / blocks,
                layout_.column_panels() * block / blocks, layout_.column_panels() * (block + 1) / blocks};
  };
  const int64_t shares = layout_.directions() * split.unit_blocks;
  team_.in_steps(2 * space_.stretch, shares, [&](int64_t half, int64_t share) {   // the state needs the gates of all units
    const int direction = static_cast<int>(share / split.unit_blocks);
    const Stretch s = nth(direction, i);
    if (half / 2 >= s.end - s.begin) return;
    const int64_t time = time_of(direction, s, half / 2);
    half % 2 == 0 ? gates(direction, time, part_of(share)) : state(direction, time, part_of(share));
  });
}

void GruBackwardPass::begin(int direction, int64_t row, int64_t rows) {
  const size_t bytes = static_cast<size_t>(layout_.hidden()) * sizeof(float);
  const float* dhy = streams_[direction].dhy;
  for (int64_t i = row; i < row + rows; ++i) {
    float* carry = space_.carry[direction] + i * layout_.h_stride();
    dhy ? std::memcpy(carry, dhy + i * layout_.hidden(), bytes) : std::memset(carry, 0, bytes);
  }
}

void GruBackwardPass::end(int direction, int64_t row, int64_t rows) {
  float* dhx = streams_[direction].dhx;
  if (!dhx) return;
  for (int64_t i = row; i < row + rows; ++i) {
    std::memcpy(dhx + i * layout_.hidden(), space_.carry[direction] + i * layout_.h_stride(),
                static_cast<size_t>(layout_.hidden()) * sizeof(float));
  }
}

GruBackwardStep GruBackwardPass::gate_step(int direction, int64_t time, const Part& part) const {
  const Stream& s = streams_[direction];
  const int64_t batch = args_.batch, stride = layout_.y_stride();
  GruBackwardStep b{};
  b.rows = space_.mask.active(time, part.row, part.rows);
  b.hidden = layout_.hidden();
  b.panel_begin = part.unit_begin;
  b.panel_end = part.unit_end;
  b.reserve_panel = reserve_.panel_floats();
  b.reserve = s.reserve + (time * batch + part.row) * layout_.reserve_width();
  b.factors_stride = layout_.factors_stride();
  b.factors = space_.factors[direction] + part.row * b.factors_stride;
  const int64_t before = s.reverse ? time + 1 : time - 1;
  const float* initial = s.hx ? s.hx + part.row * b.hidden : nullptr;
  if (before < 0 || before >= args_.steps) {
    b.h_previous = initial;
    b.h_previous_stride = b.hidden;
  } else {
    b.h_previous = s.y + (before * batch + part.row) * stride;
    b.h_previous_stride = stride;
    if (s.reverse && space_.mask.ragged()) {   // a shorter row starts here, from hx
      b.first = space_.mask.last(time) + part.row;
      b.h_initial = initial;
    }
  }
  b.dy = s.dy ? s.dy + (time * batch + part.row) * stride : nullptr;
  b.dy_stride = stride;
  b.valid = space_.mask.valid(time);
  if (b.valid) b.valid += part.row;
  b.carry_stride = layout_.h_stride();
  b.carry = space_.carry[direction] + part.row * b.carry_stride;
  b.d_reset_h_stride = layout_.h_stride();
  b.d_reset_h = space_.d_reset_h[direction] ? space_.d_reset_h[direction] + part.row * b.d_reset_h_stride : nullptr;
  b.gates = s.gates;
  return b;
}

// c [rows, H] = factors [rows, k], from column `first` on, times panels + beta * c
void GruBackwardPass::multiply(int direction, int64_t time, const Part& part, int64_t first, int64_t k, const float* panels, float* c,
                               float beta) {
  const int64_t width = 3 * kernels().lanes, column = part.column_begin * width;
  PanelMultiply m{};
  m.rows = space_.mask.active(time, part.row, part.rows);
  m.cols = std::min(layout_.hidden(), part.column_end * width) - column;
  m.k = k;
  m.a_step = layout_.factors_stride();
  m.a_tile = m.a_step * kernels().tile_rows;
  m.a = space_.factors[direction] + part.row * m.a_step + first;
  m.panel_stride = width * k;
  m.panels = panels + part.column_begin * m.panel_stride;
  m.ldc = layout_.h_stride();
  m.c = c + part.row * m.ldc + column;
  m.alpha = 1;
  m.beta = beta;
  if (m.rows > 0 && m.cols > 0) kernels().multiply(m);
}

void GruBackwardPass::gates(int direction, int64_t time, const Part& part) {
  const GruBackwardStep step = gate_step(direction, time, part);
  if (layout_.description().reset_after) return kernels().gru_step_back(step);
  kernels().gru_candidate_back(step);
  multiply(direction, time, part, 0, layout_.padded(), streams_[direction].panels->back_candidate, space_.d_reset_h[direction], 0);
  kernels().gru_reset_back(step);
}

void GruBackwardPass::state(int direction, int64_t time, const Part& part) {
  const bool after = layout_.description().reset_after;
  const int64_t padded = layout_.padded();
  multiply(direction, time, part, after ? 0 : padded, (after ? 3 : 2) * padded, streams_[direction].panels->back, space_.carry[direction],
           1);
}

}  // namespace grus
