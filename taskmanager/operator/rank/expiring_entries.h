#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Entries of a table that are forgotten when the watermark is `ttl` past the last row of their key.
///
/// Thread:    the task's thread.
/// Shape:     an entry's value begins with the event time of its last row (int64), which the caller keeps. An entry lies in
///            the namespace of the stretch of time in which it was last touched, and moves when it is touched later; without
///            a ttl all lie in kForever. Searched from the latest to the earliest.
/// Why:       a stretch of time is dropped as a whole, so that expiry costs nothing per entry; what is expired but not yet
///            dropped is taken for new.
class ExpiringEntries {
 public:
  static constexpr NamespaceId kForever = std::numeric_limits<NamespaceId>::max();

  void Open(KeyedTable* table, int64_t ttl, const TableSpec& spec);

  /// A row whose key was, or would be, forgotten before it came.
  bool IsExpired(int64_t time, int64_t watermark) const {
    return ttl_ > 0 && watermark > batch::kMinTimestamp + ttl_ && time <= watermark - ttl_;
  }

  /// Rows of a batch with their entries in one namespace: slots[i] is the entry of rows[i]; made[i]: it is new, and this is
  /// its first row.
  struct Part {
    NamespaceTable* table = nullptr;
    std::vector<uint32_t> rows, slots;
    std::vector<uint8_t> made;
  };
  /// Finds or makes the entries of `rows` and hands them to `visit`, in one or more parts; rows of one key in order of
  /// their stretches of time. `times` may be null without a ttl. No row may be expired.
  absl::Status ForEach(const batch::KeyBatch& keys, const int64_t* times, const std::vector<uint32_t>& rows,
                       int64_t watermark, const std::function<absl::Status(Part&)>& visit);
  /// Drops what is expired.
  void Expire(int64_t watermark);

 private:
  struct Moved {
    std::string value, text;
  };
  NamespaceId StretchOf(int64_t time) const;
  absl::Status VisitStretch(NamespaceId stretch, const batch::KeyBatch& keys, const int64_t* times,
                            std::vector<uint32_t> rows, int64_t watermark,
                            const std::function<absl::Status(Part&)>& visit);
  absl::Status VisitHome(NamespaceId home, const batch::KeyBatch& keys, const int64_t* times,
                         std::vector<uint32_t> rows, int64_t watermark,
                         const std::function<absl::Status(Part&)>& visit);
  /// Takes the entries of `rows` out of an earlier namespace; those that were there leave `rows` (their order kept).
  absl::Status TakeFrom(NamespaceId ns, const batch::KeyBatch& keys, std::vector<uint32_t>* rows);

  KeyedTable* table_ = nullptr;
  int64_t ttl_ = 0;
  int64_t stretch_ = 0;
  TableSpec spec_;
  std::set<NamespaceId> live_;
  // Scratch.
  Part part_;
  std::vector<std::pair<uint32_t, Moved>> moved_;  // by row
  std::vector<uint32_t> found_;
};

}  // namespace weir::taskmanager
