#include "taskmanager/operator/join/lookup_index.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

namespace weir::taskmanager {
namespace {

/// Of a column that by-number lookup can do; false: not such a type.
bool IsNumber(batch::TypeKind kind) {
  return kind == batch::TypeKind::kInt || kind == batch::TypeKind::kBigint || kind == batch::TypeKind::kDate ||
         kind == batch::TypeKind::kTimestamp;
}
int64_t NumberAt(const batch::Column& column, int64_t row) {
  return batch::Width(column.type().kind) == 4 ? column.at<int32_t>(row) : column.at<int64_t>(row);
}

template <typename T>
void FirstByNumber(const batch::Column& column, const std::vector<uint32_t>& rows, int64_t least,
                   const std::vector<uint32_t>& first, std::vector<uint32_t>* out) {
  const T* values = column.data<T>();
  const uint8_t* validity = column.validity();
  const auto size = static_cast<uint64_t>(first.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t at = column.index(rows[i]);
    const uint64_t number = static_cast<uint64_t>(int64_t{values[at]}) - static_cast<uint64_t>(least);
    const bool found = number < size && (validity == nullptr || validity[at] != 0);
    (*out)[i] = found ? first[number] : LookupIndex::kNone;
  }
}

}  // namespace

void LookupIndex::Link(uint32_t* first, uint32_t row) {
  if (*first == kNone) {
    *first = row;
  } else {
    unique_ = false;
    next_[last_[*first]] = row;
  }
  last_[*first] = row;
}

bool LookupIndex::BuildByNumber(const batch::Column& key) {
  int64_t least = std::numeric_limits<int64_t>::max(), most = std::numeric_limits<int64_t>::min();
  for (int64_t i = 0; i < key.size(); ++i) {
    if (key.IsNull(i)) continue;
    least = std::min(least, NumberAt(key, i));
    most = std::max(most, NumberAt(key, i));
  }
  if (least > most) return false;
  const uint64_t span = static_cast<uint64_t>(most) - static_cast<uint64_t>(least);
  if (span >= static_cast<uint64_t>(key.size()) * 8 + 1024) return false;
  least_ = least;
  first_.assign(span + 1, kNone);
  for (int64_t i = 0; i < key.size(); ++i) {
    if (key.IsNull(i)) continue;
    Link(&first_[static_cast<uint64_t>(NumberAt(key, i)) - static_cast<uint64_t>(least)], static_cast<uint32_t>(i));
  }
  return true;
}

void LookupIndex::Build(const batch::Batch& keys) {
  next_.assign(static_cast<size_t>(keys.rows), kNone);
  last_.assign(static_cast<size_t>(keys.rows), kNone);
  by_number_ = keys.columns.size() == 1 && IsNumber(keys.columns[0].type().kind) && BuildByNumber(keys.columns[0]);
  if (by_number_) return;
  std::vector<int> all(keys.columns.size());
  std::iota(all.begin(), all.end(), 0);
  batch::MakeKeys(keys, all, &keys_);
  cells_.assign(std::bit_ceil(static_cast<size_t>(keys.rows) * 2 + 16), Cell());
  const size_t mask = cells_.size() - 1;
  for (int64_t i = 0; i < keys.rows; ++i) {
    bool null = false;
    for (const batch::Column& column : keys.columns) null |= column.IsNull(i);
    if (null) continue;
    const uint64_t hash = keys_.hashes[static_cast<size_t>(i)];
    uint32_t first = Find(keys_.key(i), hash);
    const bool made = first == kNone;
    Link(&first, static_cast<uint32_t>(i));
    if (!made) continue;
    size_t cell = hash & mask;
    while (cells_[cell].row != 0) cell = (cell + 1) & mask;
    cells_[cell] = {static_cast<uint32_t>(hash >> 32), first + 1};
  }
}

uint32_t LookupIndex::Find(std::string_view key, uint64_t hash) const {
  const size_t mask = cells_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t cell = hash & mask; cells_[cell].row != 0; cell = (cell + 1) & mask) {
    const uint32_t row = cells_[cell].row - 1;
    if (cells_[cell].tag == tag && keys_.key(row) == key) return row;
  }
  return kNone;
}

void LookupIndex::FirstRows(const batch::Batch& keys, const batch::KeyBatch& canonical,
                            const std::vector<uint32_t>& rows, std::vector<uint32_t>* first) const {
  first->resize(rows.size());
  if (!by_number_) {
    // A key with a NULL was never put in, so it is not found.
    for (size_t i = 0; i < rows.size(); ++i) (*first)[i] = Find(canonical.key(rows[i]), canonical.hashes[rows[i]]);
    return;
  }
  const batch::Column& column = keys.columns[0];
  if (batch::Width(column.type().kind) == 4) {
    FirstByNumber<int32_t>(column, rows, least_, first_, first);
  } else {
    FirstByNumber<int64_t>(column, rows, least_, first_, first);
  }
}

}  // namespace weir::taskmanager
