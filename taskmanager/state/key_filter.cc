#include "taskmanager/state/key_filter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::taskmanager {
namespace {

constexpr size_t kFewest = 256;  // hashes of the first part

}  // namespace

void KeyFilter::Add(uint64_t hash, size_t expected, size_t most_bytes) {
  if (MayHave(hash)) return;
  if ((parts_.empty() || parts_.back().room == 0) && !Grow(expected, most_bytes)) return SayYesToAll();
  Part& part = parts_.back();
  const uint64_t mixed = Mix(hash);
  uint32_t* block = BlockOf(part, mixed);
  for (size_t word = 0; word < kWords; ++word) block[word] |= Bit(mixed, word);
  --part.room;
}

bool KeyFilter::Grow(size_t expected, size_t most_bytes) {
  const size_t hashes = std::max({kFewest, capacity_, parts_.empty() ? expected : 0});
  constexpr size_t kBlockBytes = kWords * sizeof(uint32_t);
  // In whole cache lines.
  const size_t bytes = (hashes / kHashesPerBlock + 2) / 2 * 2 * kBlockBytes;
  if (bytes_ + bytes > most_bytes) return false;
  Part part{.memory = AllocateEntries(bytes), .blocks = bytes / kBlockBytes, .room = hashes};
  std::memset(part.memory.get(), 0, bytes);
  parts_.push_back(std::move(part));
  bytes_ += bytes;
  capacity_ += hashes;
  return true;
}

void KeyFilter::SayYesToAll() {
  parts_.clear();
  bytes_ = 0;
  yes_to_all_ = true;
}

}  // namespace weir::taskmanager
