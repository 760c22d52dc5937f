#include "gru_session.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <initializer_list>

#include "description.h"
#include "upload.h"

namespace grus {
namespace {

using Axes = std::initializer_list<int64_t>;

// what, with its axes if there are any, is put into words only when it is needed.
void check_count(size_t came, int64_t expected, const char* what, Axes axes = {}) {
  if (came == static_cast<size_t>(expected)) return;
  std::string text = what;
  for (const int64_t* axis = axes.begin(); axis != axes.end(); ++axis) text += (axis == axes.begin() ? " [" : ", ") + std::to_string(*axis);
  text += axes.size() > 0 ? "]" : "";
  throw Error(ErrorCode::shape_mismatch, text + " must have " + std::to_string(expected) + " values, got " + std::to_string(came));
}

}  // namespace

GruSession::GruSession(const GruDescription& description, std::unique_ptr<Backend> backend)
    : description_(description), backend_(std::move(backend)), memory_(*backend_), plan_(backend_->make_gru(description)),
      device_(backend_->name()), engine_(backend_->engine()) {
  table_.add(gru_parameters(*plan_, "", LayerDescription()), static_cast<int64_t>(plan_->weight_count()));
  parameters_ = memory_.allocate(static_cast<size_t>(table_.flat_count()) * sizeof(float));
}

size_t GruSession::state_count(int64_t batch) const {
  return static_cast<size_t>(static_cast<int64_t>(description_.num_layers) * description_.directions() * batch * description_.hidden_size);
}

size_t GruSession::output_count(const GruCall& call) const {
  return static_cast<size_t>(call.batch * call.steps * description_.directions() * description_.hidden_size);
}

void GruSession::check_sizes(const GruCall& call) const {
  const auto positive = [](int64_t value, const char* what) {
    if (value < 1 || value > INT_MAX) {
      throw Error(ErrorCode::invalid_argument,
                  std::string("[forward] ") + what + " must be a positive integer, got " + std::to_string(value));
    }
  };
  positive(call.batch, "batch");
  positive(call.steps, "steps");
  if (!call.x) throw Error(ErrorCode::invalid_argument, "[forward] x must be a Float32Array");
  const int64_t positions = call.batch * call.steps;
  if (positions > INT64_MAX / 8 / description_.input_size) {
    throw Error(ErrorCode::shape_mismatch, "[forward] a batch of this size cannot exist");
  }
  const int64_t first = call.time_major ? call.steps : call.batch, second = call.time_major ? call.batch : call.steps;
  check_count(call.x_count, positions * description_.input_size, "[forward] x", {first, second, description_.input_size});
  if (call.hx) {
    check_count(call.hx_count, static_cast<int64_t>(state_count(call.batch)), "[forward] hx",
                {description_.num_layers * description_.directions(), call.batch, description_.hidden_size});
  }
  if (call.mask) {
    check_count(call.mask_count, positions, "[forward] mask", {call.batch, call.steps});
  }
}

void GruSession::write_parameters(const float* values, size_t count) {
  check_count(count, table_.logical_count(), "[writeParameters] values");
  std::vector<float> flat(static_cast<size_t>(table_.flat_count()));
  table_.scatter(values, flat.data());
  backend_->upload(parameters_.as<void>(), flat.data(), flat.size() * sizeof(float));
  ++weights_version_;
  pending_ = false;
}

void GruSession::place(Room& room, int batch, int steps, bool ragged, bool training) {
  if (room.batch == batch && room.steps == steps && room.ragged == ragged) return;
  room.batch = 0;   // stays so if there is no room
  const int64_t rows = static_cast<int64_t>(batch) * steps;
  const int64_t width = static_cast<int64_t>(description_.directions()) * description_.hidden_size;
  const int64_t states = static_cast<int64_t>(state_count(batch));
  room.arena.begin();
  room.arena.place(room.hx, states);
  room.arena.place(room.x, rows * description_.input_size);
  room.arena.place(room.lengths, batch);
  room.arena.place(room.y, rows * width);
  room.arena.place(room.hy, states);
  if (training) {
    room.arena.place(room.dy, rows * width);
    room.arena.place(room.dhy, states);
    room.arena.place(room.dx, rows * description_.input_size);
    room.arena.place(room.dhx, states);
    room.arena.place(room.reserve, static_cast<int64_t>(plan_->reserve_bytes(batch, steps, ragged)));
  }
  room.arena.place(room.workspace, static_cast<int64_t>(plan_->workspace_bytes(batch, steps, training, ragged)));
  room.arena.commit(memory_);
  room.batch = batch;
  room.steps = steps;
  room.ragged = ragged;
}

void GruSession::stage(const Room& room, const float* values, float* staged, int64_t cols) const {
  const int64_t B = room.batch, T = room.steps;
  if (room.align.empty()) {
    if (room.time_major) std::copy_n(values, B * T * cols, staged);
    else swap_axes(values, staged, B, T, cols);
    return;
  }
  for (int64_t i = 0; i < B * T; ++i) {
    const int64_t t = room.align[i], b = i % B;
    if (t < 0) std::fill_n(staged + i * cols, cols, 0.0f);
    else std::copy_n(values + (room.time_major ? t * B + b : b * T + t) * cols, cols, staged + i * cols);
  }
}

void GruSession::unstage(const Room& room, const float* source, float* values, int64_t cols) {
  const int64_t B = room.batch, T = room.steps;
  const size_t bytes = static_cast<size_t>(B * T * cols) * sizeof(float);
  if (room.align.empty() && (room.time_major || B == 1 || T == 1)) {
    backend_->download(values, source, bytes);
    return;
  }
  float* staged = grus::room(staging_, B * T * cols);
  backend_->download(staged, source, bytes);
  if (room.align.empty()) {
    swap_axes(staged, values, T, B, cols);
    return;
  }
  std::memset(values, 0, bytes);
  for (int64_t i = 0; i < B * T; ++i) {
    const int64_t t = room.align[i], b = i % B;
    if (t >= 0) std::copy_n(staged + i * cols, cols, values + (room.time_major ? t * B + b : b * T + t) * cols);
  }
}

void GruSession::forward(const GruCall& call, float* y, float* hy) {
  check_sizes(call);
  const int batch = static_cast<int>(call.batch), steps = static_cast<int>(call.steps);
  Room& room = call.training ? training_ : inference_;
  if (call.training) pending_ = false;
  const uint8_t* mask = nullptr;
  if (call.mask) {
    uint8_t* staged = grus::room(mask_, call.batch * call.steps);
    swap_axes(call.mask, staged, call.batch, call.steps, 1);
    mask = staged;
  }
  room.info.set(batch, steps, mask);
  place(room, batch, steps, room.info.lengths() != nullptr, call.training);
  room.time_major = call.time_major;
  room.has_hx = call.hx != nullptr;
  room.align.clear();
  if (room.info.kind() == MaskKind::any) {
    room.align.resize(static_cast<size_t>(batch) * steps);
    room.info.fill_align(room.align.data());
  }
  // Inference on the host reads and writes the caller's arrays where they lie in time order.
  const bool in_order = room.align.empty() && (room.time_major || batch == 1 || steps == 1);
  const bool in_place = in_order && call.apart && !call.training && backend_->on_host();
  float* first = call.hx ? room.hx : room.x;
  char* end = room.info.lengths() ? reinterpret_cast<char*>(room.lengths + batch) : reinterpret_cast<char*>(room.x + call.x_count);
  Upload upload(*backend_, first, static_cast<size_t>(end - reinterpret_cast<char*>(first)));
  if (call.hx) std::copy_n(call.hx, call.hx_count, upload.host(room.hx));
  if (!in_place) stage(room, call.x, upload.host(room.x), description_.input_size);
  if (room.info.lengths()) std::copy_n(room.info.lengths(), batch, upload.host(room.lengths));
  upload.send();

  GruForward pass;
  pass.training = call.training;
  pass.batch = batch, pass.steps = steps;
  pass.lengths = room.info.lengths();
  pass.device_lengths = pass.lengths ? room.lengths : nullptr;
  pass.x = in_place ? call.x : room.x;
  pass.hx = room.has_hx ? room.hx : nullptr;
  pass.weights = parameters_.as<float>();
  pass.weights_version = weights_version_;
  pass.y = in_place ? y : room.y;
  pass.hy = room.hy;
  pass.reserve = room.reserve;
  pass.workspace = room.workspace;
  plan_->forward(pass);
  if (call.before_writing) {
    backend_->synchronize();
    call.before_writing();
  }
  if (!in_place) unstage(room, room.y, y, static_cast<int64_t>(description_.directions()) * description_.hidden_size);
  backend_->download(hy, room.hy, state_count(batch) * sizeof(float));
  pending_ = pending_ || call.training;
}

void GruSession::backward(const float* dy, size_t dy_count, const float* dhy, size_t dhy_count, Gradients& result) {
  if (!pending_) {
    throw Error(ErrorCode::invalid_argument, "[backward] a forward with training: true must come first, one for each backward");
  }
  Room& room = training_;
  const int64_t width = static_cast<int64_t>(description_.directions()) * description_.hidden_size;
  const int64_t rows = static_cast<int64_t>(room.batch) * room.steps;
  if (dy) check_count(dy_count, rows * width, "[backward] dy");
  if (dhy) check_count(dhy_count, static_cast<int64_t>(state_count(room.batch)), "[backward] dhy");
  if (!gradients_) gradients_ = memory_.allocate(static_cast<size_t>(table_.flat_count()) * sizeof(float));
  if (dy || dhy) {
    float *first = dy ? room.dy : room.dhy, *end = dhy ? room.dhy + dhy_count : room.dy + dy_count;
    Upload upload(*backend_, first, static_cast<size_t>(end - first) * sizeof(float));
    if (dy) stage(room, dy, upload.host(room.dy), width);
    if (dhy) std::copy_n(dhy, dhy_count, upload.host(room.dhy));
    upload.send();
  }
  backend_->zero(gradients_.as<void>(), gradients_.bytes());

  GruBackward pass;
  pass.batch = room.batch, pass.steps = room.steps;
  pass.lengths = room.info.lengths();
  pass.device_lengths = pass.lengths ? room.lengths : nullptr;
  pass.x = room.x;
  pass.hx = room.has_hx ? room.hx : nullptr;
  pass.weights = parameters_.as<float>();
  pass.weights_version = weights_version_;
  pass.y = room.y;
  pass.dy = dy ? room.dy : nullptr;
  pass.dhy = dhy ? room.dhy : nullptr;
  pass.dx = room.dx;
  pass.dhx = room.dhx;
  pass.dweights = gradients_.as<float>();
  pass.reserve = room.reserve;
  pass.workspace = room.workspace;
  pending_ = false;
  plan_->backward(pass);
  result.dx.resize(static_cast<size_t>(rows * description_.input_size));
  result.dhx.resize(state_count(room.batch));
  result.parameters.resize(static_cast<size_t>(table_.logical_count()));
  unstage(room, room.dx, result.dx.data(), description_.input_size);
  backend_->download(result.dhx.data(), room.dhx, result.dhx.size() * sizeof(float));
  if (table_.in_order()) {
    backend_->download(result.parameters.data(), gradients_.as<float>(), result.parameters.size() * sizeof(float));
    return;
  }
  std::vector<float> flat(static_cast<size_t>(table_.flat_count()));
  backend_->download(flat.data(), gradients_.as<float>(), flat.size() * sizeof(float));
  table_.gather(flat.data(), result.parameters.data());
}

}  // namespace grus
