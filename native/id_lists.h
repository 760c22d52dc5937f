#pragma once
#include <cstdint>
#include <vector>

namespace grus {

// Makes IdLists (backend.h) of the ids of a batch: two walks over them, whatever the vocabulary.
class IdGrouping {
 public:
  static int64_t most_lists(int64_t rows, int64_t vocabulary) { return rows < vocabulary ? rows : vocabulary; }
  void reserve(int64_t rows, int64_t vocabulary);   // fill allocates nothing then
  // ids [rows], each in 0..vocabulary-1; order [rows]; starts [most_lists + 1]
  void fill(const int32_t* ids, int64_t rows, int64_t vocabulary, int32_t* order, int32_t* starts);

 private:
  std::vector<int32_t> list_of_;   // by id; -1 outside of fill
  std::vector<int32_t> next_;      // by list: how many positions it has, then where the next one goes
};

}  // namespace grus
