#include "groups.h"

namespace probe {
namespace {

struct Place {
  Status status = Status::success;
  const char* address = nullptr;
  int rank = -1;
  int dims[4] = {}, strides[4] = {};
};

Json list(const int* values, int count) { return std::vector<Json>(values, values + std::max(count, 0)); }

void read_dims(const Network& n, cudnn::TensorDescriptor descriptor, Place& place) {
  cudnn::DataType type;
  if (n.context().cudnn().GetTensorNdDescriptor(descriptor, 4, &type, &place.rank, place.dims, place.strides) != Status::success) {
    place.rank = -1;
  }
}

// With both descriptors, or with one of the pairs left null.
std::pair<Place, Place> find(Network& n, int layer, int id, const void* base, bool matrix = true, bool bias = true) {
  const cuda::Tensor m = cuda::make_tensor(n.context()), b = cuda::make_tensor(n.context());
  Place w, v;
  void *w_address = nullptr, *v_address = nullptr;
  w.status = v.status = n.context().cudnn().GetRNNWeightParams(n.context().cudnn_handle(), n.rnn(), layer, n.weight_bytes, base, id,
                                                               matrix ? m.get() : nullptr, matrix ? &w_address : nullptr,
                                                               bias ? b.get() : nullptr, bias ? &v_address : nullptr);
  w.address = static_cast<char*>(w_address), v.address = static_cast<char*>(v_address);
  if (w.status == Status::success && matrix) read_dims(n, m.get(), w);
  if (w.status == Status::success && bias) read_dims(n, b.get(), v);
  return {w, v};
}

// Every block's offset in values, and whether they are what was seen elsewhere: per pseudo-layer W then R, then all biases alike.
void layout(Context& context, const Shape& shape, const char* what) {
  trying(what);
  Network n(context, shape);
  if (!n.refused().good) return answer("8.2", what, n.refused().text);
  const char* base = static_cast<const char*>(n.at(WEIGHTS));
  std::vector<Json> matrices, biases;
  size_t expected = 0, inputs = 0;
  bool packed = true;
  const size_t hidden = static_cast<size_t>(shape.hidden), bytes = shape.kind.bytes;
  const int pseudo = shape.layers * shape.directions;
  const auto expect = [&](const Place& place, size_t values) {
    packed &= place.address == base + expected * bytes;
    expected += values;
  };
  const auto offset = [&](const Place& place) -> Json {
    if (!place.address) return "none";
    const size_t at = static_cast<size_t>(place.address - base);
    return at % bytes == 0 ? Json(at / bytes) : Json("byte " + std::to_string(at));
  };
  Json dims = Json::object();
  for (int layer = 0; layer < pseudo; ++layer) {
    inputs = layer < shape.directions ? static_cast<size_t>(shape.inputs) : hidden * static_cast<size_t>(shape.directions);
    for (int id = 0; id < 6; ++id) {
      const auto [w, b] = find(n, layer, id, base);
      if (w.status != Status::success) return answer("8.2", what, status_text(context, w.status));
      expect(w, hidden * (id < 3 ? inputs : hidden));
      matrices.push_back(offset(w));
      if (layer == 0 && id == 0) {
        dims = {{"matrix", list(w.dims, w.rank)}, {"strides", list(w.strides, w.rank)},
                {"bias", list(b.dims, b.rank)}, {"bias strides", list(b.strides, b.rank)}};
      }
    }
  }
  for (int layer = 0; layer < pseudo; ++layer) {
    for (int id = 0; id < 6; ++id) {
      const Place b = find(n, layer, id, base).second;
      biases.push_back(offset(b));
      if (shape.bias == cudnn::RnnBiasMode::double_bias) expect(b, hidden);
    }
  }
  answer("8.2", what, {{"packed as observed elsewhere", packed}, {"space is exactly that", expected * bytes == n.weight_bytes},
                       {"bytes", n.weight_bytes}, {"descriptors", dims}, {"matrices at", matrices}, {"biases at", biases}});
}

}  // namespace

void weights(Context& context) {
  Shape shape;
  shape.inputs = 28, shape.hidden = 128;
  layout(context, shape, "weights: float32 I 28 H 128");
  shape.inputs = 3, shape.hidden = 5, shape.layers = 2, shape.directions = 2;
  for (const Kind& kind : {kFloat32, kFloat16, kBfloat16}) {
    shape.kind = kind;
    layout(context, shape, (std::string("weights: I 3 H 5 L 2 D 2 ") + kind.name).c_str());
  }
  shape = Shape();
  shape.bias = cudnn::RnnBiasMode::none;
  layout(context, shape, "weights without bias: where the biases are");

  Network n(context, Shape{});
  if (!n.refused().good) return answer("8.2", "weight parameters with null arguments", n.refused().text);
  trying("weight parameters with null arguments");
  const void* base = n.at(WEIGHTS);
  answer("8.2", "weight parameters: no matrix descriptor and address", status_text(context, find(n, 0, 0, base, false, true).first.status));
  answer("8.2", "weight parameters: no bias descriptor and address", status_text(context, find(n, 0, 0, base, true, false).first.status));
  const Place place = find(n, 0, 1, nullptr).first;
  answer("8.2", "weight parameters: weight space is null",
         {{"status", status_text(context, place.status)}, {"address", static_cast<size_t>(reinterpret_cast<uintptr_t>(place.address))}});
}

}  // namespace probe
