#pragma once

#include <cstdint>
#include <string>

namespace weir {

/// SplitMix64: small, seedable, the same on every machine (Steele, Lea, Flood 2014). Not for secrets.
/// Thread: confined.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  /// In [0, bound); bound > 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

  /// `digits` lower-case hexadecimal digits.
  std::string Hex(int digits) {
    std::string out;
    for (uint64_t word = 0, left = 0; digits > 0; --digits, word >>= 4, --left) {
      if (left == 0) word = Next(), left = 16;
      out.push_back("0123456789abcdef"[word & 15]);
    }
    return out;
  }

 private:
  uint64_t state_;
};

/// A seed from the operating system, for production use; in a simulation from its hook.
uint64_t RandomSeed();
/// Null in production.
inline uint64_t (*random_seed_hook)() = nullptr;

}  // namespace weir
