#pragma once
#include "arguments.h"
#include "gru.h"
#include "objects.h"
#include "refusals.h"

namespace grus::sim::dnn {

// The knobs that make one algorithm wrong or unsteady, as they stood when the call was made.
struct Faults {
  explicit Faults(cudnn::RnnAlgo algo);
  double y = 1, dx = 1, dweights = 1;   // factors: 1.01 is a relative error of 1e-2
  bool unsteady = false;                // other last bits at every call
  double disturb(double value, size_t index) const;
};

// What the three calls that compute have in common, copied from the descriptors, so that these may go as soon as the call returns.
struct Pass {
  Pass(const char* call, HandleUse& handle, cudnn::RnnDescriptor descriptor, const int32_t* device_lengths,
       cudnn::RnnDataDescriptor x_desc, cudnn::RnnDataDescriptor y_desc, bool training, Stage stage);

  void check_state_descriptor(cudnn::TensorDescriptor h, bool needed) const;
  void check_cell(cudnn::TensorDescriptor c, bool has_pointers) const;
  // workspace, reserve (training), weights: their sizes, then into the arguments
  void take_spaces(size_t weight_bytes, const void* weights, bool writes_weights, size_t workspace_bytes, void* workspace,
                   size_t reserve_bytes, void* reserve);

  // Enqueues the work, between two fillings of the workspace with NaN. `first` runs on a stream of the handle's own that waits for the
  // caller's; `left` and `right` follow it on two of them, side by side; then the caller's stream waits for both.
  void submit(HandleUse& handle, std::function<void()> first, std::function<void()> left, std::function<void()> right);

  size_t state_bytes() const { return states() * size_of(config.data); }
  size_t states() const { return static_cast<size_t>(config.pseudo_layers()) * x.batch * config.hidden; }
  // between the user's layout and [T, B, C]; padding is neither read nor written
  Values gather(const Sequences& s, const void* data) const;
  void scatter(const Sequences& s, const Values& values, void* data) const;
  void fill_padding(const Sequences& s, double value, void* data) const;
  Values load_states(const void* data) const;   // empty for null
  void store_states(const Values& values, void* data) const;

  const char* call;
  RnnConfig config;
  Sequences x, y;
  WeightLayout layout;
  Precision precision;
  Faults faults;
  bool training;
  Arguments arguments;
  const int* pinned_lengths;   // null: the lengths are those of the call
  void* workspace = nullptr;
  size_t workspace_size = 0;
};

}  // namespace grus::sim::dnn
