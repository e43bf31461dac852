#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::taskmanager::nexmark {

/// Random values that depend on seed, event and field only, so that any reader can make any event again.
///
/// Thread:  pure functions.
/// Source:  Mix is the finalizer of splitmix64 (Steele et al., OOPSLA 2014).
inline uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
inline constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;

inline uint64_t EventHash(uint64_t seed, int64_t event) {
  return Mix(Mix(seed + kGolden) + static_cast<uint64_t>(event) * kGolden);
}
/// 64 random bits of a field of an event.
inline uint64_t Draw(uint64_t event_hash, uint64_t field) { return Mix(event_hash + (field + 1) * kGolden); }
/// Uniform in [0, bound), of the upper bits.
inline int64_t Below(uint64_t random, int64_t bound) {
  return static_cast<int64_t>((static_cast<unsigned __int128>(random) * static_cast<uint64_t>(bound)) >> 64);
}

/// round(100 * 10^(6u)), u uniform in [0, 1): from 100 to 100 000 000. Made of multiplications and additions alone, in
/// a fixed order: the same on every machine.
int64_t Price(uint64_t random);

/// 3 to `limit` - 1 characters, each 1/13 `special`, else a-z; spaces at the ends are cut off. Returns the size.
/// `out` has room for `limit` characters and 4 more.
size_t RandomText(uint64_t random, int limit, char special, char* out);

/// How long a filler is that brings a row of `used` bytes to `average` on average.
size_t FillerSize(uint64_t random, int64_t used, int64_t average);
/// Random bytes, to be made letters by MakeLetters. Writes up to 7 bytes more than `size`.
inline void RandomBytes(uint64_t random, size_t size, char* out) {
  // wyrand (Wang Yi, 2019): one multiplication a word.
  for (size_t i = 0; i < size; i += 8) {
    random += 0xa0761d6478bd642fu;
    const auto product = static_cast<unsigned __int128>(random) * (random ^ 0xe7037ed1a0b428dbu);
    const uint64_t word = static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
    __builtin_memcpy(out + i, &word, 8);
  }
}
/// Makes each byte one of a-z.
void MakeLetters(char* bytes, size_t size);

}  // namespace weir::taskmanager::nexmark
