#include "taskmanager/operator/window/local_aggregate_operator.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// Partials held back; more, and all leave: the table stays in the processor's cache.
constexpr int64_t kMaxEntries = 32 * 1024;
/// Rows over which it is judged whether aggregating pays, and rows sent as they are before it is tried again.
constexpr int64_t kSampleRows = 100'000;
constexpr int64_t kPassRows = 2'000'000;

}  // namespace

absl::Status LocalAggregateOperator::Open(const OperatorContext& context) {
  context_ = context;
  accumulators_ = std::make_unique<Accumulators>(context.plan->window->aggregates);
  for (const plan::NamedExpression& key : context.plan->window->keys) key_types_.push_back(key.expression.type());
  rows_.Open(context);
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

void LocalAggregateOperator::Add(Slice& slice, const std::vector<uint32_t>& rows) {
  const auto count = static_cast<int64_t>(rows.size());
  slots_.resize(rows.size());
  targets_.resize(rows.size());
  slice.table.FindOrInsert(rows_.keys(), rows.data(), count, slots_.data());
  for (size_t i = 0; i < rows.size(); ++i) targets_[i] = slice.table.row(slots_[i]);
  for (int a = 0; a < accumulators_->size(); ++a) {
    accumulators_->AddRows(a, rows_.argument(a), rows_.filter(a), rows.data(), count, targets_.data(), &slice.arena);
  }
}

void LocalAggregateOperator::Judge(int64_t rows_in) {
  sample_rows_ += rows_in;
  if (passing_) {
    if (sample_rows_ >= kPassRows) passing_ = false, sample_rows_ = 0, sample_partials_ = 0;
  } else if (sample_rows_ >= kSampleRows) {
    // What is still held would leave as partials too.
    passing_ = (sample_partials_ + entries_) * 2 > sample_rows_;
    sample_rows_ = 0;
    sample_partials_ = 0;
  }
}

absl::Status LocalAggregateOperator::Process(batch::Batch batch, Output& output) {
  RETURN_IF_ERROR(rows_.Load(batch, output));
  for (size_t s = 0; s < rows_.slice_count(); ++s) {
    const WindowRows::SliceRows& part = rows_.slices()[s];
    if (passing_ || part.slice_end <= watermark_) {
      RETURN_IF_ERROR(EmitRows(part.slice_end, part.rows, output));
      continue;
    }
    Slice& slice = slices_.try_emplace(part.slice_end, accumulators_->width()).first->second;
    const int64_t before = slice.table.size();
    Add(slice, part.rows);
    entries_ += slice.table.size() - before;
  }
  Judge(batch.rows);
  if (entries_ > kMaxEntries || passing_) {
    for (auto& [end, slice] : slices_) RETURN_IF_ERROR(EmitSlice(end, slice, output));
    slices_.clear();
    entries_ = 0;
  }
  return absl::OkStatus();
}

absl::Status LocalAggregateOperator::EmitPage(int64_t slice_end, const std::vector<std::string_view>& keys,
                                              const std::vector<const std::byte*>& rows,
                                              const batch::StringArena& arena, Output& output) {
  batch::Batch out;
  out.schema = context_.plan->output;
  out.rows = static_cast<int64_t>(keys.size());
  ASSIGN_OR_RETURN(out.columns, batch::DecodeKeys(key_types_, keys));
  out.columns.push_back(
      batch::Column::Constant(out.schema->fields[out.columns.size()].type, out.rows, slice_end));
  for (int a = 0; a < accumulators_->size(); ++a) {
    for (batch::Column& column : accumulators_->PartialColumns(a, rows.data(), out.rows, arena)) {
      out.columns.push_back(std::move(column));
    }
  }
  return output.Emit(kMainPort, std::move(out));
}

absl::Status LocalAggregateOperator::EmitSlice(int64_t slice_end, Slice& slice, Output& output) {
  const int64_t total = slice.table.size();
  sample_partials_ += total;
  for (int64_t from = 0; from < total; from += batch::Batch::kMaxRows) {
    const int64_t to = std::min(total, from + batch::Batch::kMaxRows);
    std::vector<std::string_view> keys;
    std::vector<const std::byte*> rows;
    for (int64_t e = from; e < to; ++e) {
      keys.push_back(slice.table.key(static_cast<uint32_t>(e)));
      rows.push_back(slice.table.row(static_cast<uint32_t>(e)));
    }
    RETURN_IF_ERROR(EmitPage(slice_end, keys, rows, slice.arena, output));
  }
  return absl::OkStatus();
}

absl::Status LocalAggregateOperator::EmitRows(int64_t slice_end, const std::vector<uint32_t>& rows, Output& output) {
  const auto width = static_cast<size_t>((accumulators_->width() + 7) / 8 * 8);
  scratch_.assign(rows.size() * width, std::byte{0});
  batch::StringArena arena;
  targets_.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) targets_[i] = scratch_.data() + i * width;
  for (int a = 0; a < accumulators_->size(); ++a) {
    accumulators_->AddRows(a, rows_.argument(a), rows_.filter(a), rows.data(), static_cast<int64_t>(rows.size()),
                           targets_.data(), &arena);
  }
  batch::Batch out;
  out.schema = context_.plan->output;
  out.rows = static_cast<int64_t>(rows.size());
  for (const batch::Column& key : rows_.key_columns()) out.columns.push_back(key.Gather(rows.data(), out.rows));
  out.columns.push_back(
      batch::Column::Constant(out.schema->fields[out.columns.size()].type, out.rows, slice_end));
  for (int a = 0; a < accumulators_->size(); ++a) {
    for (batch::Column& column : accumulators_->PartialColumns(a, targets_.data(), out.rows, arena)) {
      out.columns.push_back(std::move(column));
    }
  }
  return output.Emit(kMainPort, std::move(out));
}

absl::StatusOr<Progress> LocalAggregateOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  watermark_ = std::max(watermark_, watermark);
  if (!slices_.empty() && slices_.begin()->first <= watermark_) {
    auto first = slices_.begin();
    entries_ -= first->second.table.size();
    RETURN_IF_ERROR(EmitSlice(first->first, first->second, output));
    slices_.erase(first);
    return Progress::kMore;
  }
  return Progress::kDone;
}

absl::StatusOr<Progress> LocalAggregateOperator::Drain(Output& output) {
  if (slices_.empty()) return Progress::kDone;
  auto first = slices_.begin();
  entries_ -= first->second.table.size();
  RETURN_IF_ERROR(EmitSlice(first->first, first->second, output));
  slices_.erase(first);
  return Progress::kMore;
}

}  // namespace weir::taskmanager
