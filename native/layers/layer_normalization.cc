#include "layer.h"

namespace grus {
namespace {

// Over the features of each row: y = (x - mean) / sqrt(variance + epsilon) * weight + bias. Masked steps are computed like any other.
class LayerNormalization : public Layer {
 public:
  using Layer::Layer;

  Shape output(Shape input) override { return shape_ = input; }

  int64_t parameter_floats() const override { return (description_.scale ? width() : 0) + (description_.center ? width() : 0); }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> all;
    const auto add = [&](const char* name, int64_t offset) {
      Parameter parameter;
      parameter.name = description_.name + name;
      parameter.shape = {description_.input_size};
      parameter.variable = static_cast<int>(all.size());
      parameter.pieces = {{offset, width()}};
      all.push_back(parameter);
    };
    if (description_.scale) add(".weight", 0);
    if (description_.center) add(".bias", bias_offset());
    return all;
  }

  void place(const Placement& room) override { room.kept.place(statistics_, 2 * shape_.rows(room.batch, room.steps)); }

  void forward(Backend& backend, const Pass& pass, Input x, float* y) override {
    const float* parameters = pass.parameters + offset_;
    LayerNorm call = call_of(pass, x);
    call.weight = description_.scale ? parameters : nullptr;
    backend.layer_norm(call, description_.center ? parameters + bias_offset() : nullptr, y);
  }

  void backward(Backend& backend, const Pass& pass, Input x, const float*, const float* dy, float* dx) override {
    float* gradients = pass.gradients + offset_;
    LayerNorm call = call_of(pass, x);
    call.weight = description_.scale ? pass.parameters + offset_ : nullptr;
    if (description_.center) backend.bias_grad(gradients + bias_offset(), dy, call.rows, call.cols);
    backend.layer_norm_grad(call, dy, dx, description_.scale ? gradients : nullptr);
  }

 private:
  int64_t width() const { return description_.input_size; }
  int64_t bias_offset() const { return description_.scale ? width() : 0; }

  LayerNorm call_of(const Pass& pass, Input x) const {
    LayerNorm call;
    call.epsilon = description_.epsilon;
    call.rows = shape_.rows(pass.batch, pass.steps);
    call.cols = width();
    call.x = x.values;
    call.statistics = statistics_;
    return call;
  }

  Shape shape_;
  double* statistics_ = nullptr;   // [rows, 2]
};

}  // namespace

std::unique_ptr<Layer> make_layer_normalization(const LayerDescription& description) {
  return std::make_unique<LayerNormalization>(description);
}

}  // namespace grus
