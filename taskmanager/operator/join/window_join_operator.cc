#include "taskmanager/operator/join/window_join_operator.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {
/// Results carry the last instant of their window as event time, in the milliseconds users think in.
constexpr int64_t kMilli = 1000;
}  // namespace

absl::Status WindowJoinOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::JoinSpec& join = *context.plan->join;
  math_ = {join.size, join.slide, join.slice, 0};
  using job::JoinType;
  sides_[0].keys.Open(context, join.left_keys);
  sides_[1].keys.Open(context, join.right_keys);
  sides_[0].keeps_null_keys =
      join.type == JoinType::kLeft || join.type == JoinType::kFull || join.type == JoinType::kAnti;
  sides_[1].keeps_null_keys = join.type == JoinType::kRight || join.type == JoinType::kFull;
  sides_[1].keys_only = join.type == JoinType::kSemi || join.type == JoinType::kAnti;
  const int right = sides_[1].keys_only ? 0 : join.right_columns;
  joined_.Open(context, join.fields, {join.joined, join.left_columns, right, true});
  sides_[0].codec = joined_.codec(0, *join.left);
  sides_[1].codec = joined_.codec(1, *join.right);
  range_ = batch::RangeOf(context.subtask.index, context.parallelism, context.max_parallelism);
  RETURN_IF_ERROR(log_.Open(*context.state, range_, context.max_parallelism));
  firing_.Open(join.type, range_, &log_, &joined_, &sides_[0].codec, &sides_[1].codec);
  watermark_ = context.restored_watermark;
  for (const NamespaceId slice : log_.Buckets()) Touch(slice);
  return absl::OkStatus();
}

void WindowJoinOperator::Touch(int64_t slice_end) {
  int64_t first = math_.FirstWindowEnd(slice_end);
  if (first <= watermark_) first = math_.NextWindowEnd(watermark_);
  if (first <= math_.LastWindowEnd(slice_end)) next_fire_ = std::min(next_fire_, first);
}

absl::Status WindowJoinOperator::ProcessSide(int side_index, batch::Batch batch, Output& output) {
  Side& side = sides_[static_cast<size_t>(side_index)];
  RETURN_IF_ERROR(side.keys.Load(batch, output));
  side.codec.Bind(batch);
  const batch::KeyBatch& keys = side.keys.keys();
  const int64_t* times = batch.times();
  int64_t slice_end = 0;
  enum class Fate { kUnknown, kLate, kNoWindow, kTake } fate = Fate::kUnknown;
  for (const uint32_t row : side.keys.rows()) {
    const int64_t t = times[row];
    if (fate == Fate::kUnknown || t >= slice_end || t < slice_end - math_.slice) {
      slice_end = math_.SliceEndOf(t);
      fate = math_.InNoWindow(slice_end)              ? Fate::kNoWindow
             : math_.IsClosed(slice_end, watermark_) ? Fate::kLate
                                                     : Fate::kTake;
      if (fate == Fate::kTake) Touch(slice_end);
    }
    if (fate == Fate::kLate) ++context_.counters->late_rows;
    if (fate != Fate::kTake) continue;
    const bool null = side.keys.IsNull(row);
    if (null && !side.keeps_null_keys) continue;
    const uint64_t hash = keys.hashes[row];
    const int group = batch::KeyGroupOf(hash, context_.max_parallelism);
    if (!range_.Contains(group)) {
      return absl::InternalError(absl::StrCat(context_.plan->name, ": a row of key group ", group,
                                              " has come to a subtask that does not own it"));
    }
    // What a NULL matches is nothing, so its key is not kept.
    const std::string_view key = null ? std::string_view() : keys.key(row);
    if (side.keys_only && recent_.Seen(slice_end, key, hash)) continue;
    const size_t size = JoinRecord::SizeOf(key.size(), side.codec.size(row));
    ASSIGN_OR_RETURN(char* to, log_.Append(slice_end, side_index, group, size));
    side.codec.Write(row, JoinRecord::Write(to, size, static_cast<uint32_t>(hash >> 32), key));
  }
  return absl::OkStatus();
}

void WindowJoinOperator::PlanFiring(int64_t watermark) {
  std::set<int64_t> ends;
  for (const NamespaceId slice : log_.Buckets()) {
    const int64_t last = std::min(math_.LastWindowEnd(slice), watermark);
    for (int64_t end = math_.FirstWindowEnd(slice); end <= last; end += math_.slide) {
      if (end > watermark_) ends.insert(end);
    }
  }
  to_fire_.assign(ends.rbegin(), ends.rend());
}

void WindowJoinOperator::BeginWindow(int64_t end) {
  std::vector<NamespaceId> slices;
  for (const NamespaceId slice : log_.Buckets()) {
    if (slice > end - math_.size && slice <= end) slices.push_back(slice);
  }
  firing_.Begin(std::move(slices), end - math_.size, end, end - kMilli);
}

absl::StatusOr<Progress> WindowJoinOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  if (watermark <= watermark_) return Progress::kDone;
  if (!firing_planned_) {
    if (watermark < next_fire_) {
      watermark_ = watermark;
      return Progress::kDone;
    }
    PlanFiring(watermark);
    firing_planned_ = true;
  }
  if (firing_.active()) {
    RETURN_IF_ERROR(firing_.Step(output));
    if (firing_.active()) return Progress::kMore;
    for (const NamespaceId slice : log_.Buckets()) {
      if (math_.LastWindowEnd(slice) <= firing_.window_end()) log_.Drop(slice);
    }
  }
  if (!to_fire_.empty()) {
    BeginWindow(to_fire_.back());
    to_fire_.pop_back();
    return Progress::kMore;
  }
  firing_planned_ = false;
  watermark_ = watermark;
  next_fire_ = batch::kMaxTimestamp;
  for (const NamespaceId slice : log_.Buckets()) {
    if (math_.IsClosed(slice, watermark)) {
      log_.Drop(slice);
    } else {
      Touch(slice);
    }
  }
  return Progress::kDone;
}

absl::StatusOr<std::unique_ptr<AsyncSnapshot>> WindowJoinOperator::Snapshot(CheckpointId checkpoint) {
  RETURN_IF_ERROR(log_.Flush());
  return KeyedOperator::Snapshot(checkpoint);
}

}  // namespace weir::taskmanager
