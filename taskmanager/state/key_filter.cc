#include "taskmanager/state/key_filter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::taskmanager {
namespace {

constexpr size_t kFewest = 256;  // hashes of the first part
// A part that is smaller than that share of those before it is not worth another place to look.
constexpr size_t kLeastShare = 8;

}  // namespace

void KeyFilter::Add(uint64_t hash, size_t expected, size_t most_bytes) {
  if (MayHave(hash)) return;
  if ((parts_.empty() || parts_.back().room == 0) && !Grow(expected, most_bytes) && !Overload()) return SayYesToAll();
  Part& part = parts_.back();
  const uint64_t mixed = Mix(hash);
  uint32_t* block = BlockOf(part, mixed);
  for (size_t word = 0; word < kWords; ++word) block[word] |= Bit(mixed, word);
  --part.room;
}

bool KeyFilter::Grow(size_t expected, size_t most_bytes) {
  constexpr size_t kBlockBytes = kWords * sizeof(uint32_t);
  const size_t left = most_bytes > bytes_ ? (most_bytes - bytes_) / kBlockBytes / 2 * 2 : 0;  // blocks
  size_t hashes = std::max({kFewest, capacity_, parts_.empty() ? expected : 0});
  // In whole cache lines.
  const size_t blocks = std::min((hashes / kHashesPerBlock + 2) / 2 * 2, left);
  if (blocks * kHashesPerBlock < std::max(kFewest, hashes / kLeastShare)) return false;
  hashes = std::min(hashes, blocks * kHashesPerBlock);
  Part part{.memory = AllocateEntries(blocks * kBlockBytes), .blocks = blocks, .room = hashes};
  std::memset(part.memory.get(), 0, blocks * kBlockBytes);
  parts_.push_back(std::move(part));
  bytes_ += blocks * kBlockBytes;
  capacity_ += hashes;
  return true;
}

bool KeyFilter::Overload() {
  if (overloaded_ || parts_.empty()) return false;
  overloaded_ = true;
  const auto largest = std::max_element(parts_.begin(), parts_.end(),
                                        [](const Part& a, const Part& b) { return a.blocks < b.blocks; });
  std::iter_swap(largest, parts_.end() - 1);
  parts_.back().room = parts_.back().blocks * kHashesPerBlock;
  return true;
}

void KeyFilter::SayYesToAll() {
  parts_.clear();
  bytes_ = 0;
  yes_to_all_ = true;
}

}  // namespace weir::taskmanager
