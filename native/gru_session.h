#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plan_memory.h"
#include "plan_parameters.h"
#include "sequence_info.h"
#include "session_batch.h"

namespace grus {

// Read during the call only. Null: not given.
struct GruCall {
  int64_t batch = 0, steps = 0;
  bool time_major = false;              // x, y (and dx, dy of the backward) are [T, B, C] instead of [B, T, C]
  bool training = false;                // backward may follow
  const float* x = nullptr;
  size_t x_count = 0;
  const float* hx = nullptr;            // [L*D, B, H]
  size_t hx_count = 0;
  const uint8_t* mask = nullptr;        // [B, T]
  size_t mask_count = 0;
  bool apart = false;                   // the results overlap no input
  std::function<void()> before_writing;   // called once the results are there, before y and hy are written; what it throws ends the call
};

// One GRU, all layers, forward and backward: the binding below the models. Threads as in Session.
class GruSession {
 public:
  GruSession(const GruDescription& description, std::unique_ptr<Backend> backend);

  const std::string& device() const { return device_; }                                  // fixed
  const std::string& engine() const { return engine_; }                                  // fixed
  const ParameterTable& table() const { return table_; }                                 // fixed
  const std::shared_ptr<MemoryCounters>& memory() const { return memory_.counters(); }   // fixed
  void check_sizes(const GruCall& call) const;                                           // fixed
  // Values of y [B, T, D*H] and of a state [L*D, B, H]; of sizes that have been checked.
  size_t output_count(const GruCall& call) const;                                        // fixed
  size_t state_count(int64_t batch) const;                                               // fixed

  void write_parameters(const float* values, size_t count);
  // y: 0 at masked steps; hy: after the row's last valid step. Both are written last: they may overlap x and hx.
  void forward(const GruCall& call, float* y, float* hy);
  struct Gradients {
    std::vector<float> dx, dhx, parameters;
  };
  // Null: zeros. For the last forward that was training, once.
  void backward(const float* dy, size_t dy_count, const float* dhy, size_t dhy_count, Gradients& result);

 private:
  // A forward's views. Training has its own, so that forwards without it may come between a forward and its backward.
  struct Room {
    Arena arena;
    int batch = 0, steps = 0;
    bool ragged = false;          // with lengths
    float *hx = nullptr, *x = nullptr;          // side by side with the lengths, so that what a call gives is one upload
    int32_t* lengths = nullptr;
    float *dy = nullptr, *dhy = nullptr;        // side by side too
    float *y = nullptr, *hy = nullptr, *dx = nullptr, *dhx = nullptr;
    char *reserve = nullptr, *workspace = nullptr;
    bool time_major = false, has_hx = false;
    SequenceInfo info;
    std::vector<int32_t> align;   // [T, B], when rows have gaps
  };
  void place(Room& room, int batch, int steps, bool ragged, bool training);
  // Rows of the caller -> dense time-major rows, left-aligned; and back, with 0 at masked steps.
  void stage(const Room& room, const float* values, float* staged, int64_t cols) const;
  void unstage(const Room& room, const float* source, float* values, int64_t cols);

  const GruDescription description_;
  std::unique_ptr<Backend> backend_;
  mutable Memory memory_;
  std::unique_ptr<GruPlan> plan_;
  const std::string device_, engine_;
  ParameterTable table_;
  Buffer parameters_, gradients_;
  uint64_t weights_version_ = 1;
  Room training_, inference_;
  bool pending_ = false;
  std::vector<float> staging_;
  std::vector<uint8_t> mask_;
};

}  // namespace grus
