// The positions of equal ids, against a search for each.
#include "id_lists.h"

#include <set>

#include "ops_support.h"

using namespace grus;

namespace {

// Every position once, in ascending lists of one id each; the lists in the order in which their ids come first; empty ones last.
bool right(const std::vector<int32_t>& ids, int64_t vocabulary, IdGrouping& grouping) {
  const auto rows = static_cast<int64_t>(ids.size());
  const int64_t lists = IdGrouping::most_lists(rows, vocabulary);
  constexpr int32_t untouched = -7;
  std::vector<int32_t> order(ids.size() + 1, untouched), starts(static_cast<size_t>(lists) + 2, untouched);
  grouping.fill(ids.data(), rows, vocabulary, order.data(), starts.data());
  if (order.back() != untouched || starts.back() != untouched || starts[0] != 0) return false;
  std::vector<int32_t> expected_order, expected_starts;
  std::set<int32_t> seen;
  for (const int32_t id : ids) {
    if (!seen.insert(id).second) continue;
    expected_starts.push_back(static_cast<int32_t>(expected_order.size()));
    for (size_t i = 0; i < ids.size(); ++i)
      if (ids[i] == id) expected_order.push_back(static_cast<int32_t>(i));
  }
  expected_starts.resize(static_cast<size_t>(lists) + 1, static_cast<int32_t>(rows));
  order.pop_back();
  starts.pop_back();
  return order == expected_order && starts == expected_starts;
}

}  // namespace

int main() {
  IdGrouping grouping;   // one for all: a batch leaves nothing behind
  CHECK(right({}, 5, grouping));
  CHECK(right({0}, 1, grouping));
  CHECK(right({4, 4, 4, 4}, 5, grouping));
  CHECK(right({3, 1, 2, 0}, 4, grouping));
  CHECK(right({7, 0, 7, 1, 0, 7}, 2000000, grouping));
  for (const int32_t vocabulary : {1, 2, 19, 700, 100000}) {
    for (const size_t rows : {size_t{1}, size_t{2}, size_t{33}, size_t{900}}) {
      for (const unsigned seed : {1u, 2u}) CHECK(right(random_ints(rows, vocabulary, seed), vocabulary, grouping));
    }
  }
  return checks().report();
}
