#include "layer.h"

namespace grus {

std::unique_ptr<Layer> make_layer(const LayerDescription& description, int index, Backend& backend) {
  switch (description.kind) {
    case LayerKind::embedding: return make_embedding(description, backend);
    case LayerKind::gru: return make_gru_layer(description, index, backend);
    case LayerKind::dense: return make_dense(description);
    case LayerKind::activation: return make_activation(description);
    case LayerKind::softmax: return make_softmax(description);
    case LayerKind::layer_normalization: return make_layer_normalization(description);
    case LayerKind::dropout: return make_dropout(description, index);
  }
  throw Error(ErrorCode::unsupported, "[" + description.name + "] unknown kind of layer");
}

}  // namespace grus
