#include "state.h"

#include <algorithm>
#include <chrono>
#include <cstring>

// When queued work runs. GRUS_SIM_DEFER: 0 at the call; 1 the other streams first, and only when the host waits; 2 only what the host waits
// for; a larger number is the seed of a random interleaving. The order within a stream and across events holds in all of them.
namespace grus::sim {
namespace {

using Op = CUstream_st::Op;

long long policy() { return knob_number("DEFER", 0); }

uint64_t next_random() {
  state().random = mix(state().random + static_cast<uint64_t>(policy()));
  return state().random;
}

std::vector<CUstream_st*> all_streams() {
  std::vector<CUstream_st*> all = state().streams;
  for (auto& device : state().devices) all.push_back(&device->null_stream);
  return all;
}

bool ready(const CUstream_st& stream) {
  if (stream.queue.empty()) return false;
  const Op& op = stream.queue.front();
  return op.kind != Op::Kind::wait || op.event->completed >= op.generation;
}

// GRUS_SIM_HANG=n: the nth launch (a whole graph is one) does not end, nor does anything begin after it on its device, as long as it is
// set.
bool hangs(const CUstream_st& stream, const Op& op) {
  Device& here = device(stream.device);
  const long long nth = knob_number("HANG", 0);
  if (nth <= 0) here.hung = false;
  else if (op.kind == Op::Kind::work && (op.work.launch || std::strcmp(op.work.call, "cudaGraphLaunch") == 0) && !here.hung) {
    here.hung = ++state().hang_counted == nth;
  }
  return here.hung;
}

void perform(CUstream_st& stream, Op& op) {
  switch (op.kind) {
    case Op::Kind::work: run_now(stream, op.work); return;
    case Op::Kind::record:
      op.event->completed = std::max(op.event->completed, op.generation);
      op.event->time = stream.clock;
      return;
    case Op::Kind::wait: stream.clock = std::max(stream.clock, op.event->time); return;
  }
}

bool step(CUstream_st& stream) {
  if (!ready(stream) || hangs(stream, stream.queue.front())) return false;
  Op op = std::move(stream.queue.front());
  stream.queue.pop_front();
  perform(stream, op);
  return true;
}

// The stream whose queue records what the head of `stream` waits for.
CUstream_st* recorder(const CUstream_st& stream) {
  const Op& wanted = stream.queue.front();
  for (CUstream_st* other : all_streams())
    for (const Op& op : other->queue)
      if (op.kind == Op::Kind::record && op.event == wanted.event && op.generation >= wanted.generation) return other;
  return nullptr;
}

bool step_needed(CUstream_st& stream) {
  CUstream_st* at = &stream;
  while (at && !ready(*at)) at = recorder(*at);
  return at && step(*at);
}

// One move towards the end of `wanted`; false: there is none, a kernel hangs.
bool advance(CUstream_st& wanted) {
  const long long how = policy();
  if (how == 1) {
    bool moved = false;
    for (CUstream_st* other : all_streams())
      while (other != &wanted && step(*other)) moved = true;
    return step(wanted) || moved || step_needed(wanted);
  }
  if (how <= 2) return step_needed(wanted);
  std::vector<CUstream_st*> able;
  for (CUstream_st* stream : all_streams())
    if (ready(*stream)) able.push_back(stream);
  return !able.empty() && step(*able[next_random() % able.size()]);
}

// Device memory is open to this thread: around a whole batch of work, because opening it is slow.
class Open {
 public:
  Open() {
    if (depth()++ > 0) return;
    for (size_t i = 0; i < state().devices.size(); ++i) open_memory(static_cast<int>(i));
  }
  ~Open() {
    if (--depth() > 0) return;
    for (size_t i = 0; i < state().devices.size(); ++i) close_memory(static_cast<int>(i));
  }

