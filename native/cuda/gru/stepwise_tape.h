#pragma once
#include <algorithm>
#include <vector>

#include "../../core/error.h"
#include "../../gru_plan.h"

namespace grus::cuda {

// Which training forwards a backward may follow. A pass that CUDA replays does not come by here: what a captured forward left may be read
// while the host knows only of an earlier one, so `running` asks for nothing but a forward of this kind at some time.
class StepwiseTape {
 public:
  void record(const GruForward& args, bool running) {
    for (Entry& entry : entries_) entry.pending = entry.pending && entry.reserve != args.reserve;
    if (!running) {
      entries_.erase(std::remove_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.reserve == args.reserve; }),
                     entries_.end());
    }
    find_or_add(entry_of(args)).pending = true;
  }

  // Error invalid_argument unless a training forward with this reserve, shape, and kind of lengths and hx came before.
  void consume(const GruBackward& args, bool running) {
    const Entry wanted = entry_of(args);
    const auto found = std::find(entries_.begin(), entries_.end(), wanted);
    if (found == entries_.end() || !(found->pending || running)) {
      throw Error(ErrorCode::invalid_argument,
                  "[gru] expected backward to follow a training forward with the same reserve, batch, steps, lengths and hx, once; call "
                  "forward with training first");
    }
    found->pending = false;
  }

 private:
  struct Entry {
    const void* reserve;
    int batch, steps;
    bool lengths, hx, pending;
    bool operator==(const Entry& other) const {
      return reserve == other.reserve && batch == other.batch && steps == other.steps && lengths == other.lengths && hx == other.hx;
    }
  };

  template <class Args>
  static Entry entry_of(const Args& args) {
    return {args.reserve, args.batch, args.steps, args.device_lengths != nullptr, args.hx != nullptr, false};
  }

  Entry& find_or_add(const Entry& wanted) {
    const auto found = std::find(entries_.begin(), entries_.end(), wanted);
    if (found != entries_.end()) return *found;
    entries_.push_back(wanted);
    return entries_.back();
  }

  std::vector<Entry> entries_;
};

}  // namespace grus::cuda
