// How the engine chooses among cuDNN's algorithms: by shape, pinned, timed, refused early or late, and remembered in a file.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cuda/gru/algorithms.h"
#include "gru_support.h"
#include "sim.h"

using namespace grus;
using namespace gru;
using cudnn::RnnAlgo;

namespace {

class Setting {   // of an environment variable, as long as it lives
 public:
  Setting(const std::string& name, const std::string& value) : name_(name) { setenv(name_.c_str(), value.c_str(), 1); }
  ~Setting() { unsetenv(name_.c_str()); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const std::string name_;
};

class Knob : Setting {
 public:
  Knob(const std::string& name, const std::string& value) : Setting("GRUS_SIM_" + name, value) {}
};

class Folder {
 public:
  Folder() : path((std::filesystem::temp_directory_path() / ("grus-table-" + std::to_string(getpid()) + "-" + std::to_string(++count()))).string()),
             set_("GRUS_CACHE_DIR", path) {}
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/gru-algorithms.tsv"; }
  std::vector<std::string> lines() const {
    std::ifstream in(file());
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  const std::string path;

 private:
  static int& count() {
    static int value = 0;
    return value;
  }
  const Setting set_;
};

// What a new plan chooses.
struct Chooser {
  explicit Chooser(const GruDescription& d, GruAlgorithm algorithm, Precision precision = Precision::float32)
      : context(on_gpu(precision, algorithm)), gru((context.activate(), d), context), algorithms(gru) {}
  RnnAlgo operator()(int batch, int steps, bool training) { return algorithms.choose(batch, steps, training); }
  cuda::Context context;
  cuda::CudnnGru gru;
  cuda::Algorithms algorithms;
};

RnnAlgo choose(const GruDescription& d, GruAlgorithm algorithm, bool training = true) { return Chooser(d, algorithm)(4, 6, training); }
const GruDescription kSmall = describe(4, 32, 1, Direction::forward);
constexpr RnnAlgo kStandard = RnnAlgo::standard, kSmallH = RnnAlgo::persist_static_small_h;
constexpr const char* kFastSmall = "0:10,1:6,2:4,3:2";   // microseconds of a step

void by_shape() {
  const auto of = [](int hidden, int batch, bool training, Precision precision = Precision::float32, int steps = 10) {
    return cuda::algorithm_by_shape(describe(3, hidden, 1, Direction::forward), precision, batch, steps, training);
  };
  CHECK(of(64, 64, true) == kSmallH && of(64, 65, true) == kStandard);
  CHECK(of(65, 48, true) == kSmallH && of(65, 49, true) == kStandard);
  CHECK(of(128, 48, true) == kSmallH && of(129, 1, true) == kStandard);
  CHECK(of(129, 8, false) == kSmallH && of(129, 9, false) == kStandard);
  CHECK(of(192, 8, false) == kSmallH && of(193, 1, false) == kStandard);
  CHECK(of(32, 4, true, Precision::tf32) == kSmallH && of(32, 4, true, Precision::float16) == kSmallH);
  CHECK(of(32, 4, true, Precision::bfloat16) == kStandard);
  CHECK(of(32, 4, true, Precision::float32, 65535) == kSmallH && of(32, 4, true, Precision::float32, 65536) == kStandard);
}

void tried() {
  CHECK(choose(kSmall, GruAlgorithm::heuristic) == kSmallH);
  CHECK(choose(kSmall, GruAlgorithm::standard) == kStandard);
  CHECK(choose(kSmall, GruAlgorithm::persist_static) == RnnAlgo::persist_static);
  CHECK(choose(kSmall, GruAlgorithm::persist_dynamic) == RnnAlgo::persist_dynamic);
  const GruDescription wide = describe(4, 160, 1, Direction::forward);
  CHECK(choose(wide, GruAlgorithm::persist_static_small_h, true) == kStandard);
  CHECK(choose(wide, GruAlgorithm::persist_static_small_h, false) == kSmallH);
  for (const char* stage : {"sizes", "forward", "backward"}) {
    const Knob refused("CUDNN_ALGOS", "1,2,3"), when("CUDNN_REFUSE", stage);
    for (const auto pinned : {GruAlgorithm::heuristic, GruAlgorithm::persist_static, GruAlgorithm::persist_dynamic}) {
      CHECK(choose(kSmall, pinned, true) == kStandard);
      const bool inference_works = std::string(stage) == "backward" && pinned != GruAlgorithm::persist_dynamic;   // which is not built
      CHECK((choose(kSmall, pinned, false) != kStandard) == inference_works);
    }
  }
}

void for_good() {
  Chooser chooser(kSmall, GruAlgorithm::heuristic);
  {
    const Knob refused("CUDNN_ALGOS", "3");
    CHECK(chooser(4, 6, true) == kStandard);
  }
  CHECK(chooser(4, 6, true) == kStandard);    // decided
  CHECK(chooser(5, 6, true) == kSmallH);      // another shape
  chooser.algorithms.refuse(5, 6, true);
  CHECK(chooser(5, 6, true) == kStandard);
}

void no_room_to_try() {
  Chooser chooser(kSmall, GruAlgorithm::heuristic);
  const Knob full("FAIL_ALLOC", "every");
  CHECK(chooser(4, 6, true) == kStandard);
}

std::string refusal(const cuda::Tuning& tuning, RnnAlgo algorithm) {
  for (const cuda::Attempt& attempt : tuning.attempts) {
    if (attempt.algorithm == algorithm) return attempt.refusal;
  }
  return "not tried";
}

void timed() {
  const Folder folder;
  for (const Precision precision : {Precision::float32, Precision::tf32, Precision::float16, Precision::bfloat16}) {
    Chooser chooser(kSmall, GruAlgorithm::autotune, precision);
    const auto tune = [&](bool training) { return cuda::autotune(chooser.gru, 4, 6, training); };
    for (const bool training : {true, false}) {
      {
        const Knob cost("CUDNN_COST", kFastSmall);
        const cuda::Tuning tuning = tune(training);
        CHECK(tuning.best == kSmallH && tuning.attempts.size() == 4 && tuning.attempts[0].algorithm == kStandard);
        for (const cuda::Attempt& attempt : tuning.attempts) CHECK(attempt.refusal.empty() && attempt.microseconds > 0);
        CHECK(tuning.attempts[1].microseconds < tuning.attempts[0].microseconds);
        const Knob refused("CUDNN_ALGOS", "3"), late("CUDNN_REFUSE", "forward");
        const cuda::Tuning without = tune(training);
        CHECK(without.best == RnnAlgo::persist_dynamic);
        CHECK(refusal(without, kSmallH).find("not available on this GPU") != std::string::npos);
      }
      {
        const Knob cost("CUDNN_COST", "0:100,1:99.5,2:99.5,3:99.5");   // not worth it
        CHECK(tune(training).best == kStandard);
      }
    }
  }
}

void wrong() {
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  const Knob cost("CUDNN_COST", kFastSmall);
  for (const char* what : {"3", "3:dx", "3:dweights"}) {
    const Knob knob("CUDNN_WRONG", what);
    const cuda::Tuning tuning = cuda::autotune(chooser.gru, 4, 6, true);
    CHECK(tuning.best == RnnAlgo::persist_dynamic);
    CHECK(refusal(tuning, kSmallH) == "its results differ from standard");
  }
  {
    const Knob knob("CUDNN_WRONG", "3:dx");   // which inference does not compute
    CHECK(cuda::autotune(chooser.gru, 4, 6, false).best == kSmallH);
  }
  const Knob knob("CUDNN_UNSTEADY", "3");
  const cuda::Tuning tuning = cuda::autotune(chooser.gru, 4, 6, true);
  CHECK(tuning.best == RnnAlgo::persist_dynamic);
  CHECK(refusal(tuning, kSmallH) == "its results differ from run to run");
}

void remembered() {
  const Folder folder;
  {
    const Knob cost("CUDNN_COST", kFastSmall);
    CHECK(choose(kSmall, GruAlgorithm::autotune) == kSmallH);
  }
  if (!CHECK(folder.lines().size() == 1)) return;
  const std::string line = folder.lines()[0];
  CHECK(line.find("Simulated GPU\t90\t92400\t13000\tfloat32\tgraphs\t1\t1\tbias\t4\t32\t4\t6\ttraining\tpersist_static_small_h\tstandard ") == 0);
  const Knob cost("CUDNN_COST", "0:1,1:9,2:9,3:9");
  CHECK(choose(kSmall, GruAlgorithm::autotune) == kSmallH);            // from the file
  CHECK(choose(kSmall, GruAlgorithm::autotune, false) == kStandard);   // timed
  CHECK(folder.lines().size() == 2);
  {
    const Knob refused("CUDNN_ALGOS", "3");   // what the file says is tried all the same
    CHECK(choose(kSmall, GruAlgorithm::autotune) == kStandard);
  }
}

void shared_file() {
  const Folder folder;
  std::filesystem::create_directories(folder.path);
  std::string broken = "nonsense\n\tx\t\n\n";
  for (int i = 0; i < 14; ++i) broken += "field\t";
  broken += "no_such_algorithm\tstandard 1.0 us\n";
  std::ofstream(folder.file()) << broken;
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  chooser(4, 6, true);
  std::string other = folder.lines().at(0);   // the broken ones are gone
  CHECK(folder.lines().size() == 1);
  other.replace(0, 9, "Other");               // another process' line, written after this one read the file
  std::ofstream(folder.file(), std::ios::app) << other << "\n";
  chooser(5, 6, true);
  CHECK(folder.lines().size() == 3);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), std::filesystem::directory_iterator()) == 1);   // nothing left aside
}

