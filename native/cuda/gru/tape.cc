#include "tape.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "../../core/error.h"

namespace grus::cuda {
namespace {

[[noreturn]] void refuse(const std::string& expected, const std::string& came) {
  throw Error(ErrorCode::invalid_argument, "[gru backward] expected " + expected + ", got " + came + "; call forward with training first");
}

std::string shape_text(int batch, int steps) { return "batch " + std::to_string(batch) + " and " + std::to_string(steps) + " steps"; }

}  // namespace

void Tape::record(const GruForward& args, std::vector<UsedCalls> used) {
  Record& record = records_[{args.reserve, args.batch, args.steps, args.lengths != nullptr}];
  record.used = std::move(used);
  record.x = args.x, record.y = args.y, record.hx = args.hx, record.weights = args.weights;
  record.weights_version = args.weights_version;
  record.has_lengths = args.lengths != nullptr;
  if (args.lengths) record.lengths.assign(args.lengths, args.lengths + args.batch);
  record.spent = false;
  record.order = ++clock_;
  if (records_.size() <= kMost) return;
  records_.erase(std::min_element(records_.begin(), records_.end(),
                                  [](const auto& a, const auto& b) { return a.second.order < b.second.order; }));
}

// What was put there last.
Tape::Record& Tape::last(const void* reserve) {
  Record* latest = nullptr;
  auto at = records_.lower_bound({reserve, INT_MIN, INT_MIN, false});
  for (; at != records_.end() && std::get<0>(at->first) == reserve; ++at) {
    if (!latest || at->second.order > latest->order) latest = &at->second;
  }
  if (!latest) refuse("the reserve of a forward", "one that no forward has filled");
  return *latest;
}

const Tape::Record& Tape::take(const GruBackward& args, bool replaying) {
  const auto alike = records_.find({args.reserve, args.batch, args.steps, args.lengths != nullptr});
  if (replaying && alike != records_.end()) {
    alike->second.spent = true;
    return alike->second;
  }
  Record& record = last(args.reserve);
  const CudnnShape& shape = *record.used.front().shape;
  if (shape.batch() != args.batch || shape.steps() != args.steps) {
    refuse(shape_text(shape.batch(), shape.steps()) + " as in its forward", shape_text(args.batch, args.steps));
  }
  const auto same = [](const char* what, const float* before, const float* now) {
    if (before != now) refuse(std::string(what) + " of its forward", "another one");
  };
  same("x", record.x, args.x);
  same("y", record.y, args.y);
  same("hx", record.hx, args.hx);
  same("weights", record.weights, args.weights);
  if (record.has_lengths != (args.lengths != nullptr) ||
      (args.lengths && !std::equal(record.lengths.begin(), record.lengths.end(), args.lengths))) {
    refuse("the lengths of its forward", "others");
  }
  if (record.spent) refuse("one backward for each forward", "a second one");
  if (record.weights_version != 0 && args.weights_version != 0 && record.weights_version != args.weights_version) {
    refuse("the weights of its forward", "weights that have changed since");
  }
  record.spent = true;
  return record;
}

}  // namespace grus::cuda
