#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>

#include "context.h"
#include "handles.h"

namespace grus::cuda {

// Passes as CUDA graphs. The first two times a key comes, its work is enqueued as it is (and warms the libraries up); the third time it is
// captured; from then on it is replayed. Capturing and instantiating costs about as much as enqueueing a few times, so that keys which come
// once or twice (free lengths in a server) never pay for it. A capture that is refused is tried again after 16 runs more, then after 256,
// then after each 4,096: what broke it may have been another thread of the process. Beyond a number of nodes the least recently used go,
// and come back after 16 runs more, so that more sizes in turn than there is room for are not captured over and over.
class Graphs {
 public:
  explicit Graphs(Context& context);           // Error invalid_argument: GRUS_CUDA_GRAPH_NODES
  ~Graphs();

  void run(const std::string& key, const std::function<void()>& enqueue);
  int64_t drop();                              // all graphs; the bytes they held, about
  // Nodes that one graph may have; 0: nothing is captured. Error invalid_argument: GRUS_CUDA_GRAPH_NODES
  static int64_t most_nodes_of_one();

 private:
  struct Entry {
    std::string key;
    int64_t wait = kRunsBefore;                // runs until a capture; below 0: never
    int refusals = 0;
    GraphExec graph;
    int64_t nodes = 0;
  };
  struct Retired {                             // may still run
    GraphExec graph;
    int64_t nodes = 0;
    Event passed;
  };
  using Order = std::list<Entry>;              // latest first
  void enqueue_plainly(const std::function<void()>& enqueue);
  void capture(Entry& entry, const std::function<void()>& enqueue);
  std::string instantiate(Entry& entry, cudaGraph_t graph);
  void make_room();
  void retire(Entry& entry);
  void destroy_passed();
  void count_held(int64_t nodes);

  static constexpr int kRunsBefore = 2;
  static constexpr size_t kMostKeys = 512;
  Context& context_;
  GraphCounters& counters_;
  const int64_t most_nodes_;                   // of all of them
  Order order_;
  std::unordered_map<std::string, Order::iterator> entries_;
  int64_t nodes_ = 0;                          // of the graphs in `order_`
  std::deque<Retired> retired_;
};

}  // namespace grus::cuda
