#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/batch/key.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// A row that waits for partners, as it lies in keyed state: whole size (4 bytes), whether it had one (1), event time
/// (8), row of RowCodec.
struct WaitingRow {
  static constexpr size_t kHeader = 13;
  static constexpr size_t kMatched = 4;  // where that byte lies

  int64_t time = 0;
  bool matched = false;
  std::string_view row;
  size_t size = 0;

  /// Appends header and room for `row_size` bytes; returns where they go.
  static char* Append(std::string* out, int64_t time, bool matched, size_t row_size);
  /// Reads the one at the begin of `bytes`. False: there is no whole one.
  static bool Read(std::string_view bytes, WaitingRow* row);
};

/// The rows of one side of an interval join, by key and bucket of time.
///
/// Thread:  the task's thread.
/// Shape:   namespace = end of the bucket. (key) holds the newest rows of the key and how many full chunks there are;
///          chunk c lies at (key, c): appending to a key with many rows copies a chunk at most.
class SideRows {
 public:
  static constexpr size_t kChunkBytes = 4 << 10;

  absl::Status Open(KeyedState& state, const std::string& name, int64_t bucket_micros);

  int64_t BucketOf(int64_t time) const;
  int64_t width() const { return width_; }
  std::vector<NamespaceId> Buckets() const { return table_->Namespaces(); }
  void Drop(NamespaceId bucket) { table_->Drop(bucket); }

  /// Appends `rows[i]`'s record `records[i]` (of WaitingRow), all of one bucket.
  absl::Status Append(NamespaceId bucket, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows,
                      const std::vector<std::string_view>& records);

  /// What to do with the waiting rows of `probe`'s key: `text` holds WaitingRows, and may be changed in place (not its
  /// size): true says that it was.
  using Visit = std::function<absl::StatusOr<bool>(uint32_t probe, std::string* text)>;
  /// Visits the chunks of the keys of `rows` in `bucket`.
  absl::Status Probe(NamespaceId bucket, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows,
                     const Visit& visit);

  /// A page of the bucket's texts, as NamespaceTable::Scan. Empty and last when there is no such bucket.
  absl::Status Scan(NamespaceId bucket, uint64_t* cursor, NamespaceTable::Page* page);

 private:
  absl::Status Seal(NamespaceTable& table, const batch::KeyBatch& keys, uint32_t row);

  KeyedTable* table_ = nullptr;
  int64_t width_ = 1;
  // Scratch.
  std::vector<uint32_t> slots_;
  std::vector<std::pair<uint32_t, uint32_t>> order_;  // slot, place in `rows`
  std::vector<uint32_t> full_, chunk_slots_;
  std::vector<std::pair<uint32_t, uint32_t>> chunked_;  // row, full chunks
  batch::KeyBatch chunk_keys_, chunk_numbers_;
  std::string text_;
};

}  // namespace weir::taskmanager
