#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::taskmanager {

/// A row that is or may be among the first of its group: the bytes of its order, then its canonical bytes. Together they
/// are a total order.
struct RankedRow {
  std::string_view bytes;
  uint32_t order_size = 0;

  std::string_view order() const { return bytes.substr(0, order_size); }
  std::string_view row() const { return bytes.substr(order_size); }
};

/// The first rows of one group, in order, as they lie in state.
///
/// Thread:  a value; rows point into the bytes it was parsed from or was given.
/// Shape:   bytes: count (u32), then per row the size of its order, of all its bytes (u32 each), and the bytes.
class RankedRows {
 public:
  /// At most `limit` rows; with `ties` also those equal to the last one by order.
  RankedRows(int64_t limit, bool ties) : limit_(limit), ties_(ties) {}

  /// False when the bytes are not such rows. No bytes: no rows.
  bool Parse(std::string_view bytes);
  /// Takes in `candidates`, in any order; rows that are not among the first any more are gone. Their bytes must outlive
  /// this. Returns whether anything changed.
  bool Merge(std::vector<RankedRow> candidates);
  void Serialize(std::string* out) const;

  const std::vector<RankedRow>& rows() const { return rows_; }
  /// No row can come in whose order is greater than that of the last one.
  bool full() const { return static_cast<int64_t>(rows_.size()) >= limit_; }

 private:
  int64_t limit_;
  bool ties_;
  std::vector<RankedRow> rows_;
};

}  // namespace weir::taskmanager
