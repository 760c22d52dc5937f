#pragma once
#include <vector>

#include "layout.h"
#include "numbers.h"
#include "shapes.h"

namespace grus::sim::dnn {

// What the user must provide. Neither is monotonic in the shapes, and neither is a round number.
size_t workspace_bytes(const RnnConfig& config, const Sequences& x, bool training);
size_t reserve_bytes(const RnnConfig& config, const Sequences& x);

unsigned long long hash_bytes(const void* data, size_t bytes, unsigned long long seed = 0);
unsigned long long hash_of(const Sequences& s, const void* data);              // padding has no part in it
unsigned long long hash_of(const WeightLayout& layout, DataType type, const void* weights);   // nor have gaps

// The reserve of one training forward pass lies in the user's memory: a header that tells how far the passes have come and what they were
// computed from, what each step keeps, and a pattern over all that remains.
class Reserve {
 public:
  enum class State : unsigned { forward = 0x0F0F0F0Fu, data = 0xDADADADAu };
  enum Slot { kReset, kUpdate, kNew, kProduct, kState };   // after the data pass: dr, dz, dn, dn o r, and the state as it was
  static constexpr int kSlots = 5;

  struct Header {
    unsigned long long magic;
    unsigned long long config, lengths, x, hx, weights, y;   // hashes
    int algo;
    State state;
  };

  Reserve(const RnnConfig& config, const Sequences& x, void* data);

  Header& header() { return *static_cast<Header*>(data_); }
  void begin();                            // forward: a new header, the pattern
  const char* broken(State expected);      // null, or what is wrong with it
  void read(int pseudo_layer, int t, int b, Slot slot, std::vector<double>& values) const;
  void write(int pseudo_layer, int t, int b, Slot slot, const std::vector<double>& values);

  static unsigned long long lengths_hash(const Sequences& x);
  static unsigned long long config_hash(const RnnConfig& config, const Sequences& x);

 private:
  size_t index(int pseudo_layer, int t, int b, Slot slot) const {
    return (((static_cast<size_t>(pseudo_layer) * steps_ + t) * batch_ + b) * kSlots + slot) * hidden_;
  }
  unsigned char* tail() const { return static_cast<unsigned char*>(data_) + payload_end_; }

  void* data_;
  int steps_, batch_, hidden_, algo_;
  DataType kept_;
  size_t payload_end_, bytes_;
  unsigned long long config_, lengths_;
};

}  // namespace grus::sim::dnn
