#include "reserve.h"

#include <cstring>

#include "../sim.h"

namespace grus::sim::dnn {
namespace {

constexpr unsigned long long kMagic = 0x6772757352657376ull;
constexpr size_t kHeaderBytes = 128;
constexpr unsigned char kPattern = 0xA5;
static_assert(sizeof(Reserve::Header) <= kHeaderBytes, "the header has its place");

// float32 serves the 16-bit types too
DataType kept(const RnnConfig& config) { return config.data == DataType::float64 ? DataType::float64 : DataType::float32; }

size_t payload_bytes(const RnnConfig& config, const Sequences& x) {
  return size_t(config.pseudo_layers()) * x.steps * x.batch * config.hidden * Reserve::kSlots * size_of(kept(config));
}

unsigned long long shape_noise(const RnnConfig& config, const Sequences& x, unsigned long long salt) {
  return mix(mix(mix(fingerprint(config) + salt) + static_cast<unsigned>(x.steps)) + static_cast<unsigned>(x.batch) +
             static_cast<unsigned long long>(config.algo) * 977);
}

}   // namespace

size_t workspace_bytes(const RnnConfig& config, const Sequences& x, bool training) {
  const size_t step = size_t(x.batch) * config.hidden * config.directions() * size_of(config.data);
  return step * (training ? 6 : 3) + 256 + shape_noise(config, x, training) % (step * 4 + 4096);
}

size_t reserve_bytes(const RnnConfig& config, const Sequences& x) {
  return kHeaderBytes + payload_bytes(config, x) + 16 + shape_noise(config, x, 7) % 8192;
}

unsigned long long hash_bytes(const void* data, size_t bytes, unsigned long long seed) {
  const auto* at = static_cast<const unsigned char*>(data);
  unsigned long long hash = seed ^ (bytes * 0x9E3779B97F4A7C15ull);
  for (; bytes >= 8; at += 8, bytes -= 8) {
    unsigned long long word;
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ull;
    hash ^= hash >> 32;
  }
  for (; bytes > 0; ++at, --bytes) hash = (hash ^ *at) * 0x100000001B3ull;
  return mix(hash);
}

unsigned long long hash_of(const Sequences& s, const void* data) {
  unsigned long long hash = 1;
  const auto* bytes = static_cast<const unsigned char*>(data);
  const size_t size = size_of(s.data);
  for (int t = 0; t < s.steps; ++t) {
    for (int b = 0; b < s.batch; ++b) {
      if (s.valid(t, b)) hash = hash_bytes(bytes + s.offset(t, b) * size, s.width * size, hash);
    }
  }
  return hash;
}

unsigned long long hash_of(const WeightLayout& layout, DataType type, const void* weights) {
  unsigned long long hash = 2;
  const auto* bytes = static_cast<const unsigned char*>(weights);
  for (const Region& region : layout.regions()) {
    hash = hash_bytes(bytes + region.offset * size_of(type), region.elements() * size_of(type), hash);
  }
  return hash;
}

unsigned long long Reserve::lengths_hash(const Sequences& x) { return hash_bytes(x.lengths.data(), x.lengths.size() * sizeof(int)); }

unsigned long long Reserve::config_hash(const RnnConfig& config, const Sequences& x) {
  const unsigned long long shape = fingerprint(config) + static_cast<unsigned long long>(x.layout) * 31 + config.flags;
  return mix(mix(mix(shape) + static_cast<unsigned>(x.steps)) + static_cast<unsigned>(x.batch)) + static_cast<unsigned>(config.math);
}

Reserve::Reserve(const RnnConfig& config, const Sequences& x, void* data)
    : data_(data),
      steps_(x.steps),
      batch_(x.batch),
      hidden_(config.hidden),
      algo_(static_cast<int>(config.algo)),
      kept_(kept(config)),
      payload_end_(kHeaderBytes + payload_bytes(config, x)),
      bytes_(reserve_bytes(config, x)),
      config_(config_hash(config, x)),
      lengths_(lengths_hash(x)) {}

void Reserve::begin() {
  std::memset(data_, 0xFF, payload_end_);   // NaN wherever nothing is kept
  std::memset(tail(), kPattern, bytes_ - payload_end_);
  header() = Header{kMagic, config_, lengths_, 0, 0, 0, 0, algo_, State::forward};
}

const char* Reserve::broken(State expected) {
  const Header& h = header();
  if (h.magic != kMagic) return "the reserve space was not written by a training forward pass, or was overwritten";
  if (h.algo != algo_) return "forward and backward use different algorithms";
  if (h.config != config_ || h.lengths != lengths_) return "the reserve space belongs to a pass of another shape or descriptor";
  if (h.state == State::data && expected == State::forward) return "a reserve space serves one backward pass; its data pass has been done";
  if (h.state == State::forward && expected == State::data) return "the data pass must come before the weight pass";
  if (h.state != expected) return "the reserve space was overwritten";
  for (size_t i = payload_end_; i < bytes_; ++i) {
    if (static_cast<unsigned char*>(data_)[i] != kPattern) return "the end of the reserve space was overwritten";
  }
  return nullptr;
}

void Reserve::read(int pseudo_layer, int t, int b, Slot slot, std::vector<double>& values) const {
  load_many(kept_, static_cast<const char*>(data_) + kHeaderBytes, index(pseudo_layer, t, b, slot), values.size(), values.data());
}

void Reserve::write(int pseudo_layer, int t, int b, Slot slot, const std::vector<double>& values) {
  store_many(kept_, static_cast<char*>(data_) + kHeaderBytes, index(pseudo_layer, t, b, slot), values.size(), values.data());
}

}   // namespace grus::sim::dnn
