#pragma once
#include <memory>

#include "cuda/graphs.h"
#include "data.h"

namespace grus::bench {

// One way to compute the shape of Data, in memory and streams of its own.
class Subject {
 public:
  virtual ~Subject() = default;
  // Enqueues the shape once: forward, or forward and backward with gradients that begin at zero.
  void enqueue();
  void wait() { context_.synchronize(); }
  cuda::Context& context() { return context_; }
  // y and hy[, dx and the gradient of each parameter] of the last time, at most `most` values of each.
  virtual std::vector<Result> results(int64_t most) = 0;
  virtual std::string describe() const = 0;

 protected:
  Subject(const Data& data, const EngineOptions& options) : context_(options), graphs_(context_), data_(data) {}
  virtual void pass() = 0;
  GruDescription description() const;

  cuda::Context context_;
  cuda::Graphs graphs_;
  const Data& data_;
};

// Through the device contract: a GruPlan.
std::unique_ptr<Subject> make_plan_subject(const Data&, const EngineOptions&);
// cuDNN's calls alone, with algorithm standard, on the descriptors that a plan uses, and values already of the precision's type.
std::unique_ptr<Subject> make_raw_subject(const Data&, const EngineOptions&);

// The weight space with the values of the folder's files, one for each parameter.
std::vector<float> place_weights(const std::vector<GruParameter>&, size_t count, const std::string& folder);
// And back: one result for each parameter.
std::vector<Result> collect_gradients(const std::vector<GruParameter>&, const std::vector<float>& space, int64_t most);

}  // namespace grus::bench
