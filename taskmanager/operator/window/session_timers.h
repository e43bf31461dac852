#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// When each key has to be looked at again: in state by buckets of time, of which only the one that the watermark stands
/// in is in order, in memory.
///
/// Thread:  the task's thread.
/// Shape:   bucket `end` has what is due in [end - width, end). An entry is a hint: who is told looks whether something is
///          due indeed, and where the key is noted now. So a time that moves on costs nothing until the old one has come.
/// Why:     a queue of all keys in memory would grow with the keys, beyond any budget, and would have to be made again
///          from the whole state after a restore.
class SessionTimers {
 public:
  static constexpr const char* kTable = "timers";

  /// `width`: of a bucket.
  absl::Status Open(KeyedState& state, int64_t width);

  int64_t BucketOf(int64_t due) const;
  /// Keys `rows` of `keys` are due in bucket `bucket`, which is not the open one's business: see Push.
  absl::Status Note(int64_t bucket, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows);
  /// To be told at `due` by Pop, until the operator closes or restarts. For what is in the open bucket, beside Note, and for
  /// what is due at once.
  void Push(int64_t due, std::string_view key);
  bool IsOpen(int64_t bucket) const { return has_open_ && bucket == open_; }

  /// At least one key is due by `watermark`, or a bucket has to be loaded or dropped: Load, then Pop.
  bool HasWork(int64_t watermark);
  struct Due {
    int64_t at;
    std::string key;
    /// From the bucket as it was loaded: the key's real time is not known yet.
    bool unordered;
  };
  /// At most `limit` keys that are due by `watermark`, or that lie in a bucket the watermark has come to, in order of
  /// time. Empty: nothing more is due.
  absl::StatusOr<std::vector<Due>> Pop(int64_t watermark, size_t limit);

 private:
  absl::Status Load(int64_t bucket);
  static bool Later(const Due& a, const Due& b) { return a.at > b.at; }

  KeyedTable* table_ = nullptr;
  int64_t width_ = 1;
  int64_t next_ = INT64_MIN;  // no bucket but the open one begins before
  bool has_open_ = false;
  int64_t open_ = 0;
  std::vector<std::string> loaded_;  // of the open bucket, not handed out yet
  std::vector<Due> heap_;
  std::vector<uint32_t> slots_;
};

}  // namespace weir::taskmanager
