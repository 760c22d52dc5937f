#pragma once
#include <memory>
#include <string>
#include <vector>

#include "../backend.h"
#include "../description.h"
#include "../plan_memory.h"
#include "../plan_parameters.h"
#include "../sequence_info.h"
#include "../upload.h"
#include "layer_state.h"

namespace grus {

// What flows between layers: [T, B, features] if it is a sequence, else [B, features].
struct Shape {
  bool sequence = false;
  int features = 0;
  int64_t rows(int batch, int steps) const { return sequence ? static_cast<int64_t>(batch) * steps : batch; }
  int64_t count(int batch, int steps) const { return rows(batch, steps) * features; }
};

// A layer's input: features, or ids [T, B] for an embedding.
struct Input {
  const float* values = nullptr;
  const int32_t* ids = nullptr;
};

// One walk over the layers.
struct Pass {
  int batch = 0, steps = 0;
  bool dropout = false;                    // dropout is active
  bool keep = false;                       // backward may follow
  const StepScalars* scalars = nullptr;    // on the device
  const float* parameters = nullptr;       // flat
  float* gradients = nullptr;              // flat
  uint64_t weights_version = 0;
  void* workspace = nullptr;
};

// Where a layer finds room for one size of batch. kept: what backward reads; values: what lives within one pass; staged: what the host
// writes for each batch.
struct Placement {
  int batch = 0, steps = 0;
  bool keep = false;
  MaskKind mask = MaskKind::none;
  Arena& kept;
  Arena& values;
  Arena& staged;
  int64_t& workspace_bytes;                // raised to what the layer needs; shared by all layers
};

class Layer {
 public:
  explicit Layer(const LayerDescription& description) : description_(description) {}
  virtual ~Layer() = default;
  const LayerDescription& description() const { return description_; }

  virtual Shape output(Shape input) = 0;                                // once, when the plan is made; Error when the input does not fit
  virtual std::vector<Parameter> parameters() const { return {}; }      // offsets from the start of the layer's own stretch
  virtual int64_t parameter_floats() const { return 0; }
  void set_offset(int64_t offset) { offset_ = offset; }

  virtual bool is_identity(bool /* dropout */) const { return false; }  // forward and backward would copy: the plan skips them
  virtual bool flips_time() const { return false; }                     // the mask after this layer runs backwards
  virtual LayerState* state() { return nullptr; }

  virtual void place(const Placement&) {}
  // Once a batch, before the work is enqueued: fills its staged views. ids: [T, B] on the host, null for features.
  virtual void prepare(const SequenceInfo&, const int32_t* /* ids */, const Upload&) {}
  virtual void forward(Backend&, const Pass&, Input x, float* y) = 0;
  virtual void backward(Backend&, const Pass&, Input x, const float* y, const float* dy, float* dx) = 0;   // dx null: not wanted

 protected:
  const LayerDescription description_;
  int64_t offset_ = 0;                                                  // of the layer's stretch in the flat buffer
};

// index: the layer's place in the model; keys its dropout mask.
std::unique_ptr<Layer> make_layer(const LayerDescription&, int index, Backend&);
std::unique_ptr<Layer> make_embedding(const LayerDescription&, const Backend&);
std::unique_ptr<Layer> make_gru_layer(const LayerDescription&, int index, Backend&);
std::unique_ptr<Layer> make_dense(const LayerDescription&);
std::unique_ptr<Layer> make_activation(const LayerDescription&);
std::unique_ptr<Layer> make_softmax(const LayerDescription&);
std::unique_ptr<Layer> make_layer_normalization(const LayerDescription&);
std::unique_ptr<Layer> make_dropout(const LayerDescription&, int index);

}  // namespace grus
