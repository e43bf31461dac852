#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taskmanager/operator/join/field_projection.h"
#include "taskmanager/operator/join/join_keys.h"
#include "taskmanager/operator/join/lookup_index.h"

namespace weir::taskmanager {

/// Joins each row with the rows of a bounded table that have its key.
///
/// Thread:  the task's thread.
/// Shape:   the table is in memory, as a whole, in every subtask. A checkpoint keeps the digest of its content: a
///          restore that finds another one fails, unless the job says `on_change: reload`.
/// Errors:  kFailedPrecondition LOOKUP_TABLE_CHANGED.
class LookupJoinOperator final : public Operator {
 public:
  /// `table`: all rows, in the order of the plan's table schema. `digest` of what they were read from.
  LookupJoinOperator(batch::Batch table, std::string digest);

  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) override;

 private:
  /// Emits the pairs [from, to) of the matches.
  absl::Status EmitPairs(const batch::Batch& batch, size_t from, size_t to, bool whole, Output& output);
  batch::Column TableColumn(size_t c, size_t from, size_t to) const;

  OperatorContext context_;
  batch::Batch table_;
  std::string digest_;
  bool left_join_ = false;
  int input_columns_ = 0;
  JoinKeys keys_;
  LookupIndex index_;
  FieldProjection projection_;
  std::vector<batch::Column> unread_;  // by joined column: a NULL, for messages about rows
  std::vector<uint32_t> first_, input_rows_, table_rows_;  // kNone: a row of NULLs
  bool any_none_ = false;
};

}  // namespace weir::taskmanager
