#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "common/batch/batch.h"
#include "common/plan/plan.h"

namespace weir::taskmanager {

/// The accumulators of a window's aggregates in one row of bytes: how they lie, how values are added, merged and read.
///
/// Thread:  immutable after construction; works on the caller's memory.
/// Shape:   a row has `width()` bytes; all zero = nothing added. count: int64. sum, avg: the sum (16 bytes: Decimal, or
///          double in the first 8), then int64 count of values (kOverflow: left its range). min, max: the value (16 bytes),
///          then a byte "has one". A string's minimum or maximum is a StringRef into an arena of the caller.
/// Why:     sums of bigint are kept in 128 bits and checked when read: whether they overflow does not depend on order.
class Accumulators {
 public:
  static constexpr int64_t kOverflow = INT64_MIN;
  enum class Kind : uint8_t { kCount, kSumExact, kSumDouble, kMinMax, kMinMaxText, kDistinct };

  explicit Accumulators(const std::vector<plan::Aggregate>& aggregates);

  int width() const { return width_; }
  int size() const { return static_cast<int>(slots_.size()); }
  Kind kind(int a) const { return slots_[a].kind; }

  /// Adds the values of rows `rows[i]` of `argument` (null for count(*)) to `targets[i]`; rows whose `filter` (one byte
  /// a row of the batch, null: none) is 0 are left out, as are NULLs. Texts are copied into `arena`. Not for kDistinct.
  void AddRows(int a, const batch::Column* argument, const uint8_t* filter, const uint32_t* rows, int64_t count,
               std::byte* const* targets, batch::StringArena* arena) const;
  /// Adds what PartialColumns made.
  void AddPartials(int a, const batch::Column* partials, const uint32_t* rows, int64_t count,
                   std::byte* const* targets, batch::StringArena* arena) const;
  /// Adds one row to another, all aggregates but kDistinct. Without an arena `to` points to the texts of `from`, which
  /// outlive it.
  void Merge(const std::byte* from, std::byte* to, batch::StringArena* arena) const;

  /// It makes no difference which of a row of slices are merged first, as long as they stay in their order: all but
  /// sums of doubles, which are rounded, and kDistinct.
  bool associative() const;
  /// All aggregates can be taken away again: counts and exact sums.
  bool invertible() const;
  /// Takes `from` away from what it was merged into. False: a sum has left its range, and nothing is known any more.
  bool Subtract(const std::byte* from, std::byte* to) const;

  /// plan::Aggregate::partials of aggregate `a`.
  std::vector<batch::Column> PartialColumns(int a, const std::byte* const* rows, int64_t count,
                                            const batch::StringArena& arena) const;
  /// The result column. Rows whose sum does not fit its type are appended to `overflowed`, and NULL.
  batch::Column Results(int a, const std::byte* const* rows, int64_t count, const batch::StringArena* arena,
                        std::vector<uint32_t>* overflowed) const;
  /// One more value of a kDistinct aggregate.
  void CountDistinct(int a, std::byte* row) const {
    int64_t n;
    std::memcpy(&n, row + slots_[a].offset, 8);
    ++n;
    std::memcpy(row + slots_[a].offset, &n, 8);
  }
  /// Takes `text` as the minimum or maximum of a kMinMaxText aggregate if it is one. Without an arena it is not copied.
  void AddText(int a, std::string_view text, std::byte* row, batch::StringArena* arena) const;
  /// Of a kDistinct aggregate: so many values.
  void SetDistinct(int a, int64_t n, std::byte* row) const { std::memcpy(row + slots_[a].offset, &n, 8); }
  /// The minimum or maximum of a kMinMaxText aggregate: false when there is none. Its place without one; and with
  /// `text`, which outlives the row.
  bool TextOf(int a, const std::byte* row, std::string_view* text) const;
  void ClearText(int a, std::byte* row) const { std::memset(row + slots_[a].offset, 0, 24); }
  void PointText(int a, std::string_view text, std::byte* row) const;
  /// Whether `candidate` would replace `current`.
  bool Better(int a, std::string_view candidate, std::string_view current) const {
    return slots_[a].is_min ? candidate < current : candidate > current;
  }

 private:
  struct Slot {
    Kind kind;
    int offset;
    bool is_min;
    batch::DataType argument;
    batch::DataType result;
    plan::Aggregate const* aggregate;
  };
  void AddExact(std::byte* row, const Slot& slot, batch::Decimal sum, int64_t count) const;

  std::vector<plan::Aggregate> aggregates_;
  std::vector<Slot> slots_;
  int width_ = 0;
};

}  // namespace weir::taskmanager
