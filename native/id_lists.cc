#include "id_lists.h"

#include <algorithm>

namespace grus {

void IdGrouping::reserve(int64_t rows, int64_t vocabulary) {
  if (list_of_.size() < static_cast<size_t>(vocabulary)) list_of_.resize(static_cast<size_t>(vocabulary), -1);
  const auto most = static_cast<size_t>(most_lists(rows, vocabulary));
  if (next_.size() < most) next_.resize(most);
}

// Lists come in the order in which their ids come first.
void IdGrouping::fill(const int32_t* ids, int64_t rows, int64_t vocabulary, int32_t* order, int32_t* starts) {
  reserve(rows, vocabulary);
  int32_t* list_of = list_of_.data();
  int32_t* next = next_.data();
  int32_t lists = 0;
  for (int64_t row = 0; row < rows; ++row) {
    int32_t& list = list_of[ids[row]];
    if (list < 0) {
      list = lists++;
      next[list] = 0;
    }
    ++next[list];
  }
  int32_t start = 0;
  for (int32_t list = 0; list < lists; ++list) {
    const int32_t count = next[list];
    starts[list] = next[list] = start;
    start += count;
  }
  std::fill(starts + lists, starts + most_lists(rows, vocabulary) + 1, start);
  for (int64_t row = 0; row < rows; ++row) order[next[list_of[ids[row]]]++] = static_cast<int32_t>(row);
  for (int64_t row = 0; row < rows; ++row) list_of[ids[row]] = -1;
}

}  // namespace grus
