#include "clock.h"

#include <algorithm>
#include <chrono>

#include "cuda/handles.h"

namespace grus::bench {
namespace {

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

constexpr double kGroup = 2;   // ms: an event's own resolution and the first launch vanish in it
constexpr int kMostCalls = 200;

}  // namespace

Times measure(Subject& subject, double milliseconds) {
  cuda::Context& context = subject.context();
  context.activate();
  cuda::Event start, stop;
  context.check(cudaEventCreate(start.out()), "cudaEventCreate");
  context.check(cudaEventCreate(stop.out()), "cudaEventCreate");
  Times times;
  subject.enqueue();   // the first after the one that made its results: captured here, where it is
  subject.wait();
  const double begin = now();
  for (double at = begin; times.latency.empty() || at - begin < milliseconds / 2;) {
    subject.enqueue();
    subject.wait();
    const double end = now();
    times.latency.push_back(end - at);
    at = end;
  }
  const double one = *std::min_element(times.latency.begin(), times.latency.end());
  const int calls = std::clamp(static_cast<int>(kGroup / one), 1, kMostCalls);
  const double middle = now();
  while (times.device.empty() || now() - middle < milliseconds / 2) {
    context.check(cudaEventRecord(start.get(), context.stream()), "cudaEventRecord");
    const double enqueuing = now();
    for (int call = 0; call < calls; ++call) subject.enqueue();
    times.host.push_back((now() - enqueuing) / calls);
    context.check(cudaEventRecord(stop.get(), context.stream()), "cudaEventRecord");
    subject.wait();
    float elapsed = 0;
    context.check(cudaEventElapsedTime(&elapsed, start.get(), stop.get()), "cudaEventElapsedTime");
    times.device.push_back(static_cast<double>(elapsed) / calls);
  }
  return times;
}

}  // namespace grus::bench
