#pragma once
#include <cstdint>

#include "device.h"

namespace grus {

// Philox 4x32-10 (Salmon et al. 2011): counter -> four uniform 32-bit words. Stateless, so every device draws the same masks.
struct Philox {
  struct Words {
    uint32_t at[4];
    GRUS_DEVICE uint32_t operator[](uint64_t i) const { return at[i]; }
  };
  struct Key {
    uint32_t at[2];
  };

  GRUS_DEVICE static Words draw(Words counter, Key key) {
    uint32_t c0 = counter.at[0], c1 = counter.at[1], c2 = counter.at[2], c3 = counter.at[3], k0 = key.at[0], k1 = key.at[1];
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
      const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<uint32_t>(p1);
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
  }
};

}  // namespace grus
