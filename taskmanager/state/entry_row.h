#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::taskmanager {

/// Whether n bytes are the same. Keys are short: two loads a side, no call.
inline bool SameBytes(const char* a, const char* b, size_t n) {
  const auto same = [&]<typename Word>(Word) {
    Word first[2], last[2];
    std::memcpy(&first[0], a, sizeof(Word));
    std::memcpy(&first[1], b, sizeof(Word));
    std::memcpy(&last[0], a + n - sizeof(Word), sizeof(Word));
    std::memcpy(&last[1], b + n - sizeof(Word), sizeof(Word));
    return ((first[0] ^ first[1]) | (last[0] ^ last[1])) == 0;
  };
  if (n > 16) return std::memcmp(a, b, n) == 0;
  if (n >= 8) return same(uint64_t{});
  if (n >= 4) return same(uint32_t{});
  return n == 0 || (a[0] == b[0] && a[n - 1] == b[n - 1] && a[n / 2] == b[n / 2]);
}

/// How a row of state begins: marks, key group, and key and subkey, which lie in the row when it has room for both.
///
/// Shape:  six bytes, then the row's room for keys: `room` bytes, a table's constant. Otherwise these begin with a pointer to
///         two sizes (uint32) and the bytes.
class EntryRow {
 public:
  uint16_t key_group;
  uint16_t flags;

  /// Of the three rooms that there are the smallest for keys of so many bytes, or the smallest of all. A row's value begins
  /// at 16 bytes or a multiple.
  static uint32_t RoomFor(size_t key_bytes) {
    return key_bytes <= 10 || key_bytes > 42 ? 10 : key_bytes <= 26 ? 26 : 42;
  }
  static uint32_t ValueOffset(uint32_t room) { return kHead + room; }
  /// What a key takes outside of its row.
  static size_t OutsideBytes(size_t key_bytes, uint32_t room) {
    return key_bytes <= room ? 0 : 2 * sizeof(uint32_t) + key_bytes;
  }

  std::string_view key() const {
    return key_size_ != kOutside ? std::string_view(inside(), key_size_) : std::string_view(outside() + 8, OutsideSize(0));
  }
  std::string_view subkey() const {
    return key_size_ != kOutside ? std::string_view(inside() + key_size_, subkey_size_)
                                 : std::string_view(outside() + 8 + OutsideSize(0), OutsideSize(1));
  }
  bool Equal(std::string_view key, std::string_view subkey, uint32_t room) const {
    if (key.size() + subkey.size() > room) {
      return key_size_ == kOutside && key == this->key() && subkey == this->subkey();
    }
    return key_size_ == key.size() && subkey_size_ == subkey.size() && SameBytes(inside(), key.data(), key.size()) &&
           (subkey.empty() || SameBytes(inside() + key.size(), subkey.data(), subkey.size()));
  }
  /// `outside`: OutsideBytes of memory that stays, null when that is 0.
  void SetKey(std::string_view key, std::string_view subkey, char* outside) {
    char* bytes = inside();
    if (outside == nullptr) {
      key_size_ = static_cast<uint8_t>(key.size());
      subkey_size_ = static_cast<uint8_t>(subkey.size());
    } else {
      key_size_ = kOutside;
      std::memcpy(bytes, &outside, sizeof(outside));
      const uint32_t sizes[] = {static_cast<uint32_t>(key.size()), static_cast<uint32_t>(subkey.size())};
      std::memcpy(outside, sizes, sizeof(sizes));
      bytes = outside + sizeof(sizes);
    }
    if (!key.empty()) std::memcpy(bytes, key.data(), key.size());
    if (!subkey.empty()) std::memcpy(bytes + key.size(), subkey.data(), subkey.size());
  }

 private:
  static constexpr uint32_t kHead = 6;
  static constexpr uint8_t kOutside = 255;

  char* inside() { return reinterpret_cast<char*>(this) + kHead; }
  const char* inside() const { return reinterpret_cast<const char*>(this) + kHead; }
  const char* outside() const {
    const char* p;
    std::memcpy(&p, inside(), sizeof(p));
    return p;
  }
  uint32_t OutsideSize(size_t i) const {
    uint32_t size;
    std::memcpy(&size, outside() + i * sizeof(size), sizeof(size));
    return size;
  }

  uint8_t key_size_;  // kOutside: both lie elsewhere
  uint8_t subkey_size_;
};
static_assert(sizeof(EntryRow) == 6 && alignof(EntryRow) == 2);

}  // namespace weir::taskmanager
