#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "taskmanager/operator/join/join_record.h"
#include "taskmanager/operator/join/row_codec.h"

namespace weir::taskmanager {

/// The rows of one side of one key group, to be found by key: the build side of a hash join.
///
/// Thread:  confined.
/// Shape:   rows are numbered from 0 in the order given; those of equal keys hang on the first of them. Points into the
///          bytes given to Build, which must stay.
class MatchTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// `records`: JoinRecords. kDataLoss when they are not.
  absl::Status Build(std::string_view records, const RowCodec& codec);

  /// First row of that key, or kNone. An empty key has none.
  uint32_t Find(std::string_view key, uint32_t tag) const;
  /// The next row of the same key, or kNone.
  uint32_t Next(uint32_t row) const { return rows_[row].next; }
  const char* row(uint32_t row) const { return rows_[row].payload; }
  uint32_t size() const { return static_cast<uint32_t>(rows_.size()); }

  /// Of a key's first row: some row of the other side has that key.
  void MarkMatched(uint32_t first) { rows_[first].matched = true; }
  /// Of any row.
  bool IsMatched(uint32_t row) const { return rows_[rows_[row].first].matched; }

 private:
  struct Row {
    const char* key = nullptr;
    const char* payload = nullptr;
    uint32_t key_size = 0;
    uint32_t tag = 0;
    uint32_t next = kNone;
    uint32_t first = 0;
    bool matched = false;
  };
  std::vector<Row> rows_;
  std::vector<uint32_t> cells_;  // row + 1; 0: free
  int shift_ = 31;
};

}  // namespace weir::taskmanager
