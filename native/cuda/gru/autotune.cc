#include "autotune.h"

#include <algorithm>
#include <cmath>

#include "../../core/error.h"
#include "stopwatch.h"
#include "trial_run.h"

namespace grus::cuda {
namespace {

using Results = std::vector<std::vector<float>>;   // as TrialRun::results: y and hy, then gradients

// The largest difference from standard that rounding explains, as a part of the largest value of a tensor.
struct Tolerance {
  float outputs, gradients;
};
Tolerance tolerance_of(Precision precision) {
  switch (precision) {
    case Precision::float32: return {1e-5f, 1e-4f};
    case Precision::tf32: return {5e-3f, 2e-2f};       // products of 10 bits
    case Precision::float16: return {5e-3f, 3e-2f};    // 10 bits, stored between the steps too
    case Precision::bfloat16: return {4e-2f, 2e-1f};   // 7 bits
  }
  return {0, 0};
}

bool agree(const std::vector<float>& got, const std::vector<float>& expected, float tolerance) {
  float largest = 0;
  for (const float value : expected) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < got.size(); ++i) {
    if (!(std::fabs(got[i] - expected[i]) <= tolerance * largest)) return false;   // also where one is NaN
  }
  return true;
}

bool agree(const Results& got, const Results& expected, const Tolerance& tolerance) {
  for (size_t i = 0; i < got.size(); ++i) {
    if (!agree(got[i], expected[i], i < 2 ? tolerance.outputs : tolerance.gradients)) return false;
  }
  return true;
}

class Tuner {
 public:
  Tuner(CudnnGru& gru, int batch, int steps, bool training)
      : gru_(gru), batch_(batch), steps_(steps), training_(training), trial_(gru, batch, steps, training) {}

  Attempt attempt(cudnn::RnnAlgo algorithm) {
    Attempt attempt;
    attempt.algorithm = algorithm;
    const auto calls = CudnnCalls::make(gru_, algorithm, batch_, steps_, training_, &attempt.refusal);
    if (!calls) return attempt;
    Results first;
    for (int round = 0; round < 3; ++round) {   // also warms it up
      const cudnn::Status status = trial_.enqueue(*calls);
      if (status != cudnn::Status::success) {
        attempt.refusal = explain(gru_.context(), status);
        gru_.context().check(cudaStreamSynchronize(gru_.context().stream()), "cudaStreamSynchronize");
        gru_.context().check_memory(status, "cudnnRNNForward");
        return attempt;
      }
      Results results = trial_.results();
      if (round == 0) first = std::move(results);
      else if (results != first) attempt.refusal = "its results differ from run to run";
    }
    if (algorithm == cudnn::RnnAlgo::standard) standard_ = first;
    if (!agree(first, standard_, tolerance_of(gru_.precision()))) attempt.refusal = "its results differ from standard";
    if (attempt.refusal.empty()) {
      attempt.microseconds = median_microseconds(gru_.context(), [&] {
        gru_.context().check(trial_.enqueue(*calls), "cudnnRNNForward", calls->describe());
      });
    }
    return attempt;
  }

 private:
  CudnnGru& gru_;
  const int batch_, steps_;
  const bool training_;
  TrialRun trial_;
  Results standard_;
};

}  // namespace

Tuning autotune(CudnnGru& gru, int batch, int steps, bool training) {
  Tuning tuning;
  Tuner tuner(gru, batch, steps, training);
  tuning.attempts.push_back(tuner.attempt(cudnn::RnnAlgo::standard));
  if (!tuning.attempts[0].refusal.empty()) return tuning;   // nothing to compare with
  if (!has_persistent_kernels(gru.precision())) return tuning;
  double least = tuning.attempts[0].microseconds * 0.98;
  for (const auto algorithm : {cudnn::RnnAlgo::persist_static_small_h, cudnn::RnnAlgo::persist_static}) {
    tuning.attempts.push_back(tuner.attempt(algorithm));
    const Attempt& attempt = tuning.attempts.back();
    if (!attempt.refusal.empty() || attempt.microseconds >= least) continue;
    least = attempt.microseconds;
    tuning.best = algorithm;
  }
  return tuning;
}

}  // namespace grus::cuda
