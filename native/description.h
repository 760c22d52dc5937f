#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "backend.h"

// The model as plain data: what lib/spec/lower.ts produces, already validated there, read by native/node/description_from_js.cc.
namespace grus {

enum class LayerKind { embedding, gru, dense, activation, softmax, dropout, layer_normalization };

struct Regularizer { float l1 = 0, l2 = 0; };

struct LayerDescription {
  LayerKind kind = LayerKind::dense;
  std::string name;                  // unique in the model; prefixes parameter names: "gru_1.weight_ih_l0"
  int input_size = 0;                // features coming in; embedding: the vocabulary's size
  int output_size = 0;               // features going out
  bool bias = true;                  // dense
  bool mask_zero = false;            // embedding
  float rate = 0;                    // dropout layer; gru: dropout on its input, one mask for all steps of a sequence
  Activation activation;             // activation layer
  float epsilon = 0;                 // layer normalization
  bool center = true, scale = true;  // layer normalization: with a bias, with a weight
  // gru
  GruDescription gru;
  bool return_sequences = false;     // false: [B, C] comes out
  bool go_backwards = false;         // a returned sequence is in processing order, as Keras' is; needs gru.direction backward
  bool stateful = false;             // the state after a batch is the next batch's hx
  bool return_state = false;
  bool zero_output_for_mask = false; // a masked step puts out 0 instead of repeating the output before it
  bool train_bias_hh = true;         // false: one trained bias, as Keras has with reset_after = false; bias_hh stays 0
  Merge merge = Merge::concat;       // of direction both
  Regularizer kernel_regularizer, recurrent_regularizer, bias_regularizer;   // weight_ih or weight; weight_hh; every bias
};

struct ModelDescription {
  bool ids = false;                  // input: int32 ids [B, T] into an embedding, else float32 features
  bool sequence = true;              // features [B, T, I], else [B, I]
  int input_size = 0;
  uint64_t seed = 0;                 // of the dropout masks
  std::vector<LayerDescription> layers;
};

struct TrainingDescription {
  Loss loss;                         // kind and options only; pointers and sizes are the plan's
  std::vector<Metric> metrics;       // likewise
  Optimizer optimizer;
};

}  // namespace grus