void places() {
  CHECK(Folder().file() != "");
  const std::string root = (std::filesystem::temp_directory_path() / ("grus-home-" + std::to_string(getpid()))).string();
  {
    const Setting cache("XDG_CACHE_HOME", root);
    CHECK(cuda::TuningTable::default_path() == root + "/grus/gru-algorithms.tsv");
    const Setting own("GRUS_CACHE_DIR", "/some/where");
    CHECK(cuda::TuningTable::default_path() == "/some/where/gru-algorithms.tsv");
  }
  const std::string home = std::getenv("HOME") ? std::getenv("HOME") : "";
  setenv("HOME", root.c_str(), 1);
  CHECK(cuda::TuningTable::default_path() == root + "/.cache/grus/gru-algorithms.tsv");
  unsetenv("HOME");
  CHECK(cuda::TuningTable::default_path() == "");
  const Knob cost("CUDNN_COST", kFastSmall);
  CHECK(choose(kSmall, GruAlgorithm::autotune) == kSmallH);   // without a table
  setenv("HOME", home.c_str(), 1);
  const Setting unwritable("GRUS_CACHE_DIR", "/proc/none");
  CHECK(choose(kSmall, GruAlgorithm::autotune) == kSmallH);
}

void no_room_to_tune() {
  const Folder folder;
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  {
    const Knob full("FAIL_ALLOC", "every");
    CHECK(chooser(4, 6, true) == kStandard);
  }
  CHECK(folder.lines().empty());   // another time it may do better
}

