// native/cuda/launch/launch.h as a GPU runs it: blocks, threads, barriers, shared memory. Each template against plain loops in the order of
// summation that launch.h promises, at sizes around those where it changes its mind. Then what is planted in it has to be noticed: barriers
// are left out here, other faults are programs of their own (see `plant` in ../CMakeLists.txt), built of this source.
#include "check.h"
#include "every_engine.h"
#include "launch_support.h"

using namespace grus::cuda;
using namespace launch_test;
using Sizes = std::vector<int64_t>;

namespace {

// Each index once, and none beyond.
void each_element(int64_t count) {
  const Device<int> visits(count + 600);
  for_each(nullptr, count, Visit{visits.data()});
  bool good = true;
  for (int64_t i = 0; i < visits.size(); ++i) good = good && visits[i] == (i < count ? 1 : 0);
  CHECK(good);
}

void rows_combined(int64_t rows, int64_t cols) {
  const Matrix x(rows, cols);
  const Device<int> visits(rows * cols);
  const Device<Sum> sums(rows + 70);
  reduce_rows(nullptr, rows, cols, Rows{{x.view(), visits.data(), sums.data()}});
  bool good = visits.all(1) && sums.untouched_from(rows);
  for (int64_t row = 0; row < rows; ++row) {
    good = good && sums[row] == as_a_block(detail::threads_for_row(cols), cols, [&](int64_t col) { return x.at(row, col); });
  }
  CHECK(good);
}

void rows_transformed(int64_t rows, int64_t cols) {
  const Matrix x(rows, cols), before(rows, cols);
  const Device<int> visits(rows * cols);
  transform_rows(nullptr, rows, cols, Transform{{{x.view(), visits.data()}}});   // over what it read
  bool good = visits.all(2);
  for (int64_t row = 0; row < rows; ++row) {
    const Sum all = as_a_block(detail::threads_for_row(cols), cols, [&](int64_t col) { return before.at(row, col); });
    for (int64_t col = 0; col < cols; ++col) good = good && x.at(row, col) == transformed(before.at(row, col), all);
  }
  CHECK(good);
}

void columns_combined(int64_t rows, int64_t cols) {
  const Matrix x(rows, cols);
  const Device<int> visits(rows * cols);
  const Device<Sum> sums(cols + 70);
  reduce_columns(nullptr, rows, cols, Rows{{x.view(), visits.data(), sums.data()}});
  bool good = visits.all(1) && sums.untouched_from(cols);
  for (int64_t col = 0; col < cols; ++col) {
    good = good && sums[col] == as_a_block(32, rows, [&](int64_t row) { return x.at(row, col); });
  }
  CHECK(good);
}

// Blocks of kThreads go through the elements with the grid's stride; one more block combines what they have.
void all_combined(int64_t count) {
  const Matrix x(1, count);
  const Device<int> visits(count);
  const Device<Sum> result(2), scratch((1 << 16) / static_cast<int64_t>(sizeof(Sum)));
  reduce_all(nullptr, count, All{{x.view(), visits.data(), result.data()}}, scratch.data());
  const int64_t blocks = detail::blocks_for(count, 512);
  std::vector<Sum> last(kThreads);
  for (int64_t block = 0; block < blocks; ++block) {
    std::vector<Sum> lanes(kThreads);
    for (int64_t first = block * kThreads; first < count; first += blocks * kThreads) {
      for (int64_t i = first; i < std::min(first + kThreads, count); ++i) {
        Sum& lane = lanes[static_cast<size_t>(i - first)];
        lane = lane + Sum{x.at(0, i), 1};
      }
    }
    Sum& lane = last[static_cast<size_t>(block % kThreads)];
    lane = lane + tree(lanes);
  }
  CHECK(visits.all(1) && result[0] == tree(last) && result.untouched_from(1));
}

void counted() {
  const Device<double> total(1);
  total[0] = 0;
  for_each(nullptr, 5000, Count{total.data()});
  CHECK(total[0] == 5000);
}

void every_template(const Sizes& sizes, const Sizes& rows) {
  for (const int64_t size : sizes) {
    each_element(size);
    all_combined(size);
    for (const int64_t others : rows) {
      rows_combined(others, size);
      rows_transformed(others, size);
      columns_combined(others, size);
      columns_combined(size, others);
    }
  }
}

// Nothing to do; and more than a grid has threads or blocks, so that each goes round again.
void ends_of_the_range() {
  counted();
  each_element(0);
  all_combined(0);
  rows_combined(0, 5);
  rows_combined(5, 0);
  rows_transformed(5, 0);
  columns_combined(0, 40);
  columns_combined(5, 0);
  each_element((int64_t{1} << 16) * kThreads + 3);
  all_combined(512 * kThreads + 77);
  rows_combined((1 << 16) + 2, 3);
  rows_transformed((1 << 16) + 2, 3);
}

// What is planted must be seen here, in little time.
int with_a_fault(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);   // AddressSanitizer may end it
  if (count > 2) grus::fibers::leave_out({std::atoi(arguments[1]), static_cast<unsigned>(std::atoi(arguments[2]))});
  every_template({1, 33, 70, 300}, {3, 40});
  if (checks().report() != 0) return 1;
  rows_transformed((1 << 16) + 20, 2);     // more than there are blocks
  return checks().report();
}

