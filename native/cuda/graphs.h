#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>

#include "context.h"
#include "handles.h"

namespace grus::cuda {

// Passes as CUDA graphs. The first time a key comes, its work is enqueued as it is (and warms the libraries up); the second time it is
// captured; from then on it is replayed. A pass that cannot be captured is enqueued for good. The least recently used beyond a limit go.
class Graphs {
 public:
  explicit Graphs(Context& context) : context_(context) {}
  ~Graphs();

  void run(const std::string& key, const std::function<void()>& enqueue);

  int64_t replays() const { return replays_; }
  int64_t captures() const { return captures_; }

 private:
  struct Entry {
    std::string key;
    GraphExec graph;                       // none: seen once
    bool refused = false;                  // capturing it failed
  };
  using Order = std::list<Entry>;          // latest first
  void enqueue_plainly(const std::function<void()>& enqueue);
  void capture(Entry& entry, const std::function<void()>& enqueue);
  void forget_oldest();

  static constexpr size_t kMostGraphs = 64, kMostKeys = 512;
  Context& context_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> entries_;
  size_t graphs_ = 0;
  int64_t replays_ = 0, captures_ = 0;
};

}  // namespace grus::cuda
