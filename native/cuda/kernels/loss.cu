#include "loss.h"

#include "loss_rows.h"

namespace grus::cuda {

void loss(cudaStream_t stream, const Loss& options, const StepScalars* scalars, double* stats, void* scratch) {
  const bool distribution = options.kind == LossKind::categorical_crossentropy || options.kind == LossKind::sparse_categorical_crossentropy;
  const bool empty = options.rows <= 0 || options.cols <= 0;
  (distribution && !empty ? distribution_loss : element_loss)(stream, options, scalars, stats, scratch);
}

}  // namespace grus::cuda
