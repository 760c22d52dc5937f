#pragma once
#include <vector>

#include "subject.h"

namespace grus::bench {

// Milliseconds of one call each.
struct Times {
  std::vector<double> device;    // between events around a group of calls, enqueued back to back
  std::vector<double> host;      // enqueuing alone, of the same groups: what the CPU does for a call
  std::vector<double> latency;   // enqueue and wait, one call at a time
};

// For about this long in all.
Times measure(Subject& subject, double milliseconds);

}  // namespace grus::bench
