// Asks the cuDNN of this machine what its documentation leaves open. A question may end its process (a fault of a GPU lasts as long as the
// process), so each group of them has one, and this one only waits: `cudnn_probe [name of a group, or -name ...]`.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/error.h"
#include "groups.h"

namespace probe {
namespace {

struct Group {
  const char *name, *point;
  void (*ask)(Context&);
  unsigned seconds;
  bool by_name_only = false;
};
constexpr Group kGroups[] = {
    {"weights", "8.2", weights, 30},
    {"empty-rows", "8.4", empty_rows, 30},
    {"padding", "8.5", padding, 30},
    {"order-of-calls", "8.8", order_of_calls, 30},
    {"refusals", "8.10", refusals, 30},
    {"sizes", "8.11", sizes, 30},
    {"repeats", "8.12", repeats, 30},
    {"capture-cold", "8.13", capture_cold, 30},
    {"capture-warm", "8.13", capture_warm, 30},
    {"graphs", "8.13", graphs, 30},
    {"capture-frees", "8.13", capture_beside_frees, 30},
    {"mapped", "8.14", mapped, 30},
    // tables of times, which the sweep of bench/gpu takes better: from captured calls
    {"standard", "8.9", standard_numbers, 90, true},
    {"small-h", "8.9", small_h_numbers, 90, true},
    {"small-h-limits", "8.9", small_h_limits, 30},
    {"persist-static", "8.9", persist_static_numbers, 90, true},
    {"persist-dynamic", "8.9", persist_dynamic_numbers, 90, true},
    {"speed", "8.15", speed, 60},
    {"long-sequences", "8.7", long_sequences, 60},
    {"alignment", "8.6", alignment, 60},
};

constexpr int kNothingTested = 77;   // the exit status where there is no GPU, as of the test programs
constexpr size_t kNote = 512;
char* note = nullptr;   // shared with the child

[[noreturn]] void be_child(const Group& group) {
  alarm(group.seconds);
  int status = 0;
  try {
    trying("a context");
    Context context(EngineOptions{});
    group.ask(context);
  } catch (const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    if (ours && ours->code() == ErrorCode::backend_unavailable) status = kNothingTested;
    answer(group.point, std::string("the rest of ") + group.name, {{"while", note}, {"error", error.what()}});
  }
  std::fflush(stdout);
  _exit(status);   // handles and a broken device are left alone
}

// Its exit status: 0 when it has answered, however.
int run(const Group& group) {
  std::memset(note, 0, kNote);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) be_child(group);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kNothingTested)) return WEXITSTATUS(status);
  const std::string end = WIFSIGNALED(status) ? (WTERMSIG(status) == SIGALRM ? "no answer in " + std::to_string(group.seconds) + " s"
                                                                            : std::string("died of ") + strsignal(WTERMSIG(status)))
                                              : "exit status " + std::to_string(WEXITSTATUS(status));
  answer(group.point, std::string("the rest of ") + group.name, {{"while", note}, {"error", end}});
  return 0;
}

// "-name" leaves a group out of all of them.
bool asked_for(const Group& group, int names, char** name) {
  bool all = true;
  for (int i = 1; i < names; ++i) {
    if (name[i][0] == '-' && std::strcmp(name[i] + 1, group.name) == 0) return false;
    if (std::strcmp(name[i], group.name) == 0) return true;
    all = all && name[i][0] == '-';
  }
  return all && !group.by_name_only;
}

}  // namespace

void trying(const std::string& what) { std::strncpy(note, what.c_str(), kNote - 1); }

bool full_sizes() {
  const char* sizes = std::getenv("GRUS_TEST_SIZES");
  return sizes && std::strcmp(sizes, "full") == 0;
}

}  // namespace probe

int main(int count, char** arguments) {
  using namespace probe;
  note = static_cast<char*>(mmap(nullptr, kNote, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (note == MAP_FAILED) return 1;
  int groups = 0, without_gpu = 0;
  for (const Group& group : kGroups) {
    if (!asked_for(group, count, arguments)) continue;
    ++groups;
    const int status = run(group);
    if (status == 1) return 1;
    without_gpu += status == kNothingTested;
  }
  if (groups == 0) return 1;
  return without_gpu == groups ? kNothingTested : 0;
}