 private:
  static int& depth() {
    static int now = 0;
    return now;
  }
};

struct Working {
  explicit Working(int device) {
    ThreadState& mine = thread_state();
    before = mine.work_device;
    ++mine.work_depth;
    mine.work_device = device;
  }
  ~Working() {
    ThreadState& mine = thread_state();
    --mine.work_depth;
    mine.work_device = before;
  }
  const Open open;
  int before = 0;
};

// A legacy stream waits for blocking ones, and they for it.
void order_with_null_stream(CUstream_st& stream) {
  if (stream.null) {
    for (CUstream_st* other : state().streams)
      if (other->device == stream.device && other->blocking()) drain(*other);
  } else if (stream.blocking()) {
    drain(device(stream.device).null_stream);
  }
}

}  // namespace

bool deferred() { return policy() != 0; }

void run_now(CUstream_st& stream, const Work& work) {
  Device& here = device(stream.device);
  if (here.fault != cudaSuccess) return;
  if (work.launch) {
    ++state().launches;
    if (++state().faults_counted == knob_number("KERNEL_FAULT", 0)) {
      here.fault = static_cast<cudaError_t>(error_number(knob("KERNEL_FAULT_ERROR", "cudaErrorIllegalAddress")));
      return;
    }
  }
  stream.clock += work.microseconds;
  if (!work.run) return;
  const Working working(stream.device);
  work.run();
}

// Any order that the dependencies allow: the latest ready node first where work is deferred.
void run_nodes(CUstream_st& stream, const std::vector<Node>& nodes) {
  if (!deferred()) {
    const Open open;
    for (const Node& node : nodes) run_now(stream, node.work);
    return;
  }
  std::vector<char> done(nodes.size(), 0);
  for (size_t left = nodes.size(); left > 0; --left) {
    for (size_t i = nodes.size(); i-- > 0;) {
      const auto& after = nodes[i].after;
      if (done[i] || std::any_of(after.begin(), after.end(), [&](int before) { return !done[static_cast<size_t>(before)]; })) continue;
      done[i] = 1;
      run_now(stream, nodes[i].work);
      break;
    }
  }
}

cudaError_t put(CUstream_st& stream, Op op) {
  order_with_null_stream(stream);
  if (!deferred() && stream.queue.empty() && (op.kind != Op::Kind::wait || op.event->completed >= op.generation) && !hangs(stream, op)) {
    perform(stream, op);
    return cudaSuccess;
  }
  stream.queue.push_back(std::move(op));
  return cudaSuccess;
}

cudaError_t submit(const char*, CUstream_st& stream, Work work) {
  if (const cudaError_t fault = device(stream.device).fault; fault != cudaSuccess) return fault;
  if (stream.capture) {
    if (stream.capture->invalid) return cudaErrorStreamCaptureInvalidated;
    add_node(stream, std::move(work));
    return cudaSuccess;
  }
  if (legacy_stream_conflicts(stream)) return cudaErrorStreamCaptureImplicit;
  Op op;
  op.work = std::move(work);
  return put(stream, std::move(op));
}

bool drain(CUstream_st& stream) {
  if (stream.queue.empty()) return true;
  const Open open;
  while (!stream.queue.empty())
    if (!advance(stream)) return false;
  return true;
}

bool drain_event(CUevent_st& event, uint64_t generation) {
  if (event.completed >= generation) return true;
  const Open open;
  while (event.completed < generation) {
    CUstream_st* found = nullptr;
    for (CUstream_st* stream : all_streams())
      for (const Op& op : stream->queue)
        if (op.kind == Op::Kind::record && op.event.get() == &event && op.generation >= generation) found = stream;
    if (!found) return true;
    if (!advance(*found)) return false;
  }
  return true;
}

bool drain_device(int index) {
  bool done = true;
  for (CUstream_st* stream : all_streams())
    if (stream->device == index) done = drain(*stream) && done;
  return done;
}

void outlast(const char* call, const std::function<bool()>& drained) {
  for (bool said = false; !drained(); said = true) {
    if (!said) note(call, "waits for a kernel that does not end");
    state().mutex.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    state().mutex.lock();
  }
}

void progress(CUstream_st& stream, int operations) {
  const Open open;
  for (int i = 0; i < operations && !stream.queue.empty(); ++i) advance(stream);
}

cudaError_t enqueue(const char* call, cudaStream_t stream, double microseconds, std::function<void()> work) {
  const Lock lock(state().mutex);
  cudaError_t why;
  if (!driver_works(&why)) return end_call(why);
  CUstream_st* target = find_stream_here(call, stream);
  if (!target) return end_call(cudaErrorInvalidResourceHandle);
  return end_call(submit(call, *target, {call, microseconds, std::move(work), true}));
}

}  // namespace grus::sim

using namespace grus::sim;

void grus_sim_advance(cudaStream_t stream, double microseconds) {
  const Lock lock(state().mutex);
  CUstream_st* target = find_stream("grus_sim_advance", stream);
  if (target) submit("grus_sim_advance", *target, {"grus_sim_advance", microseconds, nullptr, false});
}
