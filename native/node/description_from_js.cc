#include "description_from_js.h"

#include "reader.h"

namespace grus {
namespace {

Activation activation(const Reader& reader) {
  using K = ActivationKind;
  Activation result;
  result.kind = reader.choice<K>("kind", {{"linear", K::linear}, {"relu", K::relu}, {"tanh", K::tanh}, {"sigmoid", K::sigmoid},
                                          {"softsign", K::softsign}, {"softplus", K::softplus}, {"affine", K::affine},
                                          {"leaky_relu", K::leaky_relu}, {"thresholded_relu", K::thresholded_relu},
                                          {"scaled_tanh", K::scaled_tanh}, {"hard_sigmoid", K::hard_sigmoid}, {"elu", K::elu}});
  result.alpha = reader.real("alpha");
  result.beta = reader.real("beta");
  return result;
}

float at_least_zero(const Reader& reader, const char* field) {
  const double value = reader.number(field);
  if (value < 0) reader.refuse(field, "a number of at least 0", std::to_string(value));
  return static_cast<float>(value);
}

float rate(const Reader& reader) {
  const double value = reader.number("rate");
  if (value < 0 || value >= 1) reader.refuse("rate", "a number of at least 0 and below 1", std::to_string(value));
  return static_cast<float>(value);
}

Regularizer regularizer(const Reader& reader) { return {at_least_zero(reader, "l1"), at_least_zero(reader, "l2")}; }

GruDescription gru(const Reader& reader) {
  GruDescription result;
  result.input_size = reader.positive("inputSize");
  result.hidden_size = reader.positive("hiddenSize");
  result.num_layers = static_cast<int>(reader.integer("numLayers", 1, 1024));
  result.direction = reader.choice<Direction>(
      "direction", {{"forward", Direction::forward}, {"backward", Direction::backward}, {"both", Direction::both}});
  result.bias = reader.boolean("bias");
  result.reset_after = reader.boolean("resetAfter");
  result.clip = at_least_zero(reader, "clip");
  const auto pair = [&](const char* field) {
    const std::vector<Reader> both = reader.list(field);
    if (both.size() != 2) reader.refuse(field, "two activations", std::to_string(both.size()));
    return std::array<Activation, 2>{activation(both[0]), activation(both[1])};
  };
  result.recurrent_activation = pair("recurrentActivation");
  result.activation = pair("activation");
  return result;
}

LayerDescription layer(const Reader& reader) {
  LayerDescription result;
  result.kind = reader.choice<LayerKind>("kind", {{"embedding", LayerKind::embedding}, {"gru", LayerKind::gru}, {"dense", LayerKind::dense},
                                                  {"activation", LayerKind::activation}, {"softmax", LayerKind::softmax},
                                                  {"dropout", LayerKind::dropout},
                                                  {"layerNormalization", LayerKind::layer_normalization}});
  result.name = reader.text("name");
  result.input_size = reader.positive("inputSize");
  result.output_size = reader.positive("outputSize");
  switch (result.kind) {
    case LayerKind::embedding:
      result.mask_zero = reader.boolean("maskZero");
      result.kernel_regularizer = regularizer(reader.object("kernelRegularizer"));
      break;
    case LayerKind::gru:
      result.gru = gru(reader.object("gru"));
      result.return_sequences = reader.boolean("returnSequences");
      result.go_backwards = reader.boolean("goBackwards");
      result.stateful = reader.boolean("stateful");
      result.return_state = reader.boolean("returnState");
      result.zero_output_for_mask = reader.boolean("zeroOutputForMask");
      result.train_bias_hh = reader.boolean("trainBiasHh");
      result.merge =
          reader.choice<Merge>("merge", {{"concat", Merge::concat}, {"sum", Merge::sum}, {"mul", Merge::mul}, {"ave", Merge::ave}});
      result.rate = rate(reader);
      result.kernel_regularizer = regularizer(reader.object("kernelRegularizer"));
      result.recurrent_regularizer = regularizer(reader.object("recurrentRegularizer"));
      result.bias_regularizer = regularizer(reader.object("biasRegularizer"));
      break;
    case LayerKind::dense:
      result.bias = reader.boolean("bias");
      result.kernel_regularizer = regularizer(reader.object("kernelRegularizer"));
      result.bias_regularizer = regularizer(reader.object("biasRegularizer"));
      break;
    case LayerKind::activation: result.activation = activation(reader.object("activation")); break;
    case LayerKind::softmax: break;
    case LayerKind::dropout: result.rate = rate(reader); break;
    case LayerKind::layer_normalization:
      result.epsilon = at_least_zero(reader, "epsilon");
      result.center = reader.boolean("center");
      result.scale = reader.boolean("scale");
      break;
  }
  return result;
}

Metric metric(const Reader& reader) {
  using K = MetricKind;
  Metric result;
  result.kind = reader.choice<K>("kind", {{"binaryAccuracy", K::binary_accuracy}, {"categoricalAccuracy", K::categorical_accuracy},
                                          {"sparseCategoricalAccuracy", K::sparse_categorical_accuracy}, {"mae", K::mae}, {"mse", K::mse},
                                          {"rmse", K::rmse}, {"precision", K::precision}, {"recall", K::recall}, {"f1", K::f1},
                                          {"auc", K::auc}, {"topK", K::top_k}});
  result.threshold = reader.real("threshold");
  result.k = static_cast<int>(reader.integer("k", 1, 1 << 28));
  result.bins = static_cast<int>(reader.integer("bins", 2, 1 << 20));
  return result;
}

Optimizer optimizer(const Reader& reader) {
  using K = OptimizerKind;
  Optimizer result;
  result.kind = reader.choice<K>("kind", {{"sgd", K::sgd}, {"adam", K::adam}, {"adamW", K::adamw}, {"rmsprop", K::rmsprop},
                                          {"adagrad", K::adagrad}, {"adadelta", K::adadelta}, {"adamax", K::adamax}, {"nadam", K::nadam}});
  result.beta1 = reader.real("beta1");
  result.beta2 = reader.real("beta2");
  result.epsilon = reader.real("epsilon");
  result.momentum = reader.real("momentum");
  result.rho = reader.real("rho");
  result.weight_decay = reader.real("weightDecay");
  result.initial_accumulator = reader.real("initialAccumulator");
  result.nesterov = reader.boolean("nesterov");
  result.amsgrad = reader.boolean("amsgrad");
  result.centered = reader.boolean("centered");
  result.torch_epsilon = reader.boolean("torchEpsilon");
  result.clip_norm = at_least_zero(reader, "clipNorm");
  result.clip_value = at_least_zero(reader, "clipValue");
  result.global_clip_norm = at_least_zero(reader, "globalClipNorm");
  return result;
}

}  // namespace

ModelDescription read_model(const Napi::Value& value, const char* where) {
  const Reader reader(value, where);
  ModelDescription result;
  result.ids = reader.boolean("ids");
  result.sequence = reader.boolean("sequence");
  result.input_size = reader.positive("inputSize");
  result.seed = static_cast<uint64_t>(reader.integer("seed", 0, (int64_t{1} << 53) - 1));
  for (const Reader& item : reader.list("layers")) result.layers.push_back(layer(item));
  return result;
}

GruDescription read_gru(const Napi::Value& value, const char* where) { return gru(Reader(value, where)); }

TrainingDescription read_training(const Napi::Value& value, const char* where) {
  using K = LossKind;
  const Reader reader(value, where);
  TrainingDescription result;
  const Reader loss = reader.object("loss");
  result.loss.kind = loss.choice<K>("kind", {{"binaryCrossentropy", K::binary_crossentropy},
                                             {"categoricalCrossentropy", K::categorical_crossentropy},
                                             {"sparseCategoricalCrossentropy", K::sparse_categorical_crossentropy},
                                             {"mse", K::mse}, {"mae", K::mae}, {"huber", K::huber}});
  result.loss.from_logits = loss.boolean("fromLogits");
  result.loss.delta = loss.real("delta");
  result.loss.label_smoothing = loss.real("labelSmoothing");
  for (const Reader& item : reader.list("metrics")) result.metrics.push_back(metric(item));
  result.optimizer = optimizer(reader.object("optimizer"));
  return result;
}

EngineOptions read_engine_options(const Napi::Value& value, const char* where) {
  const Reader reader(value, where);
  EngineOptions result;
  result.device = reader.choice<Device>("device", {{"auto", Device::automatic}, {"cpu", Device::cpu}, {"cuda", Device::cuda}});
  result.index = static_cast<int>(reader.integer("index", 0, 1023));
  result.threads = static_cast<int>(reader.integer("threads", -1, 1024));
  using P = Precision;
  using A = GruAlgorithm;
  result.precision = reader.choice<P>(
      "precision", {{"float32", P::float32}, {"tf32", P::tf32}, {"bfloat16", P::bfloat16}, {"float16", P::float16}});
  result.algorithm = reader.choice<A>("algorithm", {{"heuristic", A::heuristic}, {"standard", A::standard},
                                                    {"persistStatic", A::persist_static}, {"persistDynamic", A::persist_dynamic},
                                                    {"persistStaticSmallH", A::persist_static_small_h}, {"autotune", A::autotune}});
  result.graphs = reader.boolean("graphs");
  result.half_weights = reader.boolean("halfWeights");
  return result;
}

}  // namespace grus
