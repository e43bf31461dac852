#include "taskmanager/state/cold_batch.h"

#include <algorithm>
#include <array>
#include <utility>

#include "taskmanager/state/cold_key.h"

namespace weir::taskmanager {
namespace {

constexpr size_t kGroupBytes = 2;
constexpr size_t kOrderBytes = 8;
constexpr size_t kFewItems = 256;  // are sorted by comparisons

// Where two strings that are the same in [from, to) as far as known begin to differ.
size_t CommonBytes(std::string_view a, std::string_view b, size_t from, size_t to) {
  to = std::min({to, a.size(), b.size()});
  if (from >= to || std::memcmp(a.data() + from, b.data() + from, to - from) == 0) return to;
  while (a[from] == b[from]) ++from;
  return from;
}

}  // namespace

void ColdBatch::Clear() {
  bytes_.clear();
  items_.clear();
}

void ColdBatch::Begin(std::string_view table, NamespaceId ns) {
  Clear();
  namespace_ = NamespacePrefix(0, table, ns).substr(kGroupBytes);
}

void ColdBatch::AddKey(uint16_t key_group, std::string_view key, std::string_view subkey) {
  const size_t at = bytes_.size();
  bytes_.resize(at + sizeof(Sizes) + kGroupBytes + namespace_.size() + kMaxKeyLength + key.size() + subkey.size());
  char* const begin = bytes_.data() + at + sizeof(Sizes);
  char* p = begin;
  *p++ = static_cast<char>(key_group >> 8);
  *p++ = static_cast<char>(key_group);
  std::memcpy(p, namespace_.data(), namespace_.size());
  p += namespace_.size();
  p = PutKeyAndSubkey(p, key, subkey);
  const Sizes sizes{.key = static_cast<uint32_t>(p - begin), .value = kNoValue};
  std::memcpy(bytes_.data() + at, &sizes, sizeof(sizes));
  bytes_.resize(at + sizeof(Sizes) + sizes.key);
  items_.push_back({.order = 0, .at = static_cast<uint32_t>(at), .number = static_cast<uint32_t>(items_.size())});
}

void ColdBatch::AddEntry(uint16_t key_group, std::string_view key, std::string_view subkey, const void* value,
                         size_t width, std::string_view text) {
  AddKey(key_group, key, subkey);
  bytes_.append(static_cast<const char*>(value), width);
  bytes_.append(text);
  char* const at = bytes_.data() + items_.back().at;
  Sizes sizes = SizesOf(at);
  sizes.value = static_cast<uint32_t>(width + text.size());
  std::memcpy(at, &sizes, sizeof(sizes));
}

void ColdBatch::AddRaw(std::string_view key, std::string_view value) {
  const Sizes sizes{.key = static_cast<uint32_t>(key.size()), .value = static_cast<uint32_t>(value.size())};
  items_.push_back({.order = 0,
                    .at = static_cast<uint32_t>(bytes_.size()),
                    .number = static_cast<uint32_t>(items_.size())});
  bytes_.append(reinterpret_cast<const char*>(&sizes), sizeof(sizes));
  bytes_.append(key);
  bytes_.append(value);
}

void ColdBatch::Sort() {
  if (items_.empty()) return;
  // The key group, then the first bytes in which the keys differ: they tell most keys apart.
  size_t common = key(0).size();
  for (size_t i = 1; i < items_.size(); ++i) common = CommonBytes(key(0), key(i), kGroupBytes, common);
  for (size_t i = 0; i < items_.size(); ++i) {
    const std::string_view k = key(i);
    char bytes[kOrderBytes] = {};
    std::memcpy(bytes, k.data(), kGroupBytes);
    if (k.size() > common) {
      std::memcpy(bytes + kGroupBytes, k.data() + common, std::min(kOrderBytes - kGroupBytes, k.size() - common));
    }
    uint64_t order = 0;
    for (char c : bytes) order = order << 8 | static_cast<uint8_t>(c);
    items_[i].order = order;
  }
  SortByOrder();
  for (size_t i = 0, end = 0; i < items_.size(); i = end) {
    for (end = i + 1; end < items_.size() && items_[end].order == items_[i].order;) ++end;
    if (end - i == 1) continue;
    const auto key_of = [this](const Item& item) {
      const char* entry = bytes_.data() + item.at;
      return std::string_view(entry + sizeof(Sizes), SizesOf(entry).key);
    };
    std::sort(items_.begin() + static_cast<ptrdiff_t>(i), items_.begin() + static_cast<ptrdiff_t>(end),
              [&](const Item& a, const Item& b) {
                const int order = key_of(a).compare(key_of(b));
                return order != 0 ? order < 0 : a.number < b.number;
              });
  }
}

void ColdBatch::KeepLast() {
  size_t kept = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    const bool again = i + 1 < items_.size() && items_[i].order == items_[i + 1].order && key(i) == key(i + 1);
    if (!again) items_[kept++] = items_[i];
  }
  items_.resize(kept);
}

void ColdBatch::SortByOrder() {
  if (items_.size() < kFewItems) {
    std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) { return a.order < b.order; });
    return;
  }
  // By each byte that is not the same in all, from the last to the first.
  std::array<std::array<uint32_t, 256>, kOrderBytes> counts = {};
  for (const Item& item : items_) {
    for (size_t digit = 0; digit < kOrderBytes; ++digit) ++counts[digit][item.order >> (8 * digit) & 0xff];
  }
  spare_.resize(items_.size());
  for (size_t digit = 0; digit < kOrderBytes; ++digit) {
    std::array<uint32_t, 256>& places = counts[digit];
    if (places[items_[0].order >> (8 * digit) & 0xff] == items_.size()) continue;
    uint32_t place = 0;
    for (uint32_t& p : places) place += std::exchange(p, place);
    for (const Item& item : items_) spare_[places[item.order >> (8 * digit) & 0xff]++] = item;
    items_.swap(spare_);
  }
}

}  // namespace weir::taskmanager
