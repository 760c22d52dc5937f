#pragma once
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "make_backend.h"
#include "session.h"

namespace grus {

inline LayerDescription layer(LayerKind kind, const std::string& name, int in, int out) {
  LayerDescription result;
  result.kind = kind;
  result.name = name;
  result.input_size = in;
  result.output_size = out;
  return result;
}

inline LayerDescription gru_layer(const std::string& name, int in, int hidden, Direction direction = Direction::forward,
                                  Merge merge = Merge::concat) {
  LayerDescription result = layer(LayerKind::gru, name, in, direction == Direction::both && merge == Merge::concat ? 2 * hidden : hidden);
  result.gru.input_size = in;
  result.gru.hidden_size = hidden;
  result.gru.direction = direction;
  result.go_backwards = direction == Direction::backward;
  result.merge = merge;
  return result;
}

inline ModelDescription features_model(int in, std::vector<LayerDescription> layers) {
  ModelDescription model;
  model.input_size = in;
  model.seed = 11;
  model.layers = std::move(layers);
  return model;
}

inline ModelDescription ids_model(std::vector<LayerDescription> layers) {
  const int vocabulary = layers.front().input_size;
  ModelDescription model = features_model(vocabulary, std::move(layers));
  model.ids = true;
  return model;
}

inline std::vector<float> draw(size_t count, unsigned seed, float scale = 0.6f) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-scale, scale);
  std::vector<float> result(count);
  for (float& x : result) x = value(random);
  return result;
}

inline Session make_session(const ModelDescription& model) {
  EngineOptions options;
  options.device = Device::cpu;
  options.threads = 2;
  return Session(model, make_backend(options));
}

inline void fill_parameters(Session& session, unsigned seed) {
  const std::vector<float> values = draw(static_cast<size_t>(session.table().logical_count()), seed);
  session.write_parameters(values.data(), values.size());
}

inline HostBatch features(int batch, int steps, const std::vector<float>& x, const std::vector<uint8_t>* mask = nullptr) {
  HostBatch result;
  result.batch = batch, result.steps = steps;
  result.x = x.data(), result.x_count = x.size();
  if (mask) result.mask = mask->data(), result.mask_count = mask->size();
  return result;
}

inline HostBatch ids(int batch, int steps, const std::vector<int32_t>& x) {
  HostBatch result;
  result.batch = batch, result.steps = steps;
  result.ids = x.data(), result.x_count = x.size();
  return result;
}

inline std::vector<float> predict(Session& session, const HostBatch& batch) {
  std::vector<float> y;
  session.predict(batch, y);
  return y;
}

// The code of the Error that body throws, as text; "none" when it throws none.
inline std::string thrown(const std::function<void()>& body, std::string* message = nullptr) {
  try {
    body();
  } catch (const Error& error) {
    if (message) *message = error.what();
    return to_string(error.code());
  }
  return "none";
}

}  // namespace grus
