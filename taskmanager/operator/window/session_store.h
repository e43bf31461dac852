#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// The sessions of one key in a keyed table: how they lie there.
///
/// Thread:  the task's thread.
/// Shape:   a row is a SessionHeader and the accumulators of the key's newest session, all a key needs nearly always. The
///          entry's text, empty for such a key, has what does not fit: further sessions, and all that has no fixed
///          width (minima of strings, sets of distinct values).
struct SessionHeader {
  enum State : int32_t { kEmpty = 0, kOpen = 1, kFired = 2 };
  int64_t start = 0;
  int64_t last = 0;   // time of the newest row
  int64_t timer = 0;  // the bucket of SessionTimers that has the key, if `timed`
  int32_t state = kEmpty;
  int16_t others = 0;  // sessions in the text, which says it exactly where they are more than fit here
  int16_t timed = 0;
};
static_assert(sizeof(SessionHeader) == 32);

/// A session taken out of its row.
struct Session {
  int64_t start = 0;
  int64_t last = 0;
  bool fired = false;
  std::vector<std::byte> row;  // of accumulators; texts point into the entry's text or an arena
  std::vector<std::set<std::string>> distinct;  // by aggregate: values in their key form
};

class SessionStore {
 public:
  explicit SessionStore(const Accumulators* accumulators);

  TableSpec table() const;
  /// Aggregates without a fixed width: every session of the job has a text.
  bool has_sides() const { return has_sides_; }
  static SessionHeader* HeaderOf(std::byte* row) { return reinterpret_cast<SessionHeader*>(row); }
  static std::byte* AccumulatorsOf(std::byte* row) { return row + sizeof(SessionHeader); }

  Session Make(int64_t time) const;
  /// All sessions of the entry. Views into its text hold until Write.
  absl::Status Read(const std::byte* row, std::string_view text, std::vector<Session>* sessions) const;
  /// Keeps `sessions` (at least one, which it spoils); `*text` becomes the entry's text. The header's timer stays.
  void Write(std::vector<Session>& sessions, std::byte* row, std::string* text) const;
  /// Takes in `from`.
  void Merge(const Session& from, Session* to, batch::StringArena* arena) const;
  /// Copies the session's accumulators to `row` (zeroed) as Accumulators::Results wants them.
  void Finish(const Session& session, std::byte* row, batch::StringArena* arena) const;

 private:
  void WriteSides(Session& session, std::string* text) const;

  const Accumulators* accumulators_;
  bool has_sides_ = false;
};

}  // namespace weir::taskmanager
