#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taskmanager/operator/basic/filter_operator.h"
#include "taskmanager/operator/basic/select_operator.h"
#include "taskmanager/operator/window/local_aggregate_operator.h"
#include "taskmanager/operator/window/window_aggregate_operator.h"
#include "tests/support/job_plan.h"
#include "tests/support/temporary_folder.h"

namespace weir::taskmanager {

#define REQUIRE_STATUS(expression)        \
  do {                                    \
    const absl::Status s_ = (expression); \
    INFO(s_.ToString());                  \
    REQUIRE(s_.ok());                     \
  } while (false)

struct ManualClock final : Clock {
  SteadyMicros now = 1'000'000;
  SteadyMicros Steady() const override { return now; }
  WallMicros Wall() const override { return now; }
};

/// Keeps what is emitted, by port.
struct Collector final : Output {
  std::map<int, std::vector<batch::Batch>> batches;
  absl::Status Emit(int port, batch::Batch batch) override {
    REQUIRE(batch.rows > 0);
    REQUIRE(batch.rows <= batch::Batch::kMaxRows);
    REQUIRE(static_cast<int>(batch.columns.size()) == batch.schema->size());
    batches[port].push_back(std::move(batch));
    return absl::OkStatus();
  }
  /// All rows of a port as text, values divided by `|`; emptied.
  std::vector<std::string> Take(int port) {
    std::vector<std::string> rows;
    for (const batch::Batch& batch : batches[port]) {
      for (int64_t i = 0; i < batch.rows; ++i) {
        std::string row;
        for (const batch::Column& column : batch.columns) {
          row += (row.empty() ? "" : "|") + batch::ValueToString(column, i);
        }
        rows.push_back(std::move(row));
      }
    }
    batches[port].clear();
    return rows;
  }
};

/// Fills columns of a batch by name and kind; NULL is an absent value.
class BatchOf {
 public:
  explicit BatchOf(batch::SchemaPtr schema, int64_t rows) {
    batch_.schema = std::move(schema);
    batch_.rows = rows;
    batch_.columns.resize(static_cast<size_t>(batch_.schema->size()));
  }
  /// `T` as the column's type stores it. Does nothing when the plan does not read the column.
  template <typename T>
  void Set(const std::string& name, const std::function<std::optional<T>(int64_t)>& value) {
    const int c = batch_.schema->IndexOf(name);
    if (c < 0) return;
    const batch::DataType type = batch_.schema->fields[c].type;
    batch::Column column = batch::Column::Allocate(type, batch_.rows);
    batch::StringArena arena;
    for (int64_t i = 0; i < batch_.rows; ++i) {
      const std::optional<T> v = value(i);
      if (!v) column.EnsureValidity()[i] = 0;
      if constexpr (std::is_same_v<T, std::string>) {
        column.mutable_data<batch::StringRef>()[i] =
            batch::StringRef(v ? arena.Copy(*v) : std::string_view());
      } else {
        const T filled = v.value_or(T{});
        std::memcpy(column.mutable_data<char>() + i * static_cast<int64_t>(sizeof(T)), &filled,
                    sizeof(T));
      }
    }
    column.AddHeaps(arena.buffers());
    // One row may as well come as a constant, as sources make them.
    if (batch_.rows == 1) {
      column =
          batch::Column(type, 1, column.values(), column.validity_buffer(), column.heaps(), true);
    }
    batch_.columns[c] = std::move(column);
  }
  void SetTimes(const std::function<int64_t(int64_t)>& time) {
    batch_.event_times = batch::Buffer::Allocate(static_cast<size_t>(batch_.rows) * 8);
    for (int64_t i = 0; i < batch_.rows; ++i)
      reinterpret_cast<int64_t*>(batch_.event_times->data())[i] = time(i);
  }
  batch::Batch Finish() { return std::move(batch_); }

 private:
  batch::Batch batch_;
};

inline const plan::PlanOperator& OperatorOf(const plan::ExecutionPlan& plan,
                                            plan::OperatorKind kind) {
  for (const plan::Task& task : plan.tasks) {
    for (const plan::PlanOperator& op : task.operators) {
      if (op.kind == kind) return op;
    }
  }
  FAIL("the plan has no " << plan::ToString(kind));
  std::abort();
}

inline OperatorPtr MakeOperator(plan::OperatorKind kind) {
  switch (kind) {
    case plan::OperatorKind::kFilter:
      return std::make_unique<FilterOperator>();
    case plan::OperatorKind::kSelect:
      return std::make_unique<SelectOperator>();
    case plan::OperatorKind::kUnion:
      return std::make_unique<UnionOperator>();
    case plan::OperatorKind::kLocalAggregate:
      return std::make_unique<LocalAggregateOperator>();
    case plan::OperatorKind::kWindowAggregate:
      return std::make_unique<WindowAggregateOperator>();
    default:
      return nullptr;
  }
}

}  // namespace weir::taskmanager
