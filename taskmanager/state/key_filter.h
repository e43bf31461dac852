#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/prefetch.h"
#include "taskmanager/state/entry_memory.h"

namespace weir::taskmanager {

/// Which entries the store may have: a set of hashes that says yes to all it was given, and to about one in a hundred
/// others for each of its parts.
///
/// Thread:  confined.
/// Shape:   Bloom filters, each as large as all before it together, or as there is room for; eight bits a hash, in the 32 bytes
///          of one block. When there is no room the largest takes twice as many hashes: then it says yes to one in seven others.
/// Source:  split block Bloom filters, as Impala's and Parquet's.
class KeyFilter {
 public:
  /// `most_bytes`: when that, overloaded, does not do either, it gives up its memory and says yes to all for ever.
  /// `expected`: how many hashes there may be in the end, a guess for the first of them.
  void Add(uint64_t hash, size_t expected, size_t most_bytes);
  void SayYesToAll();
  bool says_yes_to_all() const { return yes_to_all_; }
  /// Nothing was added: it says no to all.
  bool empty() const { return parts_.empty() && !yes_to_all_; }

  bool MayHave(uint64_t hash) const {
    const uint64_t mixed = Mix(hash);
    for (const Part& part : parts_) {
      if (Has(part, mixed)) return true;
    }
    return yes_to_all_;
  }
  void Prefetch(uint64_t hash) const {
    const uint64_t mixed = Mix(hash);
    for (const Part& part : parts_) weir::Prefetch(BlockOf(part, mixed));
  }
  int64_t memory_bytes() const { return static_cast<int64_t>(bytes_); }

 private:
  static constexpr size_t kWords = 8;
  static constexpr size_t kHashesPerBlock = 24;  // 10.7 bits each
  struct Part {
    EntryMemory memory;
    uint64_t blocks = 0;
    size_t room = 0;  // hashes that may still be added
  };

  // The upper half chooses the block, the lower one the bits; key groups and cells take theirs from the hash itself.
  static uint64_t Mix(uint64_t hash) {
    hash *= 0x9e3779b97f4a7c15ull;
    return (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93ull;
  }
  static uint32_t* BlockOf(const Part& part, uint64_t mixed) {
    return reinterpret_cast<uint32_t*>(part.memory.get()) + ((mixed >> 32) * part.blocks >> 32) * kWords;
  }
  static uint32_t Bit(uint64_t mixed, size_t word) {
    constexpr uint32_t kSalt[kWords] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                        0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
    return uint32_t{1} << (static_cast<uint32_t>(mixed) * kSalt[word] >> 27);
  }
  static bool Has(const Part& part, uint64_t mixed) {
    const uint32_t* block = BlockOf(part, mixed);
    uint32_t missing = 0;
    for (size_t word = 0; word < kWords; ++word) missing |= ~block[word] & Bit(mixed, word);
    return missing == 0;
  }
  bool Grow(size_t expected, size_t most_bytes);
  bool Overload();

  std::vector<Part> parts_;
  size_t bytes_ = 0;
  size_t capacity_ = 0;
  bool overloaded_ = false;
  bool yes_to_all_ = false;
};

}  // namespace weir::taskmanager
