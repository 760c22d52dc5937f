// The GRU on the GPU without Node, behind the line protocol of bench/worker.mjs: a request is a line of words "command key=value ..."
// parted by tabs, the answer a line of JSON. bench/gpu/run.mjs drives it; by hand, where a folder has x.bin and the others:
//   printf 'info\nsweep\tsteps=50\tbatch=32\tinput=256\thidden=256\ttraining=1\tprecision=float32\n' | build/gpu/cuda_gru_bench
#include <fstream>
#include <map>

#include "core/error.h"
#include "cuda_gru/clock.h"
#include "cuda_gru/sweep.h"
#include "json.h"
#include "request.h"

using namespace grus;
using namespace grus::bench;

namespace {

constexpr int64_t kMostCompared = 1 << 20;   // values of one tensor

template <class Value>
Value named(const std::string& what, const std::string& name, const std::map<std::string, Value>& values) {
  const auto found = values.find(name);
  if (found == values.end()) throw Error(ErrorCode::invalid_argument, "[bench] there is no " + what + " '" + name + "'");
  return found->second;
}

Shape shape_of(const Request& request) {
  Shape shape;
  shape.steps = request.integer("steps"), shape.batch = request.integer("batch");
  shape.input = request.integer("input"), shape.hidden = request.integer("hidden");
  shape.training = request.integer("training") != 0;
  shape.precision = named<Precision>("precision", request.text("precision"),
                                     {{"float32", Precision::float32},
                                      {"tf32", Precision::tf32},
                                      {"bfloat16", Precision::bfloat16},
                                      {"float16", Precision::float16}});
  return shape;
}

class Bench {
 public:
  std::string answer(const Request& request) {
    const std::string& command = request.command();
    if (command == "info") return info();
    if (command == "prepare") return prepare(request);
    if (command == "open") return open(request);
    if (command == "time") return time(request);
    if (command == "sweep") return sweep(request);
    throw Error(ErrorCode::invalid_argument, "[bench] there is no command '" + command + "'");
  }

 private:
  std::string info() {
    const cuda::Context context{EngineOptions{}};
    const cuda::Libraries& libraries = context.libraries();
    return "{\"gpu\":" + quoted(context.device_name()) + ",\"cudnn\":" + quoted(libraries.cudnn_text()) +
           ",\"cublas\":" + quoted(libraries.cublas_text()) + "}";
  }

  std::string prepare(const Request& request) {
    subjects_.clear();
    data_.reset();
    if (!context_) context_ = std::make_unique<cuda::Context>(EngineOptions{});
    data_ = std::make_unique<Data>(*context_, shape_of(request), request.text("arrays"));
    return "{}";
  }

  // subject: plan or raw; algorithm; graphs: 0 or 1
  std::string open(const Request& request) {
    if (!data_) throw Error(ErrorCode::invalid_argument, "[bench] open: prepare comes first");
    EngineOptions options;
    options.device = Device::cuda;
    options.precision = data_->shape.precision;
    options.graphs = request.integer("graphs") != 0;
    options.algorithm = named<GruAlgorithm>(
        "algorithm", request.text("algorithm"),
        {{"heuristic", GruAlgorithm::heuristic}, {"standard", GruAlgorithm::standard}, {"autotune", GruAlgorithm::autotune}});
    const std::string& name = request.text("name");
    subjects_.erase(name);
    std::unique_ptr<Subject> subject =
        request.text("subject") == "raw" ? make_raw_subject(*data_, options) : make_plan_subject(*data_, options);
    subject->enqueue();
    std::string results;
    for (const Result& result : subject->results(kMostCompared)) {
      const std::string path = request.text("out") + "." + result.name + ".bin";
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(result.values.data()), static_cast<std::streamsize>(result.values.size() * sizeof(float)));
      results += (results.empty() ? "" : ",") + quoted(result.name) + ":{\"file\":" + quoted(path) + ",\"shape\":[" +
                 std::to_string(result.values.size()) + "]}";
    }
    const std::string engine = subject->describe();
    subjects_[name] = std::move(subject);
    return "{\"engine\":" + quoted(engine) + ",\"results\":{" + results + "}}";
  }

  std::string time(const Request& request) {
    const auto found = subjects_.find(request.text("name"));
    if (found == subjects_.end()) throw Error(ErrorCode::invalid_argument, "[bench] time: open it first");
    const Times times = measure(*found->second, std::stod(request.text("ms")));
    return "{\"device\":" + numbers(times.device) + ",\"host\":" + numbers(times.host) + ",\"latency\":" + numbers(times.latency) + "}";
  }

  // dynamic=1: persist_dynamic too
  std::string sweep(const Request& request) {
    subjects_.clear();
    data_.reset();
    std::string trials;
    for (const Trial& trial : try_algorithms(shape_of(request), request.asks_for("dynamic"))) {
      trials += (trials.empty() ? "{" : ",{") + ("\"algorithm\":" + quoted(trial.algorithm));
      if (!trial.refusal.empty()) {
        trials += ",\"refusal\":" + quoted(trial.refusal) + "}";
        continue;
      }
      trials += ",\"us\":" + number(trial.microseconds) + ",\"outputError\":" + number(trial.output_error) +
                ",\"gradientError\":" + number(trial.gradient_error) + ",\"repeats\":" + (trial.repeats ? "true" : "false") + "}";
    }
    return "{\"trials\":[" + trials + "]}";
  }

  std::unique_ptr<cuda::Context> context_;
  std::unique_ptr<Data> data_;
  std::map<std::string, std::unique_ptr<Subject>> subjects_;
};

}  // namespace

int main() {
  Bench bench;
  return answer_requests([&](const Request& request) { return bench.answer(request); });
}
