#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/operator/basic/late_rows.h"
#include "taskmanager/operator/rank/deduplicate_operator.h"

namespace weir::taskmanager {
namespace {

struct Entry {
  int64_t last_time;
  uint64_t tie;  // of the row of that time
};

}  // namespace

absl::Status DeduplicateLastOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::DeduplicateSpec& spec = *context.plan->deduplicate;
  input_.Open(context, spec.keys, {});
  const TableSpec table_spec = {"last", sizeof(Entry), false};
  ASSIGN_OR_RETURN(KeyedTable * table, context.state->OpenTable(table_spec));
  entries_.Open(table, spec.ttl, table_spec);
  columns_.resize(static_cast<size_t>(context.plan->columns));
  std::iota(columns_.begin(), columns_.end(), 0);
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

absl::Status DeduplicateLastOperator::Process(batch::Batch batch, Output& output) {
  RETURN_IF_ERROR(input_.Load(batch, output));
  const int64_t* times = batch.times();
  std::vector<uint32_t> late, kept;
  const std::vector<uint32_t>* rows = &input_.rows();
  if (context_.plan->deduplicate->ttl > 0) {
    for (const uint32_t row : *rows) (entries_.IsExpired(times[row], watermark_) ? late : kept).push_back(row);
    rows = &kept;
    RETURN_IF_ERROR(EmitLateRows(context_, batch, late, output));
  }
  batch::MakeKeys(batch, columns_, &row_bytes_);
  better_.clear();
  kinds_.clear();
  const auto visit = [&](ExpiringEntries::Part& part) {
    for (size_t i = 0; i < part.rows.size(); ++i) {
      const uint32_t row = part.rows[i];
      auto* entry = reinterpret_cast<Entry*>(part.table->value(part.slots[i]));
      const RowOrder order{times[row], row_bytes_.hashes[row]};
      const bool made = part.made[i] != 0;
      if (!made && order <= RowOrder{entry->last_time, entry->tie}) continue;
      *entry = {order.time, order.tie};
      better_.push_back(row);
      kinds_.push_back(made ? batch::RowKind::kInsert : batch::RowKind::kUpdateAfter);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(entries_.ForEach(input_.keys(), times, *rows, watermark_, visit));
  if (better_.empty()) return absl::OkStatus();
  const auto count = static_cast<int64_t>(better_.size());
  batch.columns.resize(columns_.size());
  batch.schema = context_.plan->output;
  // All rows in their order, the usual case, are not copied.
  const bool all = count == batch.rows && std::is_sorted(better_.begin(), better_.end());
  batch::Batch out = all ? std::move(batch) : batch.Gather(better_.data(), count);
  out.row_kinds = batch::Buffer::Copy({reinterpret_cast<const char*>(kinds_.data()), kinds_.size()});
  return output.Emit(kMainPort, std::move(out));
}

absl::StatusOr<Progress> DeduplicateLastOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  watermark_ = std::max(watermark_, watermark);
  entries_.Expire(watermark_);
  return Progress::kDone;
}

}  // namespace weir::taskmanager
