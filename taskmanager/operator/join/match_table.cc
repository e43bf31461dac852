#include "taskmanager/operator/join/match_table.h"

#include <bit>
#include <cstring>

namespace weir::taskmanager {

absl::Status MatchTable::Build(std::string_view records, const RowCodec& codec) {
  rows_.clear();
  while (!records.empty()) {
    JoinRecord record;
    if (!JoinRecord::Read(records, &record) || !codec.Check(record.row.data(), record.row.size())) {
      return absl::DataLossError("state of the join holds what is not a row of this job");
    }
    const auto row = static_cast<uint32_t>(rows_.size());
    rows_.push_back({record.key.data(), record.row.data(), static_cast<uint32_t>(record.key.size()), record.tag, kNone,
                     row, false});
    records.remove_prefix(record.size);
  }
  const uint32_t cells = std::bit_ceil(std::max<uint32_t>(16, static_cast<uint32_t>(rows_.size()) * 2));
  cells_.assign(cells, 0);
  shift_ = 32 - std::countr_zero(cells);
  for (uint32_t r = 0; r < rows_.size(); ++r) {
    Row& row = rows_[r];
    if (row.key_size == 0) continue;
    for (uint32_t cell = row.tag >> shift_;; cell = (cell + 1) & (cells - 1)) {
      if (cells_[cell] == 0) {
        cells_[cell] = r + 1;
        break;
      }
      Row& first = rows_[cells_[cell] - 1];
      if (first.tag == row.tag && first.key_size == row.key_size &&
          std::memcmp(first.key, row.key, row.key_size) == 0) {
        row.next = first.next;
        row.first = first.first;
        first.next = r;
        break;
      }
    }
  }
  return absl::OkStatus();
}

uint32_t MatchTable::Find(std::string_view key, uint32_t tag) const {
  if (key.empty() || rows_.empty()) return kNone;
  const auto mask = static_cast<uint32_t>(cells_.size() - 1);
  for (uint32_t cell = tag >> shift_; cells_[cell] != 0; cell = (cell + 1) & mask) {
    const Row& row = rows_[cells_[cell] - 1];
    if (row.tag == tag && row.key_size == key.size() && std::memcmp(row.key, key.data(), key.size()) == 0) {
      return cells_[cell] - 1;
    }
  }
  return kNone;
}

}  // namespace weir::taskmanager
