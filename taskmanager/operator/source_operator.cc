#include "taskmanager/operator/source_operator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// With a rate, rows come in portions of this time: small enough to look even, large enough to be batches.
constexpr double kPortionSeconds = 0.005;

std::optional<int64_t> IdleAfter(const SourceOperator::Options& options) {
  const auto& event_time = options.node->event_time;
  if (!event_time || options.plan->bounded) return std::nullopt;
  return event_time->idle_after;
}

}  // namespace

SourceOperator::SourceOperator(Options options, std::unique_ptr<SourceReader> reader)
    : options_(options), reader_(std::move(reader)),
      watermarks_(options.node->event_time ? options.node->event_time->max_delay : 0, IdleAfter(options)) {
  if (options_.node->event_time) {
    time_column_ = options_.plan->output->IndexOf(options_.node->event_time->field.text);
  }
  refilled_at_ = options_.clock->Steady();
}

absl::Status SourceOperator::Assign(const std::vector<checkpoint::SourceSplits::Split>& splits,
                                    const std::map<int32_t, checkpoint::SplitState>& restored) {
  const SteadyMicros now = options_.clock->Steady();
  reader_->OnSplits(splits);
  for (int32_t i = options_.subtask; i < static_cast<int32_t>(splits.size()); i += options_.parallelism) {
    if (splits_.contains(i)) continue;
    checkpoint::SplitState state;
    if (auto it = restored.find(i); it != restored.end()) state = it->second;
    splits_[i] = state.ended;
    watermarks_.AddSplit(i, splits[i].group, state.ended, state.watermark, now);
    if (state.ended) {
      ended_before_[i] = state;
    } else {
      RETURN_IF_ERROR(reader_->AddSplit(i, splits[i], state.position));
    }
  }
  return absl::OkStatus();
}

int64_t SourceOperator::Allowance(SteadyMicros now, SteadyMicros* retry_at) {
  if (!options_.node->rate) return batch::Batch::kMaxRows;
  const double per_second = static_cast<double>(*options_.node->rate) / options_.parallelism;
  const double portion = std::clamp(per_second * kPortionSeconds, 1.0, double{batch::Batch::kMaxRows});
  // What was not read while the output was blocked is caught up for at most 100 ms: a rate is an upper bound.
  tokens_ = std::min(tokens_ + per_second * static_cast<double>(now - refilled_at_) / 1e6,
                     std::max(portion, per_second * 0.1));
  refilled_at_ = now;
  if (tokens_ < portion) {
    *retry_at = now + static_cast<SteadyMicros>((portion - tokens_) / per_second * 1e6) + 1;
    return 0;
  }
  return std::min<int64_t>(static_cast<int64_t>(tokens_), batch::Batch::kMaxRows);
}

absl::Status SourceOperator::SetEventTimes(batch::Batch* batch, int32_t split) {
  if (time_column_ < 0 || batch->rows == 0) return absl::OkStatus();
  const batch::Column column = batch->columns[time_column_].Flatten();
  if (column.validity() != nullptr) {
    for (int64_t i = 0; i < batch->rows; ++i) {
      if (column.IsNull(i)) {
        return absl::InvalidArgumentError(absl::StrCat(
            options_.node->name, ": event_time.field `", options_.node->event_time->field.text,
            "` is NULL in row ", batch::RowToString(*batch, i)));
      }
    }
  }
  batch->event_times = column.values();
  const int64_t* times = batch->times();
  watermarks_.OnRows(split, *std::max_element(times, times + batch->rows), options_.clock->Steady());
  return absl::OkStatus();
}

absl::StatusOr<SourceOperator::PollResult> SourceOperator::Poll(Output& output) {
  PollResult result;
  if (ended_) {
    result.kind = PollResult::Kind::kEnded;
    return result;
  }
  const SteadyMicros now = options_.clock->Steady();
  const auto idle_at = watermarks_.NextChange(now);
  const int64_t allowed = Allowance(now, &result.retry_at);
  if (allowed == 0) {
    if (idle_at && *idle_at < result.retry_at) result.retry_at = *idle_at;
    return result;
  }
  ASSIGN_OR_RETURN(ReadResult read, reader_->Read(WEIR_BUGGIFY("small_read") ? 1 : allowed));
  switch (read.kind) {
    case ReadResult::Kind::kIdle: {
      result.retry_at = read.retry_at;
      if (idle_at && (result.retry_at == 0 || *idle_at < result.retry_at)) result.retry_at = *idle_at;
      return result;
    }
    case ReadResult::Kind::kEnded:
      ended_ = true;
      result.kind = PollResult::Kind::kEnded;
      return result;
    case ReadResult::Kind::kBatch:
      break;
  }
  result.kind = PollResult::Kind::kRows;
  OperatorCounters& counters = *options_.counters;
  counters.rows_in += read.batch.rows + read.errors.rows + read.skipped_rows;
  counters.bytes_in += read.bytes;
  counters.skipped_rows += read.skipped_rows;
  counters.error_rows += read.errors.rows;
  tokens_ -= static_cast<double>(read.batch.rows + read.errors.rows + read.skipped_rows);
  RETURN_IF_ERROR(SetEventTimes(&read.batch, read.split));
  if (read.split_ended) {
    splits_[read.split] = true;
    watermarks_.OnSplitEnded(read.split);
  }
  if (read.batch.rows > 0) RETURN_IF_ERROR(output.Emit(kMainPort, std::move(read.batch)));
  if (read.errors.rows > 0) RETURN_IF_ERROR(output.Emit(kErrorsPort, std::move(read.errors)));
  return result;
}

int64_t SourceOperator::Watermark() {
  if (ended_) return batch::kMaxTimestamp;
  // Without event times there is only the end.
  if (time_column_ < 0) return batch::kMinTimestamp;
  const int64_t current = watermarks_.Current(options_.clock->Steady());
  // The end is said by ended(): rows of the last batch may still be on their way through Poll.
  return current == batch::kMaxTimestamp ? batch::kMinTimestamp : current;
}

checkpoint::OperatorSnapshot SourceOperator::Snapshot(CheckpointId checkpoint) {
  reader_->OnSnapshot(checkpoint);
  checkpoint::OperatorSnapshot snapshot;
  snapshot.node = options_.plan->name;
  for (const auto& [index, ended] : splits_) {
    if (auto it = ended_before_.find(index); it != ended_before_.end()) {
      snapshot.splits.push_back(it->second);
      continue;
    }
    checkpoint::SplitState state;
    state.split = index;
    state.ended = ended;
    state.watermark = watermarks_.OfSplit(index);
    if (!ended) state.position = reader_->Position(index);
    // A split that was not touched needs no entry: it starts at its beginning.
    if (ended || !state.position.empty()) snapshot.splits.push_back(std::move(state));
  }
  return snapshot;
}

}  // namespace weir::taskmanager
