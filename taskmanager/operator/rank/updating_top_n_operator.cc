#include "taskmanager/operator/rank/updating_top_n_operator.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "taskmanager/operator/basic/late_rows.h"
#include "taskmanager/operator/rank/top_n_operator.h"

namespace weir::taskmanager {

absl::Status UpdatingTopNOperator::Open(const OperatorContext& context) {
  context_ = context;
  spec_ = &*context.plan->top_n;
  with_times_ = context.plan->input_has_times;
  input_.Open(context, spec_->keys, spec_->order);
  table_.Open(*spec_, *context.plan->input, context.plan->columns, with_times_);
  rank_output_.Open(context, table_.row_types(), with_times_);
  const TableSpec spec = {"ranked", RankedTable::kWidth, true};
  ASSIGN_OR_RETURN(KeyedTable * table, context.state->OpenTable(spec));
  entries_.Open(table, spec_->ttl, spec);
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

void UpdatingTopNOperator::Collect(const RankedRows& before, const RankedRows& after) {
  int64_t rank = 0;
  for (size_t i = 0; i < after.rows().size(); ++i) {
    rank = RankOf(after, i, rank, spec_->ties);
    const bool had = i < before.rows().size();
    if (had && before.rows()[i].bytes == after.rows()[i].bytes) continue;
    rank_output_.Add(after.rows()[i].row(), rank, had ? batch::RowKind::kUpdateAfter : batch::RowKind::kInsert);
  }
}

absl::Status UpdatingTopNOperator::Process(batch::Batch batch, Output& output) {
  RETURN_IF_ERROR(input_.Load(batch, output));
  table_.Load(input_, batch);
  const int64_t* times = batch.times();
  std::vector<uint32_t> late;
  std::vector<uint32_t> kept;
  const std::vector<uint32_t>* rows = &input_.rows();
  if (spec_->ttl > 0) {
    for (const uint32_t row : *rows) (entries_.IsExpired(times[row], watermark_) ? late : kept).push_back(row);
    rows = &kept;
    RETURN_IF_ERROR(EmitLateRows(context_, batch, late, output));
  }
  const RankedTable::Changed changed = [this](const RankedRows& before, const RankedRows& after) {
    Collect(before, after);
  };
  const auto visit = [&](ExpiringEntries::Part& part) {
    for (size_t i = 0; spec_->ttl > 0 && i < part.rows.size(); ++i) {
      auto* head = reinterpret_cast<RankedTable::Head*>(part.table->value(part.slots[i]));
      head->last_time = std::max(head->last_time, times[part.rows[i]]);
    }
    return table_.Add(*part.table, part.rows, part.slots, changed);
  };
  RETURN_IF_ERROR(
      Annotate(entries_.ForEach(input_.keys(), times, *rows, watermark_, visit), context_.plan->name));
  RankOutput::Shape shape;
  shape.rank = !spec_->rank.empty();
  shape.kinds = true;
  return rank_output_.Flush(shape, output);
}

absl::StatusOr<Progress> UpdatingTopNOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  watermark_ = std::max(watermark_, watermark);
  entries_.Expire(watermark_);
  return Progress::kDone;
}

}  // namespace weir::taskmanager
