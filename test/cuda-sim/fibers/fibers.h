#pragma once
#include <cuda_runtime.h>

#include <functional>
#include <type_traits>
#include <vector>

#include "../sim.h"

// The words of CUDA C++ that native/cuda/launch/launch.h is written in, for this host: every thread of a block is a fiber, a barrier lets
// none through before all have come, blocks and threads come in an order that GRUS_SIM_FIBER_SEED chooses. rewrite.cmake makes calls of the
// functions below of what no compiler for the host reads.
#define __CUDA_ARCH__ 900
#define __global__
#define __device__
#define __syncthreads() grus::fibers::barrier(__LINE__)

struct uint3 { unsigned x = 0, y = 0, z = 0; };
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
// of the thread that runs now
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

inline double atomicAdd(double* target, double value) {
  const double before = *target;
  *target += value;
  return before;
}

namespace grus::fibers {

struct Configuration {                     // what stands between <<< and >>>
  dim3 grid, block;
  size_t dynamic_shared = 0;
  cudaStream_t stream = nullptr;
};

void barrier(int line);
// At the head of each kernel: its __launch_bounds__. Without one a kernel may take so many registers that no more than 256 threads fit.
constexpr unsigned kUnbounded = 256;
void launch_bounds(unsigned threads);
// A __shared__ array: the block's, whichever of its threads asks, NaN in every block at first. `declaration` tells one array from another.
void* shared(const void* declaration, size_t bytes, size_t alignment);

// All blocks of a kernel, now, on this thread.
void run(const char* kernel, const Configuration& how, const std::function<void()>& body);
// What CUDA would refuse to launch is a misuse, and false.
bool can_launch(const char* kernel, const Configuration& how, size_t parameter_bytes);

// Faults on demand, for the test of these fibers: lines whose barrier is left out, by the threads from `from` on.
struct LeftOut { int line = 0; unsigned from = 0; };
void leave_out(LeftOut which);
const std::vector<int>& barriers_seen();   // the lines of all barriers so far

template <class Kernel>
class Launch {
 public:
  Launch(const char* name, const Configuration& how, Kernel kernel) : name_(name), how_(how), kernel_(kernel) {}

  template <class... Parameters>
  void operator()(Parameters... parameters) const {
    std::vector<char> bytes;               // as they lie in the kernel's parameter space
    (add(bytes, parameters), ...);
    if (!can_launch(name_, how_, bytes.size())) return;
    static const char kernel = 0;          // one for each kernel and its types
    sim::launch(name_, &kernel, how_.stream, 2.0, bytes.data(), bytes.size(), [launch = *this, parameters...] {
      run(launch.name_, launch.how_, [&] { launch.kernel_(parameters...); });
    });
  }

 private:
  template <class T>
  static void add(std::vector<char>& bytes, T value) {
    static_assert(std::is_trivially_copyable<T>::value, "a kernel's parameters are copied to the device as plain bytes");
    if constexpr (std::is_class<T>::value) sim::clear_padding(&value);
    bytes.resize((bytes.size() + alignof(T) - 1) / alignof(T) * alignof(T));
    const char* begin = reinterpret_cast<const char*>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof(T));
  }

  const char* name_;                       // of a literal
  Configuration how_;
  Kernel kernel_;
};

}  // namespace grus::fibers
