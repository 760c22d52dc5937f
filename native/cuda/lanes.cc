#include "lanes.h"

#include <map>
#include <mutex>
#include <vector>

#include "context.h"
#include "faults.h"
#include "handles.h"
#include "load/versions.h"

namespace grus::cuda {
namespace {

struct Pool {
  std::mutex mutex;
  std::map<int, std::vector<Lane*>> free;   // by device
  std::mutex making;                        // NVIDIA: the first cudnnCreate of a process must be alone; of what follows, too
  // Handles of lanes that could not be finished, for the next: destroying one waits for the whole GPU, which breaks the captures of other
  // sessions.
  std::map<int, std::vector<cudnn::Handle>> left_cudnn;
  std::map<int, std::vector<cublas::Handle>> left_cublas;
};

Pool& pool() {
  static auto* const all = new Pool();      // never destroyed, see Lane
  return *all;
}

Lane* take(int device) {
  std::lock_guard<std::mutex> lock(pool().mutex);
  std::vector<Lane*>& lanes = pool().free[device];
  if (lanes.empty()) return nullptr;
  Lane* lane = lanes.back();
  lanes.pop_back();
  return lane;
}

// What cuDNN does on streams of its own stays its own: the report warns of that.
bool must_not_overlap(const Context& context) {
  return overlap_corrupts(context.compute_capability(), context.libraries().cublas_version);
}

// cuBLAS' own recommendation by generation. Without one set, it allocates while a step is captured.
size_t workspace_bytes(const Context& context) { return size_t{context.compute_capability() >= 90 ? 32u : 8u} << 20; }

struct Making {
  explicit Making(const Context& of) : context(of) {}
  ~Making() {
    if (cudnn) pool().left_cudnn[context.device()].push_back(cudnn);
    if (cublas) pool().left_cublas[context.device()].push_back(cublas);
    if (workspace) cudaFree(workspace);
  }
  const Context& context;
  Stream stream, copies;
  cudnn::Handle cudnn = nullptr;
  cublas::Handle cublas = nullptr;
  void* workspace = nullptr;
};

template <class Handle> Handle take_left(std::map<int, std::vector<Handle>>& left, int device) {
  std::vector<Handle>& some = left[device];
  if (some.empty()) return nullptr;
  const Handle handle = some.back();
  some.pop_back();
  return handle;
}

Lane* make(Context& context) {
  std::lock_guard<std::mutex> lock(pool().making);
  Making made(context);
  const bool apart = !must_not_overlap(context);
  context.check(cudaStreamCreateWithFlags(made.stream.out(), cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  if (apart) context.check(cudaStreamCreateWithFlags(made.copies.out(), cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  const size_t bytes = workspace_bytes(context);
  context.check(cudaMalloc(&made.workspace, bytes), "cudaMalloc");   // before the handles, so that a full GPU costs none
  made.cudnn = take_left(pool().left_cudnn, context.device());
  if (!made.cudnn) context.check(context.cudnn().Create(&made.cudnn), "cudnnCreate");
  context.check(context.cudnn().SetStream(made.cudnn, made.stream.get()), "cudnnSetStream");
  made.cublas = take_left(pool().left_cublas, context.device());
  if (!made.cublas) context.check(context.cublas().Create_v2(&made.cublas), "cublasCreate");
  // in this order: a new stream takes the workspace away
  context.check(context.cublas().SetStream_v2(made.cublas, made.stream.get()), "cublasSetStream");
  context.check(context.cublas().SetWorkspace_v2(made.cublas, made.workspace, bytes), "cublasSetWorkspace");
  auto* lane = new Lane();
  lane->device = context.device();
  lane->stream = made.stream.release();
  lane->copies = apart ? made.copies.release() : lane->stream;
  lane->cudnn = std::exchange(made.cudnn, nullptr);
  lane->cublas = std::exchange(made.cublas, nullptr);
  lane->cublas_workspace = std::exchange(made.workspace, nullptr);
  return lane;
}

}  // namespace

void GiveBack::operator()(Lane* lane) const {
  const OnDevice on(lane->device);
  for (const cudaStream_t stream : {lane->stream, lane->copies}) {
    const cudaError_t error = cudaStreamSynchronize(stream);
    if (error != cudaSuccess) cudaGetLastError();
    if (is_lasting(error)) keep_fault(lane->device, "cudaStreamSynchronize: " + words(error));
  }
  if (has_fault(lane->device)) return;
  std::lock_guard<std::mutex> lock(pool().mutex);
  pool().free[lane->device].push_back(lane);
}

LeasedLane lease_lane(Context& context) {
  Lane* free = take(context.device());
  LeasedLane lane(free ? free : make(context));
  const bool exact = context.options().precision == Precision::float32;
  context.check(context.cublas().SetMathMode(lane->cublas, exact ? cublas::MathMode::default_math : cublas::MathMode::tf32),
                "cublasSetMathMode");
  return lane;
}

}  // namespace grus::cuda
