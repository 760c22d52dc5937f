#include "../sim.h"
#include "exports.h"
#include "numbers.h"
#include "objects.h"

using namespace grus::cudnn;
using namespace grus::sim;
using namespace grus::sim::dnn;

namespace {

// A zero length is accepted here, and fails when it is computed with.
void check_lengths(const Sequences& s) {
  int longest = 0;
  for (const int length : s.lengths) {
    require(length >= 0 && length <= s.steps, kBadParameter, "a sequence length is < 0 or > maxSeqLength");
    longest = std::max(longest, length);
  }
  if (!s.packed()) return;
  require(std::is_sorted(s.lengths.rbegin(), s.lengths.rend()), kBadParameter, "the packed layout needs descending sequence lengths");
  require(longest == s.steps, kBadParameter, "the packed layout needs maxSeqLength to be the longest length");
  require(s.lengths.back() > 0, kBadParameter, "the packed layout takes no sequence of length 0");
}

// Knob CUDNN_LENGTHS: "host" is a cuDNN whose work reads the lengths out of the descriptor, whatever is there by then.
void pin(cudnnRNNDataTag& descriptor, const std::vector<int>& lengths) {
  if (!descriptor.pinned_lengths || descriptor.sequences.lengths.size() != lengths.size()) {
    void* memory = nullptr;
    require(cudaMallocHost(&memory, lengths.size() * sizeof(int)) == cudaSuccess, kCudart, "no room for the lengths");
    descriptor.pinned_lengths = static_cast<int*>(memory);
  }
  std::copy(lengths.begin(), lengths.end(), descriptor.pinned_lengths);
}

void locate_packed_steps(Sequences& s) {
  s.packed_start.clear();
  size_t rows = 0;
  for (int t = 0; t < s.steps && s.packed(); ++t) {
    s.packed_start.push_back(rows);
    for (int b = 0; b < s.batch; ++b) rows += s.valid(t, b);
  }
}

}  // namespace

Status cudnnSetRNNDataDescriptor(RnnDataDescriptor descriptor, DataType type, RnnDataLayout layout, int max_steps, int batch,
                                 int vector_size, const int lengths[], void* padding_fill) {
  return call("cudnnSetRNNDataDescriptor", Library::adv, [&] {
    auto& target = find_as("cudnnSetRNNDataDescriptor", descriptor, Kind::rnn_data, "rnnDataDesc", false);
    require(static_cast<int>(type) >= 0 && static_cast<int>(type) <= 21, kBadParameter, "dataType is unknown");
    const bool computes = type == DataType::float32 || type == DataType::float64 || type == DataType::float16 || type == DataType::bfloat16;
    require(computes, kUnsupportedType, "no recurrent network computes on this dataType");
    require(type != DataType::bfloat16 || cudnnGetVersion() >= 91300, kUnsupportedType, "BFLOAT16 needs cuDNN 9.13");
    require(static_cast<int>(layout) >= 0 && static_cast<int>(layout) <= 2, kBadParameter, "layout is unknown");
    require(max_steps > 0 && batch > 0 && vector_size > 0, kBadParameter, "maxSeqLength <= 0 || batchSize <= 0 || vectorSize <= 0");
    require(lengths, kNullPointer, "seqLengthArray == NULL");
    require(max_steps <= grus::sim::knob_number("CUDNN_DESCRIBED_STEPS", 65535), kNotSupported, "");   // 9.24 says no word either
    Sequences s;
    s.data = type;
    s.layout = layout;
    s.steps = max_steps;
    s.batch = batch;
    s.width = vector_size;
    s.lengths.assign(lengths, lengths + batch);
    check_lengths(s);
    locate_packed_steps(s);
    s.fills = padding_fill != nullptr;
    if (s.fills) s.fill = load(type, padding_fill, 0);
    if (knob("CUDNN_LENGTHS") == "host") pin(target, s.lengths);
    target.sequences = std::move(s);
    target.set = true;
  });
}