// Fails, and says so in these words.
void is_noticed(const std::string& program, const std::string& arguments, const char* words) {
  const ChildResult child = run_child("", program, arguments);
  if (CHECK(child.status != 0 && child.output.find(words) != std::string::npos)) return;
  std::printf("%s %s (status %d):\n%s\n", program.c_str(), arguments.c_str(), child.status, child.output.c_str());
}

void faults_are_noticed(const std::string& self) {
  CHECK(grus::fibers::barriers_seen().size() == 5);   // all of launch.h
  for (const int line : grus::fibers::barriers_seen()) {
    is_noticed(self, std::to_string(line) + " 0", "FAILED");
    is_noticed(self, std::to_string(line) + " 7", "a divergent barrier: ");
  }
  const std::string planted = self.substr(0, self.rfind('/') + 1) + "planted/";
  is_noticed(planted + "one_element_too_many", "planted", "FAILED");
  is_noticed(planted + "one_column_too_few", "planted", "FAILED");
  is_noticed(planted + "barrier_for_some", "planted", "a divergent barrier: ");
  is_noticed(planted + "block_too_large", "planted", "a block of 32 x 33 x 1 threads, of 1024");
  is_noticed(planted + "bound_too_small", "planted", "1024 threads in a block, and __launch_bounds__ ");
#if defined(__SANITIZE_ADDRESS__)
  is_noticed(planted + "no_guard_in_columns", "planted", "AddressSanitizer");
  is_noticed(planted + "shared_too_small", "planted", "AddressSanitizer: heap-buffer-overflow");
#endif
}

struct Large {
  char bytes[4100];
  GRUS_DEVICE void operator()(int64_t) const {}
};

// By hand, since launch.h asks for none of it.
void limits_of_a_launch() {
  const auto refused = [](const dim3& grid, const dim3& threads, size_t shared) {
    const int before = grus_sim_misuses();
    return !grus::fibers::can_launch("kernel", {grid, threads, shared, nullptr}, 8) && grus_sim_misuses() > before;
  };
  CHECK(refused(0, 1, 0) && refused(1u << 31, 1, 0) && refused(dim3(1, 1 << 16), 1, 0) && refused(dim3(1, 1, 1 << 16), 1, 0));
  CHECK(refused(1, 0, 0) && refused(1, 1025, 0) && refused(1, dim3(1, 1, 65), 0) && refused(1, dim3(16, 16, 5), 0));
  CHECK(refused(1, 1, (48 << 10) + 1));
  const int before = grus_sim_misuses();
  for_each(nullptr, 1, Large{});
  CHECK(grus_sim_misuses() == before + 1);
  const grus::fibers::Configuration one_block{1, 1, 0, nullptr};
  grus::fibers::run("kernel", one_block, [] {
    static const char first = 0, second = 0;
    CHECK(grus::fibers::shared(&first, 40 << 10, 16) == grus::fibers::shared(&first, 40 << 10, 16));
    grus::fibers::shared(&second, 9 << 10, 16);
  });
  CHECK(grus_sim_misuses() == before + 2);
  grus::fibers::run("kernel", {1, 257, 0, nullptr}, [] { grus::fibers::launch_bounds(grus::fibers::kUnbounded); });
  CHECK(grus_sim_misuses() == before + 3);
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) return with_a_fault(count, arguments);
  every_template({1, 2, 31, 32, 33, 63, 64, 65, 251, 255, 256, 257, 1023, 1024, 1025, 5003}, {1, 33});
  ends_of_the_range();
  for (const char* seed : {"0", "2", "3"}) {
    setenv("GRUS_SIM_FIBER_SEED", seed, 1);
    every_template({31, 65, 257, 509}, {1, 40});
  }
  CHECK(grus_sim_misuses() == 0);
  faults_are_noticed(arguments[0]);
  limits_of_a_launch();
  setenv("GRUS_SIM_MISUSE", "report", 1);
  return checks().report();
}
