#pragma once
#include <string>
#include <vector>

#include "backend.h"
#include "description.h"

namespace grus {

// A stretch of the flat parameter buffer.
struct Piece {
  int64_t offset = 0, count = 0;
};

// A named tensor as users see it; its values are its pieces one after the other.
struct Parameter {
  std::string name;
  std::vector<int64_t> shape;
  bool trainable = true;
  int variable = 0;            // clip_norm groups, see Segment
  Regularizer regularizer;
  std::vector<Piece> pieces;   // offsets from the start of the layer's stretch, then (in the table) of the whole buffer
  int64_t count() const;
};

// The tensors of one GRU as pieces of its weight space. prefix: "" or "<layer>."; bias_hh is fixed when train_bias_hh is false.
std::vector<Parameter> gru_parameters(const GruPlan& plan, const std::string& prefix, const LayerDescription& options);

// Where every tensor lies in the flat buffer, and the order users know: logical values are all tensors one after the other.
class ParameterTable {
 public:
  // Appends a layer's tensors in a stretch of `floats`; returns the stretch's offset.
  int64_t add(std::vector<Parameter> parameters, int64_t floats);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<Segment>& segments() const { return segments_; }
  int64_t flat_count() const { return flat_count_; }
  int64_t logical_count() const { return logical_count_; }
  bool regularized() const { return regularized_; }

  bool in_order() const;            // the flat values are the logical ones
  void gather(const float* flat, float* logical) const;
  void scatter(const float* logical, float* flat) const;

 private:
  std::vector<Parameter> parameters_;
  std::vector<Segment> segments_;
  int64_t flat_count_ = 0, logical_count_ = 0;
  int variables_ = 0;
  bool regularized_ = false;
};

}  // namespace grus
