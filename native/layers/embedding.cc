#include "../id_lists.h"
#include "layer.h"

namespace grus {
namespace {

// ids [T, B] -> y [T, B, C]: row id of the table [vocabulary, C].
class Embedding : public Layer {
 public:
  Embedding(const LayerDescription& description, const Backend& backend) : Layer(description), reads_lists_(backend.reads_id_lists()) {}

  Shape output(Shape input) override {
    if (!input.sequence) throw Error(ErrorCode::shape_mismatch, "[" + description_.name + "] expected a sequence of ids");
    return {true, description_.output_size};
  }

  int64_t parameter_floats() const override { return static_cast<int64_t>(description_.input_size) * description_.output_size; }

  std::vector<Parameter> parameters() const override {
    Parameter weight;
    weight.name = description_.name + ".weight";
    weight.shape = {description_.input_size, description_.output_size};
    weight.regularizer = description_.kernel_regularizer;
    weight.pieces = {{0, parameter_floats()}};
    return {weight};
  }

  void place(const Placement& room) override {
    order_ = starts_ = nullptr;
    if (!reads_lists_ || !room.keep) return;
    const int64_t rows = static_cast<int64_t>(room.batch) * room.steps, vocabulary = description_.input_size;
    if (rows > INT32_MAX) {
      throw Error(ErrorCode::unsupported, "[" + description_.name + "] a batch to train with has at most 2147483647 ids, got " +
                                              std::to_string(rows) + ": lower the batch size");
    }
    lists_ = IdGrouping::most_lists(rows, vocabulary);
    room.staged.place(order_, rows);
    room.staged.place(starts_, lists_ + 1);
    grouping_.reserve(rows, vocabulary);
  }

  void prepare(const SequenceInfo& info, const int32_t* ids, const Upload& upload) override {
    if (!order_) return;
    const int64_t rows = static_cast<int64_t>(info.batch()) * info.steps();
    grouping_.fill(ids, rows, description_.input_size, upload.host(order_), upload.host(starts_));
  }

  void forward(Backend& backend, const Pass& pass, Input x, float* y) override {
    backend.embedding(pass.parameters + offset_, x.ids, y, static_cast<int64_t>(pass.batch) * pass.steps, description_.output_size);
  }

  void backward(Backend& backend, const Pass& pass, Input x, const float*, const float* dy, float*) override {
    backend.embedding_grad(pass.gradients + offset_, x.ids, {lists_, order_, starts_}, dy, static_cast<int64_t>(pass.batch) * pass.steps,
                           description_.output_size);
  }

 private:
  const bool reads_lists_;
  IdGrouping grouping_;
  int64_t lists_ = 0;
  int32_t *order_ = nullptr, *starts_ = nullptr;   // of IdLists; null: not needed
};

}  // namespace

std::unique_ptr<Layer> make_embedding(const LayerDescription& description, const Backend& backend) {
  return std::make_unique<Embedding>(description, backend);
}

}  // namespace grus
