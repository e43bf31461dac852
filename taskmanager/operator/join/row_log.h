#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Records of two sides in keyed state, by bucket of time and key group, in order of arrival: what a join needs that
/// reads a bucket once, as a whole.
///
/// Thread:    the task's thread.
/// Shape:     pages of up to kPageBytes; a page is one entry, whose key stands for the key group. The newest page of a
///            (bucket, side, group) lies in a buffer here until it is full, the bucket is among the buckets least
///            recently written, or a barrier comes.
/// Invariant: after Flush, state has all. A page that a barrier found small is written again by the next one, so that
///            short intervals do not make many small pages: at most kKeepOpenBytes a group and side twice.
/// Why:       appending costs a copy and no probe; a join of a window needs rows by key group only, and then a hash
///            table for that group alone, which fits a cache. An entry a row costs 60 bytes of overhead and a random
///            access each.
/// Source:    the partitions of a Grace hash join (Kitsuregawa et al. 1983).
class RowLog {
 public:
  static constexpr size_t kPageBytes = 8 << 10;
  static constexpr size_t kKeepOpenBytes = 1 << 10;

  /// Opens the tables, and finds what was restored.
  absl::Status Open(KeyedState& state, batch::KeyGroupRange range, int max_parallelism);

  /// Room for a record of `size` bytes at the end of (bucket, side, group), which the caller fills at once.
  absl::StatusOr<char*> Append(NamespaceId bucket, int side, int group, size_t size);
  /// Everything into state: before a snapshot.
  absl::Status Flush();

  /// Those that have records, ascending.
  std::vector<NamespaceId> Buckets() const;
  bool Has(NamespaceId bucket) const { return buckets_.contains(bucket); }
  void Drop(NamespaceId bucket);

  /// About how many bytes there are.
  size_t Bytes(NamespaceId bucket, int side, int group) const;
  /// How many pieces Read can be asked for.
  uint32_t Pieces(NamespaceId bucket, int side, int group) const;
  /// Appends piece `piece` to `out`: whole records.
  absl::Status Read(NamespaceId bucket, int side, int group, uint32_t piece, std::string* out);

  int64_t buffer_bytes() const { return buffer_bytes_; }

 private:
  /// The newest page.
  struct Buffer {
    std::unique_ptr<char[]> bytes;
    uint32_t size = 0;
    uint32_t capacity = 0;
    bool written = false;  // state has a former form of it, as the last page that is counted
    bool changed = false;  // since then
  };
  struct Side {
    uint32_t pages = 0;  // in state
    Buffer buffer;
  };
  struct Bucket {
    std::vector<std::array<Side, 2>> groups;  // by group - range.begin
    uint64_t used = 0;  // when it was written last, in batches of another bucket
    bool buffered = false;
  };
  Bucket& OpenBucket(NamespaceId id);
  Bucket& Touch(NamespaceId id);
  /// Writes the buffers of a bucket; `close`: their pages will not grow any more.
  absl::Status FlushBucket(NamespaceId id, Bucket& bucket, bool close);
  /// Writes full pages of `page_` and their counts.
  absl::Status WritePage(NamespaceId id, int group, int side, Side& into, bool close);
  absl::Status WriteCounts(NamespaceId id, int group, const std::array<Side, 2>& sides);
  void SetKey(int group);

  batch::KeyGroupRange range_;
  KeyedTable* pages_ = nullptr;   // (group's key, side and number) -> page
  KeyedTable* counts_ = nullptr;  // group's key -> pages of both sides
  std::vector<std::string> group_keys_;
  std::vector<uint64_t> group_hashes_;
  std::map<NamespaceId, Bucket> buckets_;
  Bucket* last_ = nullptr;
  NamespaceId last_id_ = 0;
  uint64_t uses_ = 0;
  int buffered_buckets_ = 0;
  int64_t buffer_bytes_ = 0;
  size_t page_bytes_ = kPageBytes;
  batch::KeyBatch key_, subkey_;  // of one row
};

/// A key for each key group: the least number (8 bytes, little-endian) whose hash falls into it.
std::vector<std::string> KeysOfGroups(int max_parallelism);

}  // namespace weir::taskmanager
