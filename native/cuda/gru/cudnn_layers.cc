#include "cudnn_layers.h"

#include <algorithm>

namespace grus::cuda {
namespace {

GruDescription one_of(const GruDescription& whole, int inputs) {
  GruDescription one = whole;
  one.input_size = inputs;
  one.num_layers = 1;
  one.direction = Direction::forward;
  return one;
}

}  // namespace

// What a training forward leaves.
struct CudnnLayers::Reserve {
  std::vector<void*> parts;   // the reserve of each
  std::vector<float*> y;     // of all layers but the last: [T, B, D*H]
  size_t bytes = 0;
};

// The parts take turns in all of it.
struct CudnnLayers::Rooms {
  void* pass = nullptr;                           // the workspace of a part
  float *weights = nullptr, *dweights = nullptr;   // as a GRU of one layer has them
  float *hx = nullptr, *dhx = nullptr;            // [B, H]: cuDNN's states begin at a multiple of 16 bytes, the caller's parts anywhere
  float* between[2] = {};                         // y of the inner layers in inference, dx of them in backward: [T, B, D*H]
  size_t bytes = 0;
};

CudnnLayers::CudnnLayers(const CudnnGru& whole)
    : context_(whole.context()),
      layers_(whole.description().num_layers),
      directions_(whole.description().directions()),
      backward_only_(whole.description().direction == Direction::backward),
      hidden_(whole.hidden()),
      first_(one_of(whole.description(), static_cast<int>(whole.input())), context_) {
  if (layers_ > 1 && whole.width() != whole.input()) {
    inner_ = std::make_unique<Single>(one_of(whole.description(), static_cast<int>(whole.width())), context_);
  }
  for (int layer = 0; layer < layers_; ++layer) {
    for (int direction = 0; direction < directions_; ++direction) {
      weights_.emplace_back(whole.layout().parameters(), layer, direction, single(layer).gru.layout().parameters());
    }
  }
}

Around CudnnLayers::around(int direction, const int32_t* lengths) const {
  return {direction == 1 || backward_only_, true, lengths, directions_ * hidden_, direction == 1};
}

CudnnLayers::ShapeByLayer CudnnLayers::shapes(int batch, int steps, bool training) {
  ShapeByLayer shapes;
  for (int layer = 0; layer < layers_; ++layer) shapes.push_back(single(layer).shapes.get(batch, steps, training));
  return shapes;
}

CudnnLayers::Reserve CudnnLayers::reserve(const ShapeByLayer& shapes, void* memory) {
  Cutter cut(memory);
  Reserve reserve;
  for (int layer = 0; layer < layers_; ++layer) {
    const CudnnShape& shape = *shapes[static_cast<size_t>(layer)];
    const size_t bytes = ReserveRooms(single(layer).gru, shape, nullptr).bytes;
    for (int direction = 0; direction < directions_; ++direction) reserve.parts.push_back(cut.bytes(bytes));
    if (layer + 1 < layers_) reserve.y.push_back(cut.floats(int64_t{shape.batch()} * shape.steps() * directions_ * hidden_));
  }
  reserve.bytes = cut.used();
  return reserve;
}

CudnnLayers::Rooms CudnnLayers::rooms(const ShapeByLayer& shapes, void* memory) {
  size_t pass = 0, weights = 0;
  for (int layer = 0; layer < layers_; ++layer) {
    const CudnnGru& gru = single(layer).gru;
    pass = std::max(pass, room_of_pass(gru, *shapes[static_cast<size_t>(layer)]));
    weights = std::max(weights, gru.layout().weight_count());
  }
  const CudnnShape& shape = *shapes.front();
  const int64_t states = shape.batch() * hidden_;
  Cutter cut(memory);
  Rooms rooms;
  rooms.pass = cut.bytes(pass);
  rooms.weights = cut.floats(static_cast<int64_t>(weights));
  rooms.dweights = cut.floats(shape.training() ? static_cast<int64_t>(weights) : 0);
  rooms.hx = cut.floats(states);
  rooms.dhx = cut.floats(shape.training() ? states : 0);
  for (int i = 0; i < std::min(2, layers_ - 1); ++i) rooms.between[i] = cut.floats(states * shape.steps() * directions_);
  rooms.bytes = cut.used();
  return rooms;
}

size_t CudnnLayers::reserve_bytes(int batch, int steps) { return reserve(shapes(batch, steps, true), nullptr).bytes; }
size_t CudnnLayers::workspace_bytes(int batch, int steps, bool training) { return rooms(shapes(batch, steps, training), nullptr).bytes; }

void CudnnLayers::copy(float* to, const float* from, int64_t count) {
  context_.check(cudaMemcpyAsync(to, from, static_cast<size_t>(count) * sizeof(float), cudaMemcpyDeviceToDevice, context_.stream()),
                 "cudaMemcpyAsync");
}

std::vector<UsedCalls> CudnnLayers::forward(const GruForward& args) {
  const ShapeByLayer shape = shapes(args.batch, args.steps, args.training);
  const Rooms room = rooms(shape, args.workspace);
  const Reserve kept = args.training ? reserve(shape, args.reserve) : Reserve();
  std::vector<UsedCalls> used;
  GruForward call = args;
  for (int layer = 0; layer < layers_; ++layer) {
    const size_t at = static_cast<size_t>(layer);
    float* y = layer + 1 == layers_ ? args.y : args.training ? kept.y[at] : room.between[layer % 2];
    for (int direction = 0; direction < directions_; ++direction) {
      const int64_t state = state_offset(layer, direction, args.batch);
      call.hx = args.hx ? args.hx + state : nullptr;
      call.hy = args.hy ? args.hy + state : nullptr;
      call.y = y + direction * hidden_;
      if (args.training) call.reserve = kept.parts[used.size()];
      used.push_back({shape[at], forward_part(layer, direction, call, room, *shape[at])});
    }
    call.x = y;
  }
  return used;
}

bool CudnnLayers::forward_part(int layer, int direction, const GruForward& args, const Rooms& room, CudnnShape& shape) {
  Single& one = single(layer);
  GruForward call = args;
  weights(layer, direction).take(context_.stream(), args.weights, room.weights, static_cast<int64_t>(one.gru.layout().weight_count()));
  if (args.hx) copy(room.hx, args.hx, int64_t{args.batch} * hidden_);
  call.hx = args.hx ? room.hx : nullptr;
  call.weights = room.weights;
  call.workspace = room.pass;
  return CudnnForwardPass(one.gru, shape, call, around(direction, args.device_lengths)).run(one.shapes);
}

void CudnnLayers::backward(const GruBackward& args, const std::vector<UsedCalls>& used, const float* loss_scale) {
  ShapeByLayer shape;   // those of the forward, whatever has become of the shapes since
  for (int layer = 0; layer < layers_; ++layer) shape.push_back(used[static_cast<size_t>(layer * directions_)].shape);
  const Rooms room = rooms(shape, args.workspace);
  const Reserve kept = reserve(shape, args.reserve);
  GruBackward call = args;
  for (int layer = layers_ - 1; layer >= 0; --layer) {
    call.x = layer == 0 ? args.x : kept.y[static_cast<size_t>(layer - 1)];
    call.dx = layer == 0 ? args.dx : room.between[(layer - 1) % 2];
    for (int direction = 0; direction < directions_; ++direction) {
      const size_t part = static_cast<size_t>(layer * directions_ + direction);
      const int64_t state = state_offset(layer, direction, args.batch);
      call.hx = args.hx ? args.hx + state : nullptr;
      call.dhy = args.dhy ? args.dhy + state : nullptr;
      call.dhx = args.dhx ? args.dhx + state : nullptr;
      const float* dy = layer + 1 == layers_ ? args.dy : room.between[layer % 2];
      call.dy = dy ? dy + direction * hidden_ : nullptr;
      call.reserve = kept.parts[part];
      backward_part(layer, direction, call, room, used[part], loss_scale);
    }
  }
}

void CudnnLayers::backward_part(int layer, int direction, const GruBackward& args, const Rooms& room, const UsedCalls& used,
                                const float* loss_scale) {
  Single& one = single(layer);
  const cudaStream_t stream = context_.stream();
  const int64_t states = int64_t{args.batch} * hidden_, count = static_cast<int64_t>(one.gru.layout().weight_count());
  GruBackward call = args;
  weights(layer, direction).take(stream, args.weights, room.weights, count);
  if (args.hx) copy(room.hx, args.hx, states);
  if (args.dweights) {
    context_.check(cudaMemsetAsync(room.dweights, 0, static_cast<size_t>(count) * sizeof(float), stream), "cudaMemsetAsync");
  }
  call.hx = args.hx ? room.hx : nullptr;
  call.dhx = args.dhx ? room.dhx : nullptr;
  call.weights = room.weights;
  call.dweights = args.dweights ? room.dweights : nullptr;
  call.workspace = room.pass;
  CudnnBackwardPass(one.gru, *used.shape, call, around(direction, args.device_lengths), loss_scale, used.fast).run();
  if (args.dhx) copy(args.dhx, room.dhx, states);
  if (args.dweights) weights(layer, direction).add(stream, room.dweights, count, args.dweights);
}

}  // namespace grus::cuda
