// How cuDNN's algorithms are timed and compared, and how what was found is remembered in a file.
#include "algorithms_support.h"

using namespace algorithms;

namespace {

std::string refusal(const cuda::Tuning& tuning, RnnAlgo algorithm) {
  for (const cuda::Attempt& attempt : tuning.attempts) {
    if (attempt.algorithm == algorithm) return attempt.refusal;
  }
  return "not tried";
}

void timed() {
  const Folder folder;
  for (const Precision precision : {Precision::float32, Precision::tf32, Precision::float16}) {
    Chooser chooser(kSmall, GruAlgorithm::autotune, precision);
    const auto tune = [&](bool training) { return cuda::autotune(chooser.gru, 4, 6, training); };
    for (const bool training : {true, false}) {
      {
        const Knob cost("CUDNN_COST", kFastSmall);
        const cuda::Tuning tuning = tune(training);
        CHECK(tuning.best == kSmallH && tuning.attempts.size() == 3 && tuning.attempts[0].algorithm == kStandard);
        for (const cuda::Attempt& attempt : tuning.attempts) CHECK(attempt.refusal.empty() && attempt.microseconds > 0);
        CHECK(tuning.attempts[1].microseconds < tuning.attempts[0].microseconds);
        const Knob refused("CUDNN_ALGOS", "3"), late("CUDNN_REFUSE", "forward"), words("CUDNN_WORDS", training ? "all" : "");
        const cuda::Tuning without = tune(training);
        CHECK(without.best == RnnAlgo::persist_static);
        CHECK(refusal(without, kSmallH).find("CUDNN_STATUS_NOT_SUPPORTED") == 0);
        if (training) CHECK(refusal(without, kSmallH).find("not available on this GPU") != std::string::npos);
      }
      {
        const Knob cost("CUDNN_COST", "0:100,1:99.5,2:99.5,3:99.5");   // not worth it
        CHECK(tune(training).best == kStandard);
      }
    }
  }
}

// persist_dynamic is the fastest here by far, and is not even tried: cuDNN would compile it anew for every batch, for seconds.
void compiles_nothing() {
  const Folder folder;
  const Knob cost("CUDNN_COST", "0:10,1:9,2:1,3:9");
  const double before = built_microseconds();
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  for (const int batch : {4, 5, 6}) {
    CHECK(refusal(cuda::autotune(chooser.gru, batch, 6, true), RnnAlgo::persist_dynamic) == "not tried");
    CHECK(chooser(batch, 6, true) != RnnAlgo::persist_dynamic);
  }
  CHECK(built_microseconds() == before);
  CHECK(choose(kSmall, GruAlgorithm::persist_dynamic) == RnnAlgo::persist_dynamic);   // who asks for it gets it
  CHECK(built_microseconds() >= before + 1e6);
}

// There is nothing to choose from.
void bfloat16() {
  const Folder folder;
  const Knob late("CUDNN_REFUSE", "backward"), cost("CUDNN_COST", kFastSmall);
  Chooser chooser(kSmall, GruAlgorithm::autotune, Precision::bfloat16);
  for (const bool training : {true, false}) {
    CHECK(cuda::autotune(chooser.gru, 4, 6, training).attempts.size() == 1);
    CHECK(chooser(4, 6, training) == kStandard);
  }
}

// Most of cuDNN's refusals say nothing, and are refusals all the same.
void wordless() {
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  const Knob cost("CUDNN_COST", kFastSmall), refused("CUDNN_ALGOS", "3"), late("CUDNN_REFUSE", "forward");
  int silent = 0;
  for (const char* seed : {"1", "2", "3", "4"}) {
    const Knob words("CUDNN_SEED", seed);
    const cuda::Tuning tuning = cuda::autotune(chooser.gru, 2, 2, false);
    CHECK(tuning.best == RnnAlgo::persist_static);
    silent += refusal(tuning, kSmallH).find("not available") == std::string::npos;
  }
  CHECK(silent > 0 && silent < 4);
}

void wrong() {
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  const Knob cost("CUDNN_COST", kFastSmall);
  for (const char* what : {"3", "3:dx", "3:dweights"}) {
    const Knob knob("CUDNN_WRONG", what);
    const cuda::Tuning tuning = cuda::autotune(chooser.gru, 4, 6, true);
    CHECK(tuning.best == RnnAlgo::persist_static);
    CHECK(refusal(tuning, kSmallH) == "its results differ from standard");
  }
  {
    const Knob knob("CUDNN_WRONG", "3:dx");   // which inference does not compute
    CHECK(cuda::autotune(chooser.gru, 4, 6, false).best == kSmallH);
  }
  const Knob knob("CUDNN_UNSTEADY", "3");
  const cuda::Tuning tuning = cuda::autotune(chooser.gru, 4, 6, true);
  CHECK(tuning.best == RnnAlgo::persist_static);
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
  const std::string where = "Simulated GPU\t90\t92400\t130100\t13000\t", what = "float32\tgraphs\t1\t1\tbias\t4\t32\t4\t6\ttraining\t";
  CHECK(line.find(where + what + "persist_static_small_h\tstandard ") == 0);
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
  for (int i = 0; i < 15; ++i) broken += "field\t";
  broken += "no_such_algorithm\tstandard 1.0 us\n";
  // from before the version of cuBLAS was a part of it
  broken += "Simulated GPU\t90\t92400\t13000\tfloat32\tgraphs\t1\t1\tbias\t4\t32\t4\t6\ttraining\tpersist_dynamic\tstandard 9.0 us\n";
  std::ofstream(folder.file()) << broken;
  Chooser chooser(kSmall, GruAlgorithm::autotune);
  CHECK(chooser(4, 6, true) != RnnAlgo::persist_dynamic);
  std::string other = folder.lines().at(0);   // the broken ones are gone
  CHECK(folder.lines().size() == 1);
  other.replace(0, 9, "Other");               // another process' line, written after this one read the file
  std::ofstream(folder.file(), std::ios::app) << other << "\n";
  chooser(5, 6, true);
  CHECK(folder.lines().size() == 3);
  using Files = std::filesystem::directory_iterator;
  CHECK(std::distance(Files(folder.path), Files()) == 1);   // nothing left aside
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
  CHECK(folder.lines().empty());
  const Knob cost("CUDNN_COST", kFastSmall);
  CHECK(chooser(4, 6, true) == kSmallH && folder.lines().size() == 1);   // now there is room
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
      plan->reserve_bytes(3, nth, false);
    } catch (const Error& error) {
      ++failures;
      CHECK(error.code() == ErrorCode::out_of_memory);
    }
    if (!plan) plan = gpu->make(kSmall);
    CHECK(plan->reserve_bytes(3, nth, false) > 0 && plan->workspace_bytes(3, nth, true, false) > 0);
  }
  CHECK(failures >= 1 && failures < 20);   // without room to tune in, standard will do
}

}  // namespace

int main() {
  unsetenv("XDG_CACHE_HOME");
  timed();
  compiles_nothing();
  bfloat16();
  wordless();
  wrong();
  remembered();
  shared_file();
  places();
  no_room_to_tune();
  any_allocation_fails();
  CHECK(grus_sim_misuses() == 0);
  return checks().report();
}
