#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/batch/key.h"
#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/operator.h"
#include "taskmanager/operator/rank/order_bytes.h"

namespace weir::taskmanager {

/// The rows of one batch, made ready for ranking: keys and values of `order_by`; rows in error put aside.
///
/// Thread:  the task's thread; one object is reused for all batches.
class RankInput {
 public:
  void Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& keys,
            const std::vector<plan::OrderKey>& order);

  /// Evaluates everything. Rows in error go the way of `on_error` and are not in `rows()`.
  absl::Status Load(const batch::Batch& batch, Output& output);

  bool keyed() const { return !key_evaluators_.empty(); }
  /// Of all rows of the batch.
  const batch::KeyBatch& keys() const { return keys_; }
  const std::vector<batch::Column>& order() const { return order_; }
  /// The rows that count, ascending.
  const std::vector<uint32_t>& rows() const { return rows_; }

 private:
  RowEvaluation evaluation_;
  std::vector<expression::Evaluator> key_evaluators_, order_evaluators_;
  std::vector<int> all_keys_;
  batch::Batch key_batch_;
  batch::KeyBatch keys_;
  std::vector<batch::Column> order_;
  std::vector<uint32_t> rows_;
};

/// `order_by` as OrderBytes takes it.
OrderBytes MakeOrderBytes(const std::vector<plan::OrderKey>& order);

/// Rows of one window of a batch.
struct RankWindow {
  int64_t end = 0;
  std::vector<uint32_t> rows;
};

/// Divides rows by the end of their window: by event time, or by a column that says it.
/// Thread: confined; one object is reused for all batches.
class RankWindows {
 public:
  void Open(const plan::TopNSpec& spec) { spec_ = &spec; }
  /// Windows in order of first occurrence; a window end that is NULL counts as the end of time's beginning: late.
  void Divide(const batch::Batch& batch, const std::vector<uint32_t>& rows);
  size_t size() const { return count_; }
  const RankWindow& operator[](size_t i) const { return windows_[i]; }

 private:
  RankWindow* At(int64_t end);

  const plan::TopNSpec* spec_ = nullptr;
  std::vector<RankWindow> windows_;
  size_t count_ = 0;
};

}  // namespace weir::taskmanager
