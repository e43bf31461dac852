#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/prefetch.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Keys of an OrderedStore, to be asked for or changed, with their values if they are to have one: all in one piece of
/// memory, which is used again.
///
/// Thread:  confined.
/// Shape:   filled, then sorted, then read in ascending order of keys. Its entries begin in the first 4 GiB of it.
class ColdBatch {
 public:
  /// Forgets what there is; the keys to come are of this namespace.
  void Begin(std::string_view table, NamespaceId ns);
  /// A key without a value: one that is asked for, or to be removed.
  void AddKey(uint16_t key_group, std::string_view key, std::string_view subkey);
  /// An entry, its value being the `width` bytes of its fixed part and its text.
  void AddEntry(uint16_t key_group, std::string_view key, std::string_view subkey, const void* value, size_t width,
                std::string_view text);
  /// The store's own bytes, after Clear.
  void AddRaw(std::string_view key, std::string_view value);
  void Clear();
  /// To be called when the keys were not added in their order.
  void Sort();
  /// After Sort, when keys may have been added twice: of each stays what was added last.
  void KeepLast();

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  /// What it takes.
  size_t bytes() const { return bytes_.size() + items_.size() * 2 * sizeof(Item); }

  std::string_view key(size_t i) const {
    const char* entry = bytes_.data() + items_[i].at;
    return {entry + sizeof(Sizes), SizesOf(entry).key};
  }
  bool has_value(size_t i) const { return SizesOf(bytes_.data() + items_[i].at).value != kNoValue; }
  std::string_view value(size_t i) const {
    const char* entry = bytes_.data() + items_[i].at;
    const Sizes sizes = SizesOf(entry);
    return {entry + sizeof(Sizes) + sizes.key, sizes.value};
  }
  /// Asks for its memory: sorted entries lie anywhere.
  void Prefetch(size_t i) const {
    if (i < items_.size()) weir::Prefetch(bytes_.data() + items_[i].at);
  }
  /// How many were added before it.
  uint32_t number(size_t i) const { return items_[i].number; }

 private:
  static constexpr uint32_t kNoValue = UINT32_MAX;
  struct Sizes {
    uint32_t key;
    uint32_t value;
  };
  struct Item {
    uint64_t order;  // bytes of the key that tell most keys apart, big-endian
    uint32_t at;     // its Sizes, followed by key and value
    uint32_t number;
  };
  static Sizes SizesOf(const char* entry) {
    Sizes sizes;
    std::memcpy(&sizes, entry, sizeof(sizes));
    return sizes;
  }
  void SortByOrder();

  std::string namespace_;  // what its keys have after the key group
  std::string bytes_;
  std::vector<Item> items_;
  std::vector<Item> spare_;  // while they are sorted
};

}  // namespace weir::taskmanager
