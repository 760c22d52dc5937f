#include "sweep.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "cuda/gru/stopwatch.h"
#include "cuda/gru/trial_run.h"

namespace grus::bench {
namespace {

using Results = std::vector<std::vector<float>>;

double difference(const std::vector<float>& got, const std::vector<float>& expected) {
  double largest = 0, most = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double apart = std::fabs(static_cast<double>(got[i]) - expected[i]);
    if (!std::isfinite(apart)) return std::numeric_limits<double>::max();
    most = std::max(most, apart);
    largest = std::max(largest, std::fabs(static_cast<double>(expected[i])));
  }
  return largest > 0 ? most / largest : most;
}

Trial attempt(cuda::CudnnGru& gru, cuda::TrialRun& run, const Shape& shape, cudnn::RnnAlgo algorithm, Results& standard) {
  Trial trial;
  trial.algorithm = cuda::name_of(algorithm);
  const auto calls = cuda::CudnnCalls::make(gru, algorithm, shape.batch, shape.steps, shape.training, false, &trial.refusal);
  if (!calls) return trial;
  cuda::Context& context = gru.context();
  Results first;
  for (int round = 0; round < 2; ++round) {
    const cudnn::Status status = run.enqueue(*calls);
    if (status != cudnn::Status::success) {
      trial.refusal = cuda::explain(context, status);
      context.synchronize();
      return trial;
    }
    Results results = run.results();
    if (round > 0) trial.repeats = results == first;
    else first = std::move(results);
  }
  if (algorithm == cudnn::RnnAlgo::standard) standard = first;
  for (size_t i = 0; i < first.size(); ++i) {   // y and hy, then gradients
    double& error = i < 2 ? trial.output_error : trial.gradient_error;
    error = std::max(error, difference(first[i], standard[i]));
  }
  trial.microseconds = cuda::median_microseconds(context, [&] {
    context.check(run.enqueue(*calls), "cudnnRNNForward", calls->describe());
  });
  return trial;
}

}  // namespace

std::vector<Trial> try_algorithms(const Shape& shape, bool dynamic) {
  EngineOptions options;
  options.device = Device::cuda;
  options.precision = shape.precision;
  cuda::Context context(options);
  GruDescription description;
  description.input_size = shape.input;
  description.hidden_size = shape.hidden;
  cuda::CudnnGru gru(description, context);
  cuda::TrialRun run(gru, shape.batch, shape.steps, shape.training);
  Results standard;
  std::vector<Trial> trials;
  std::vector<cudnn::RnnAlgo> algorithms{cudnn::RnnAlgo::standard, cudnn::RnnAlgo::persist_static_small_h, cudnn::RnnAlgo::persist_static};
  if (dynamic) algorithms.push_back(cudnn::RnnAlgo::persist_dynamic);
  for (const auto algorithm : algorithms) {
    trials.push_back(attempt(gru, run, shape, algorithm, standard));
    if (standard.empty()) break;   // nothing to compare with
  }
  return trials;
}

}  // namespace grus::bench
