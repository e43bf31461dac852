#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/operator/rank/rank_input.h"
#include "taskmanager/operator/rank/ranked_rows.h"

namespace weir::taskmanager {

/// Puts rows into the groups of one namespace of state, of which each holds its first rows.
///
/// Thread:  the task's thread; one object is reused for all batches.
/// Shape:   an entry's value is `Head`, its text RankedRows. A row's bytes are its order's, then the canonical bytes of its
///          first `columns` columns, and of its event time `with_times`.
/// Why:     most rows cannot come in any more: of them only the head is looked at. The rest is merged a group at a time,
///          once a batch.
class RankedTable {
 public:
  /// All zero: new.
  struct Head {
    int64_t last_time;   // the greatest event time seen; only where groups expire
    uint64_t threshold;  // the last row's order, first bytes; means something when full
    uint64_t full;
  };
  static constexpr int32_t kWidth = sizeof(Head);

  /// `input`: the schema of the batches.
  void Open(const plan::TopNSpec& spec, const batch::Schema& input, int columns, bool with_times);

  /// What became of a group: its rows before and after. Views hold during the call.
  using Changed = std::function<void(const RankedRows& before, const RankedRows& after)>;
  /// To be called first with a batch, which must outlive the calls of Add: makes the order's first bytes.
  void Load(const RankInput& input, const batch::Batch& batch);
  /// Puts rows `rows[i]` into the entries `slots[i]` of `table`, which has just found them. `changed` may be null.
  absl::Status Add(NamespaceTable& table, const std::vector<uint32_t>& rows, const std::vector<uint32_t>& slots,
                   const Changed& changed);

  /// Types of the canonical bytes of a row: its columns, and the event time.
  const std::vector<batch::DataType>& row_types() const { return row_types_; }

 private:
  struct Candidate {
    uint32_t slot;
    uint32_t row;
    uint64_t prefix;
  };
  /// Leaves those of a group that are among its first by what can be told from the order's first bytes.
  void PruneGroups();
  void MakeRowBytes();
  absl::Status MergeGroup(NamespaceTable& table, size_t from, size_t to, const Changed& changed);

  int64_t limit_ = 1;
  bool ties_ = false;
  int columns_ = 0;
  bool with_times_ = false;
  std::optional<OrderBytes> order_bytes_;
  std::vector<batch::DataType> row_types_;
  const RankInput* input_ = nullptr;
  const batch::Batch* batch_ = nullptr;
  // Scratch.
  std::vector<uint64_t> prefixes_;
  std::vector<Candidate> candidates_;
  std::vector<std::byte*> heads_;
  std::vector<uint32_t> picked_;
  batch::KeyBatch row_bytes_;  // of `candidates_`
  std::vector<int> all_columns_;
  std::vector<size_t> ends_;
  std::string bytes_, text_;
};

}  // namespace weir::taskmanager
