#pragma once
#include <cuda_runtime_api.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>

// What the simulated CUDA runtime offers to the simulated libraries and to tests beside the API itself. See README.md.
#define GRUS_SIM_API __attribute__((visibility("default")))

namespace grus::sim {

// A knob is the environment variable GRUS_SIM_<name>, read again at every call, so that a test may change it with setenv.
GRUS_SIM_API std::string knob(const char* name, const char* fallback = "");
GRUS_SIM_API long long knob_number(const char* name, long long fallback);

// Records that a rule of CUDA was broken: printed to stderr as "grus-sim misuse: <call>: ...", counted, and the process exits with status
// 86 unless GRUS_SIM_MISUSE=report.
GRUS_SIM_API void misuse(const char* call, const char* format, ...) __attribute__((format(printf, 2, 3)));

// Whether GRUS_SIM_FAIL asks this call of `function` to fail ("cublasSgemm_v2:3:14"); *code is the number, or that of the name given.
// Counts the calls of the function, so ask once per call. cudart's functions ask by themselves.
GRUS_SIM_API bool injected(const char* function, int* code);

// Work on a stream: runs now, or later (GRUS_SIM_DEFER), or at every launch of the graph when the stream is being captured. It must copy
// whatever the real call reads at call time, and read the rest, device memory above all, only when it runs. `call` names it in messages and
// must outlive the process. microseconds: what it adds to the stream's simulated clock.
// A capture that has been invalidated, a stream of another device, a fault: an error, and the work is dropped.
GRUS_SIM_API cudaError_t enqueue(const char* call, cudaStream_t stream, double microseconds, std::function<void()> work);

// Whether what is independent comes in an unkind order, see GRUS_SIM_DEFER.
GRUS_SIM_API bool scrambled();

// A kernel's launch: looks for addresses in the bytes of its parameters that no kernel of this device may follow, loads the kernel when
// this is its first launch, then enqueues. An error is what cudaGetLastError says next. `kernel` tells one kernel from another.
GRUS_SIM_API void launch(const char* call, const void* kernel, cudaStream_t stream, double microseconds, const void* parameters,
                         size_t bytes, std::function<void()> work);

// The first use of some code on the current device, with GRUS_SIM_WARMUP: it takes memory, and cannot be in a capture, which it breaks.
enum class Loading { there, first, refused };
GRUS_SIM_API Loading load(const char* call, unsigned long long code);
constexpr double kLoadingMicroseconds = 500;

// Old pointers may lie between the members of what is launched.
template <class T>
void clear_padding([[maybe_unused]] T* value) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
  __builtin_clear_padding(value);
#endif
#endif
}

// [pointer, pointer + bytes) is one living allocation of the device that is current (within work: of the device that runs it), and pointer
// is a multiple of alignment; misuse and false otherwise. Null is refused unless bytes is 0. `what` names the argument: "x".
GRUS_SIM_API bool check_device(const char* call, const char* what, const void* pointer, size_t bytes, size_t alignment);
// Whether the pointer lies in a living allocation of any device; no misuse.
GRUS_SIM_API bool is_device(const void* pointer);

// A call that would allocate or wait ("cudnnSetDropoutDescriptor"): false, with the captures it breaks invalidated, while this thread must
// not do that because of a capture.
GRUS_SIM_API bool allowed_during_capture(const char* call);
// A call that waits for the whole device ("cublasDestroy_v2"): breaks every capture under way, whichever thread's and in whichever mode,
// and says whether there was one.
GRUS_SIM_API bool breaks_captures(const char* call);
GRUS_SIM_API bool capturing(cudaStream_t stream);

// cuBLAS and cuDNN each have a CUDA runtime of their own inside, with a last error of its own: what fails there is nothing that the
// program's cudaGetLastError tells. While one of these lives, this thread's calls are that library's.
enum class Runtime { program, cublas, cudnn };
class GRUS_SIM_API InLibrary {
 public:
  explicit InLibrary(Runtime runtime);
  ~InLibrary();
  InLibrary(const InLibrary&) = delete;
  InLibrary& operator=(const InLibrary&) = delete;

 private:
  const Runtime before_;
};

GRUS_SIM_API int current_device();                  // of this thread; within work: the one that runs it
GRUS_SIM_API int stream_device(cudaStream_t stream);   // -1: no living stream; the null stream has the current device
GRUS_SIM_API bool in_work();                        // this thread is running a stream's work

// A library's own stream on the current device, non-blocking; and an event made, recorded on `before`, waited for by `waiting`, and gone.
// As with the caller's own calls, `waiting` joins a capture of `before`. GRUS_SIM_FAIL knows nothing of these.
GRUS_SIM_API cudaStream_t library_stream();
GRUS_SIM_API void library_stream_destroy(cudaStream_t stream);
GRUS_SIM_API cudaError_t library_join(const char* call, cudaStream_t waiting, cudaStream_t before);

// Room of the simulation itself on the current device, as a library allocates its own: counts as memory used, no misuse when leaked.
GRUS_SIM_API void* library_allocate(size_t bytes);
GRUS_SIM_API void library_free(void* pointer);

// The float that a sum comes to. A library takes other kernels for other shapes, which add in another order: of the two floats on either
// side of an inexact sum most values get `usual`, and some the other one; which ones do so depends on `order`. 0: none do.
inline float reordered(double sum, float usual, unsigned order) {
  if (order == 0 || static_cast<double>(usual) == sum || !std::isfinite(usual)) return usual;
  unsigned bits;
  std::memcpy(&bits, &usual, sizeof bits);
  if ((bits * (order | 1)) >> 29 != 0) return usual;   // seven of eight
  return std::nextafter(usual, usual < sum ? HUGE_VALF : -HUGE_VALF);
}

// Deterministic noise for knobs that permute or randomise.
inline unsigned long long mix(unsigned long long x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

}  // namespace grus::sim

// For tests, also by dlsym.
extern "C" {
GRUS_SIM_API int grus_sim_misuses();                 // so far
GRUS_SIM_API void grus_sim_reset();                  // forgets misuses, counters of injected failures and the launches counted, heals every device
GRUS_SIM_API void grus_sim_advance(cudaStream_t stream, double microseconds);   // adds to the stream's simulated clock, in stream order
GRUS_SIM_API long long grus_sim_launches();          // kernels and library work run so far, each replayed node of a graph too
GRUS_SIM_API long long grus_sim_waits();             // calls so far in which the host waited for a device
GRUS_SIM_API long long grus_sim_calls(const char* function);   // of that function of cudart or cuBLAS so far; what a replay runs is no call
}
