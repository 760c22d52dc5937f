#include "algorithms.h"

#include <algorithm>

#include "../../core/error.h"
#include "trial_run.h"

namespace grus::cuda {

// The limits of batch and hidden size are open until a GPU has been measured. They leave B > 48 at H 65 to 128 to standard, where a kernel
// whose blocks each hold the recurrent weights and serve a few rows should win too. The sweep of bench/gpu decides it: its first shapes are
// T 50 and 100, B 32, 48, 64, 128 and 256, H 64, 96 and 128 (sweepOf in bench/gpu/rows.mjs).
cudnn::RnnAlgo algorithm_by_shape(const GruDescription& description, Precision precision, int batch, int steps, bool training) {
  const int hidden = description.hidden_size;
  const bool small = (hidden <= 64 && batch <= 64) || (hidden <= 128 && batch <= 48) || (!training && hidden <= 192 && batch <= 8);
  const bool fits = has_persistent_kernels(precision) && steps <= kMostSteps;
  return small && fits ? cudnn::RnnAlgo::persist_static_small_h : cudnn::RnnAlgo::standard;
}

cudnn::RnnAlgo Algorithms::choose(int batch, int steps, bool training) {
  const auto known = chosen_.find({batch, steps, training});
  if (known != chosen_.end()) return known->second;
  if (gru_.context().capturing()) return cudnn::RnnAlgo::standard;   // nothing can be tried now
  try {
    cudnn::RnnAlgo algorithm = decide(batch, steps, training);
    if (!works(algorithm, batch, steps, training)) algorithm = cudnn::RnnAlgo::standard;
    return chosen_[{batch, steps, training}] = algorithm;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::out_of_memory) throw;
    return cudnn::RnnAlgo::standard;   // no room to try things in now, which says nothing of the next time
  }
}

cudnn::RnnAlgo Algorithms::decide(int batch, int steps, bool training) {
  if (steps > kMostSteps) return cudnn::RnnAlgo::standard;
  switch (gru_.context().options().algorithm) {
    case GruAlgorithm::standard: return cudnn::RnnAlgo::standard;
    case GruAlgorithm::persist_static: return cudnn::RnnAlgo::persist_static;
    case GruAlgorithm::persist_dynamic: return cudnn::RnnAlgo::persist_dynamic;
    case GruAlgorithm::persist_static_small_h: return cudnn::RnnAlgo::persist_static_small_h;
    case GruAlgorithm::heuristic: return algorithm_by_shape(gru_.description(), gru_.precision(), batch, steps, training);
    case GruAlgorithm::autotune: return tune(batch, steps, training);
  }
  return cudnn::RnnAlgo::standard;
}

cudnn::RnnAlgo Algorithms::tune(int batch, int steps, bool training) {
  if (!table_) table_ = std::make_unique<TuningTable>(TuningTable::default_path());
  const std::string key = TuningTable::key(gru_, batch, steps, training);
  if (const auto known = table_->find(key)) return *known;
  const Tuning tuning = autotune(gru_, batch, steps, training);
  table_->add(key, tuning);
  return tuning.best;
}

// Whether a few steps of it really run. How many steps there are makes no difference to what cuDNN accepts below kMostSteps.
bool Algorithms::works(cudnn::RnnAlgo algorithm, int batch, int steps, bool training) {
  if (algorithm == cudnn::RnnAlgo::standard) return true;
  if (!has_persistent_kernels(gru_.precision())) return false;
  const auto known = tried_.find({algorithm, batch, training});
  if (known != tried_.end()) return known->second;
  const int few = std::min(steps, 4);
  bool good = false;
  if (const auto calls = CudnnCalls::make(gru_, algorithm, batch, few, training, nullptr)) {
    TrialRun trial(gru_, batch, few, training);
    good = true;
    for (const bool states : {true, false}) {   // models leave out what they do not need
      const cudnn::Status status = trial.enqueue(*calls, states);
      gru_.context().check(cudaStreamSynchronize(gru_.context().stream()), "cudaStreamSynchronize");
      gru_.context().check_memory(status, "cudnnRNNForward");
      good = good && status == cudnn::Status::success;
    }
  }
  return tried_[{algorithm, batch, training}] = good;
}

}  // namespace grus::cuda
