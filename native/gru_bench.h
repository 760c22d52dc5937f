#pragma once
#include <memory>
#include <string>
#include <vector>

#include "plan_memory.h"
#include "plan_parameters.h"

namespace grus {

// One GRU with all its arrays on its device, for timing: nothing crosses between host and device from one pass to the next. Threads as in
// Session.
class GruBench {
 public:
  GruBench(const GruDescription& description, std::unique_ptr<Backend> backend);

  const std::string& device() const { return device_; }                                  // fixed
  const std::string& engine() const { return engine_; }                                  // fixed
  const std::shared_ptr<MemoryCounters>& memory() const { return memory_.counters(); }   // fixed

  // Room for a batch, with random x, dy and weights, the same at each call.
  void prepare(int64_t batch, int64_t steps, bool training);

  struct Times {
    double all = 0, enqueuing = 0;   // milliseconds of one pass
  };
  // Passes enqueued back to back, with a wait for the last (and now and then within many). A pass is forward, or with training forward and
  // backward, dx included and the gradients beginning at zero.
  Times run(int64_t passes);

  // Milliseconds of one product of two random square matrices, as run() takes them.
  double product(int64_t size, int64_t passes);

  struct Values {
    std::vector<float> x, weights, dy, y, hy, dx, gradients;   // dy, dx, gradients: empty without training
  };
  // At most so many values of each, from its start; weights and gradients in the order of parameters where they are whole.
  void read(int64_t most, Values& values);

  // Nothing is held on the device afterwards but what the plan itself holds.
  void release();

 private:
  void fill(float* destination, int64_t count, float bound);
  std::vector<float> download(const float* source, int64_t count, int64_t most);
  std::vector<float> download_parameters(const float* source, int64_t most);
  void enqueue();
  Times time(int64_t passes, const std::string& key, const std::function<void()>& enqueue);

  const GruDescription description_;
  std::unique_ptr<Backend> backend_;
  Memory memory_;
  std::unique_ptr<GruPlan> plan_;
  const std::string device_, engine_;
  ParameterTable table_;
  std::vector<float> pool_;          // random values, which every array repeats
  int64_t drawn_ = 0;                // arrays filled so far: each begins elsewhere in the pool
  Buffer weights_, gradients_, factors_;
  Arena arena_;
  float *x_ = nullptr, *y_ = nullptr, *hy_ = nullptr, *dy_ = nullptr, *dx_ = nullptr;
  char *reserve_ = nullptr, *workspace_ = nullptr;
  int batch_ = 0, steps_ = 0;
  bool training_ = false;
  int64_t factor_size_ = 0;
  int64_t generation_ = 0;           // of the arrays, which captured passes must not outlive
};

}  // namespace grus
