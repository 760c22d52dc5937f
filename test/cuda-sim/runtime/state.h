#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../sim.h"

// The whole state of the simulated machine, under one lock. It is never destroyed: programs use CUDA while they exit.
namespace grus::sim {

// What a stream runs, or a node of a graph.
struct Work {
  const char* call = "";
  double microseconds = 0;
  std::function<void()> run;
  bool launch = false;                      // counts as a kernel, and may be the one that faults
  cudaGraphNodeType type = cudaGraphNodeTypeKernel;   // as a node of a graph
  void* to = nullptr;                       // of one that copies
  const void* from = nullptr;
  size_t bytes = 0;
  cudaMemcpyKind kind = cudaMemcpyDefault;
};

struct Capture;

}  // namespace grus::sim

struct CUevent_st {
  int device = 0;
  unsigned flags = 0;
  uint64_t requested = 0, completed = 0;    // generations: each record is a new one
  int not_ready = 0;                        // answers of that kind since the last record
  double time = 0;                          // of the stream's clock when it completed
  std::shared_ptr<grus::sim::Capture> capture;   // of the last record, when that was captured
  std::vector<int> capture_tail;
};

struct CUstream_st {
  struct Op {
    enum class Kind { work, record, wait } kind = Kind::work;
    grus::sim::Work work;
    std::shared_ptr<CUevent_st> event;
    uint64_t generation = 0;
  };
  int device = 0;
  unsigned flags = 0;
  bool null = false;
  std::deque<Op> queue;
  double clock = 0;
  std::shared_ptr<grus::sim::Capture> capture;
  std::vector<int> capture_tail;            // nodes that the next one comes after
  bool blocking() const { return null || (flags & cudaStreamNonBlocking) == 0; }
};

namespace grus::sim {

struct Node {
  Work work;
  std::vector<int> after;
};

struct Capture {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  CUstream_st* origin = nullptr;
  std::vector<CUstream_st*> members;
  std::vector<Node> nodes;
  bool invalid = false, ended = false;
};

}  // namespace grus::sim

struct CUgraph_st {
  int device = 0;
  std::vector<grus::sim::Node> nodes;
};

struct CUgraphExec_st {
  int device = 0;
  size_t bytes = 0;                         // of the device's memory
  std::shared_ptr<const std::vector<grus::sim::Node>> nodes;
};

namespace grus::sim {

struct Device {
  CUstream_st null_stream;
  size_t used = 0;
  cudaError_t fault = cudaSuccess;          // sticky: nothing works from then on
  bool has_context = false;
  std::set<unsigned long long> loaded;      // see load()
  bool hung = false;                        // a kernel does not end, see GRUS_SIM_HANG
};

struct State {
  std::recursive_mutex mutex;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<CUstream_st*> streams;        // living ones, in order of creation
  std::set<const void*> events, graphs, execs;
  std::set<const void*> dead;               // destroyed objects: their addresses are never used again
  std::vector<std::shared_ptr<CUevent_st>> event_objects;
  std::vector<std::weak_ptr<Capture>> captures;
  long long launches = 0, waits = 0, faults_counted = 0, hang_counted = 0;
  uint64_t random = 1;
};

State& state();
using Lock = std::unique_lock<std::recursive_mutex>;

// What a CUDA runtime keeps of its calls on a thread.
struct Errors {
  cudaError_t last = cudaSuccess;
  std::set<int> met;                        // devices whose fault a call has met: it comes back for good
};

// This thread's.
struct ThreadState {
  int device = 0;
  Errors errors[3];                         // by Runtime
  Runtime runtime = Runtime::program;
  cudaStreamCaptureMode capture_mode = cudaStreamCaptureModeGlobal;
  int work_depth = 0;
  int work_device = 0;
};
ThreadState& thread_state();
Errors& errors();                           // of this thread, in the runtime that is being called

bool driver_works(cudaError_t* why);
bool is_sticky(cudaError_t error);
Device& device(int index);
Device& current();
cudaError_t make_context();

// The living stream, the current device's for null; null and a misuse for anything else.
CUstream_st* find_stream(const char* call, cudaStream_t stream);
// The same; the stream's device must be current, as for launches, memsets and records.
CUstream_st* find_stream_here(const char* call, cudaStream_t stream);
std::shared_ptr<CUevent_st> find_event(const char* call, cudaEvent_t event);

// schedule.cc
cudaError_t put(CUstream_st& stream, CUstream_st::Op op);       // run or queue
cudaError_t submit(const char* call, CUstream_st& stream, Work work);   // capture, or put
bool drain(CUstream_st& stream);                                 // runs all that is queued there, and what that waits for; false: it hangs
bool drain_event(CUevent_st& event, uint64_t generation);
bool drain_device(int index);
// For calls of the API in which the host waits: drains again and again while a kernel hangs, and lets other threads in meanwhile.
void outlast(const char* call, const std::function<bool()>& drained);
void progress(CUstream_st& stream, int operations);
void run_now(CUstream_st& stream, const Work& work);
void run_nodes(CUstream_st& stream, const std::vector<Node>& nodes);
bool deferred();

// graph_nodes.cc
size_t nodes_of(CUgraph_st& graph, cudaGraphNode_t* handles, size_t most);   // how many it wrote

// capture.cc
void invalidate(Capture& capture);
bool legacy_stream_conflicts(const CUstream_st& stream);        // the null stream against a captured blocking one; invalidates that
int add_node(CUstream_st& stream, Work work);
cudaError_t captured_record(CUstream_st& stream, CUevent_st& event);
cudaError_t captured_wait(CUstream_st& stream, CUevent_st& event);

// misuse.cc
void note(const char* call, const char* text);                   // into the file of GRUS_SIM_LOG

// memory.cc
bool take_memory(Device& device, size_t bytes);                  // of what the device has; false: there is not so much
enum class Place { device, pinned, library };
struct Region {
  char* mapping = nullptr;                  // with a guard page on either side
  size_t mapped = 0;
  char* data = nullptr;
  size_t bytes = 0;
  Place place = Place::device;
  int device = 0;
  bool alive = true;
  bool closed = false;                      // to the host, while no work runs
  uint64_t number = 0;
};
Region* find_region(const void* pointer);                        // freed ones too
Region* map_region(size_t bytes, Place place, int device);
void free_region(const char* call, Region& region);
void check_redzones(const char* call, int device);
void open_memory(int device);                                    // while work runs, see GRUS_SIM_PROTECT
void close_memory(int device);
size_t memory_limit();
// Device allocations alive and their bytes, and pinned ones.
void count_regions(long long* device_count, long long* device_bytes, long long* pinned_count);
std::string describe(const void* pointer);                       // "a freed device allocation (number 7, 128 bytes)"

// errors.cc
int error_number(const std::string& text);                       // name or number; -1

// The frame of an API call: counts it, injects failures, asks for driver and device, keeps the last error.
enum class Needs { nothing, driver, device };
cudaError_t begin_call(const char* call, Needs needs);
cudaError_t end_call(cudaError_t error);
template <class Body>
cudaError_t api(const char* call, Needs needs, Body body) {
  Lock lock(state().mutex);
  const cudaError_t error = begin_call(call, needs);
  return end_call(error == cudaSuccess ? body() : error);
}

}  // namespace grus::sim
