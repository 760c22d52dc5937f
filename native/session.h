#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan.h"
#include "session_batch.h"

namespace grus {

// One compiled model on one device. Built on any thread, then used from its executor's alone; what is marked `fixed` never changes and may
// be asked for from any thread. Every entry point checks its arguments before anything changes.
class Session {
 public:
  Session(const ModelDescription& description, std::unique_ptr<Backend> backend);

  const std::string& device() const { return device_; }                                     // fixed
  const std::string& engine() const { return engine_; }                                     // fixed
  int output_size() const { return plan_.output_shape().features; }                         // fixed
  bool output_is_sequence() const { return plan_.output_shape().sequence; }                 // fixed
  const ParameterTable& table() const { return plan_.table(); }                             // fixed
  const std::shared_ptr<MemoryCounters>& memory() const { return memory_.counters(); }      // fixed
  // Types and sizes of everything but y, which depends on the loss. where: the method's name.
  void check_sizes(const HostBatch& batch, const char* where) const;                        // fixed
  // Values of y [B, T?, K]; of sizes that have been checked.
  size_t output_count(const HostBatch& batch) const;                                        // fixed

  std::vector<float> read_parameters();
  void write_parameters(const float* values, size_t count);
  void configure(const TrainingDescription& training);
  void train_step(const HostBatch& batch, float learning_rate);
  void evaluate_step(const HostBatch& batch);
  std::vector<double> statistics(bool reset);
  void predict(const HostBatch& batch, float* y);                                   // y is written last: it may overlap the batch
  void predict(const HostBatch& batch, std::vector<float>& y);                      // its capacity is reused
  void forward(const HostBatch& batch, bool training, std::vector<float>& y);
  bool backward(const float* dy, size_t count, std::vector<float>& dx);             // false: ids have no gradient
  std::vector<float> read_gradients();
  void update(float learning_rate);

  struct OptimizerState {
    uint64_t step = 0, train_steps = 0;
    LossScale loss_scale;
    std::vector<float> values;      // slot by slot, each in the order of the parameters
  };
  OptimizerState read_optimizer();
  void write_optimizer(const OptimizerState& state);
  uint64_t skipped_updates();         // since configure or write_optimizer
  std::vector<std::vector<float>> read_states();
  void write_states(const std::vector<std::vector<float>>& states, int batch);      // empty: zeros

 private:
  // Checks the batch, makes room for it, uploads it.
  void begin(const HostBatch& batch, PlanMode mode, Targets targets, const char* where, float learning_rate = 0);
  const uint8_t* input_mask(const HostBatch& batch);
  void stage_targets(const HostBatch& batch, const Upload& upload, const char* where);
  StepScalars step_scalars(float learning_rate) const;
  void reserve_states(int batch);
  void check_ids(const HostBatch& batch, const char* where) const;
  void check_states(const HostBatch& batch, const char* where) const;
  Targets check_targets(const HostBatch& batch, const char* where) const;           // what this loss takes
  void make_key(const char* kind, bool dropout);
  void run_prediction(const HostBatch& batch);
  void finish_states();
  Pass make_pass(bool dropout) const;
  void enqueue_statistics(const Pass& pass, float* gradient);
  void enqueue_penalty(float* gradients, double* statistics);
  void enqueue_update(const StepScalars* scalars);
  void read_output(const Pass& pass, float* y);
  void require_training(const char* where) const;
  std::vector<float> gather(const float* flat) const;

  std::unique_ptr<Backend> backend_;
  mutable Memory memory_;
  Plan plan_;
  const ModelDescription description_;
  const std::string device_, engine_;

  Buffer parameters_, gradients_, slots_;   // flat; gradients come with the first pass that needs them, slots with the optimizer
  uint64_t weights_version_ = 1;
  Buffer scalars_;                          // StepScalars of an update without a batch
  Buffer statistics_;                       // doubles
  int64_t state_moves_ = 0;                 // how often states have moved in memory
  Buffer unread_;                           // doubles that an operation writes and nobody asks for

  std::optional<TrainingDescription> training_;
  int64_t configuration_ = 0;
  int slot_count_ = 0, statistics_count_ = 0;
  uint64_t updates_ = 0, train_steps_ = 0;
  bool fused_loss_ = false;

  // The batch at hand.
  std::vector<uint8_t> mask_;               // staging: [T, B] of the input
  std::vector<float> values_;               // staging: what comes back in time order
  const BatchViews* views_ = nullptr;
  bool weighted_ = false, masked_ = false;
  int64_t rows_ = 0;
  std::string carried_, key_;               // which layers start from a state; what the enqueued work depends on

  // The door: a forward whose backward may follow.
  bool pending_ = false, pending_dropout_ = false, has_gradients_ = false;
};

}  // namespace grus