// Whichever allocation finds no room, making a plan and asking for its sizes fails cleanly or does without; afterwards all is well.
void any_allocation_fails() {
  const Folder folder;
  const auto gpu = find_gpu(on_gpu(Precision::float16, GruAlgorithm::autotune));
  int failures = 0;
  for (int nth = 1; nth <= 40; ++nth) {
    grus_sim_reset();
    std::unique_ptr<GruPlan> plan;
    try {
      const Knob full("FAIL_ALLOC", std::to_string(nth));
      plan = gpu->make(kSmall);
      plan->reserve_bytes(3, nth);
    } catch (const Error& error) {
      ++failures;
      CHECK(error.code() == ErrorCode::out_of_memory);
    }
    if (!plan) plan = gpu->make(kSmall);
    CHECK(plan->reserve_bytes(3, nth) > 0 && plan->workspace_bytes(3, nth, true) > 0);
  }
  CHECK(failures >= 1 && failures < 20);   // without room to tune in, standard will do
}

// Refused only when it is called for the first time: standard takes its place, in the room that was given out.
void refused_late() {
  const auto gpu = find_gpu(on_gpu());
  stepwise::BackendEngine cpu(make_cpu_backend(1));
  std::mt19937 random(23);
  for (const int layers : {1, 2}) {
    const GruDescription d = describe(4, 32, layers, Direction::forward);
    const Problem p = stepwise::make_problem(d, 4, 6, {}, random);
    const auto plan = gpu->make(d);
    stepwise::Setup setup(*gpu, *plan, p), earlier(*gpu, *plan, p);
    plan->forward(earlier.forward);   // its backward is still to come, by the algorithm of its forward
    {
      const Knob refused("CUDNN_ALGOS", "3"), late("CUDNN_REFUSE", "forward");
      setup.run();
    }
    plan->backward(earlier.backward);
    const Result expected = stepwise::compute(cpu, p);
    for (const stepwise::Setup* done : {&setup, &earlier}) {
      const Result got = done->result();
      CHECK_CLOSE(stepwise::difference(got.y, expected.y), 0.0, 1e-5);
      CHECK_CLOSE(stepwise::difference(got.dx, expected.dx), 0.0, 1e-4);
      CHECK_CLOSE(stepwise::difference(got.dweights, expected.dweights), 0.0, 1e-4);
      CHECK(done->intact());
    }
    const size_t before = plan->reserve_bytes(4, 6);
    setup.run();
    CHECK(plan->reserve_bytes(4, 6) == before);
  }
}

}  // namespace

int main() {
  unsetenv("XDG_CACHE_HOME");
  by_shape();
  tried();
  for_good();
  no_room_to_try();
  timed();
  wrong();
  remembered();
  shared_file();
  places();
  no_room_to_tune();
  any_allocation_fails();
  refused_late();
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
