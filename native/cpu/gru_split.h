#pragma once
#include <algorithm>
#include <cstdint>

#include "gru_layout.h"
#include "team.h"

namespace grus {

// How one layer's recurrence is cut between threads. No element's bits depend on it.
// Rows: every thread takes rows of the batch (or a direction) through all steps, without waiting for others.
// Units: every thread takes units of the state, and all meet after each step.
struct GruSplit {
  int64_t row_blocks = 1;
  int64_t unit_blocks = 1;
  bool parallel = false;                // false: one thread is faster

  GruSplit(const GruLayout& layout, const Team& team, int batch) {
    constexpr int64_t least_rows = 16, most_rows = 128;   // of a block; with more, what a step leaves for the next is no longer in cache
    constexpr double least_work = 2.5e5, least_weights = 4e5;   // of a step; below both, one thread is faster
    const int64_t threads = team.threads(), directions = layout.directions();
    const double weights = 3.0 * static_cast<double>(layout.hidden()) * static_cast<double>(layout.hidden());
    parallel = threads > 1 && (2 * batch * weights >= least_work || 4 * weights >= least_weights);
    const int64_t wanted = parallel ? (threads + directions - 1) / directions : 1, blocks = std::min(wanted, batch / least_rows);
    if (wanted > 1 && blocks <= 1 && layout.description().reset_after) {
      unit_blocks = std::min(wanted, layout.panels());
      return;
    }
    row_blocks = std::max<int64_t>(blocks, 1);
    const int64_t rows = (batch + row_blocks - 1) / row_blocks;
    row_blocks *= std::max<int64_t>((rows + most_rows - 1) / most_rows, 1);
  }
};

}  // namespace grus
