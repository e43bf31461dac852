#include "taskmanager/operator/join/interval_join_operator.h"

#include <algorithm>
#include <limits>
#include <map>

#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// Buckets that lie in one interval: few for who only drops them, more where rows leave at their end.
constexpr int64_t kBuckets = 2;
constexpr int64_t kBucketsOfLeftJoin = 16;
constexpr int64_t kMilli = 1000;

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return b > 0 ? std::numeric_limits<int64_t>::max()
                                                       : std::numeric_limits<int64_t>::min();
  return sum;
}

absl::Status Damaged() { return absl::DataLossError("state of the join holds what is not a row of this job"); }

}  // namespace

absl::Status IntervalJoinOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::JoinSpec& join = *context.plan->join;
  left_join_ = join.type == job::JoinType::kLeft;
  sides_[0].keys.Open(context, join.left_keys);
  sides_[1].keys.Open(context, join.right_keys);
  sides_[0].before = sides_[1].after = join.before;
  sides_[0].after = sides_[1].before = join.after;
  joined_.Open(context, join.fields, {join.joined, join.left_columns, join.right_columns, false});
  sides_[0].codec = joined_.codec(0, *join.left);
  sides_[1].codec = joined_.codec(1, *join.right);
  const int64_t interval = SaturatingAdd(join.before, join.after);
  auto width = [&](int64_t buckets) { return std::max(kMilli, interval / buckets); };
  RETURN_IF_ERROR(sides_[0].rows.Open(*context.state, "left", width(left_join_ ? kBucketsOfLeftJoin : kBuckets)));
  RETURN_IF_ERROR(sides_[1].rows.Open(*context.state, "right", width(kBuckets)));
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

absl::Status IntervalJoinOperator::ProcessSide(int side_index, batch::Batch batch, Output& output) {
  Side& side = sides_[static_cast<size_t>(side_index)];
  Side& other = sides_[static_cast<size_t>(1 - side_index)];
  RETURN_IF_ERROR(side.keys.Load(batch, output));
  side.codec.Bind(batch);
  const int64_t* times = batch.times();
  rows_.clear();
  times_.clear();
  record_bytes_.clear();
  place_.resize(static_cast<size_t>(batch.rows));
  for (const uint32_t row : side.keys.rows()) {
    if (times[row] < watermark_) {
      ++context_.counters->late_rows;
      continue;
    }
    // A NULL matches nothing: only a left join has a use for such a row.
    if (side.keys.IsNull(row) && !(left_join_ && side_index == 0)) continue;
    place_[row] = static_cast<uint32_t>(rows_.size());
    rows_.push_back(row);
    times_.push_back(times[row]);
    side.codec.Write(row, WaitingRow::Append(&record_bytes_, times[row], false, side.codec.size(row)));
  }
  if (rows_.empty()) return absl::OkStatus();
  records_.clear();
  for (std::string_view left(record_bytes_); !left.empty();) {
    WaitingRow waiting;
    if (!WaitingRow::Read(left, &waiting)) return Damaged();
    records_.push_back(left.substr(0, waiting.size));
    left.remove_prefix(waiting.size);
  }
  const auto [least, most] = std::minmax_element(times_.begin(), times_.end());
  for (const NamespaceId bucket : other.rows.Buckets()) {
    // The bucket's times are [bucket - width, bucket - 1].
    if (SaturatingAdd(*least, -side.before) >= bucket) continue;
    if (SaturatingAdd(*most, side.after) < bucket - other.rows.width()) break;
    probing_.clear();
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (SaturatingAdd(times_[i], -side.before) < bucket &&
          SaturatingAdd(times_[i], side.after) >= bucket - other.rows.width() && !side.keys.IsNull(rows_[i])) {
        probing_.push_back(rows_[i]);
      }
    }
    if (probing_.empty()) continue;
    RETURN_IF_ERROR(other.rows.Probe(bucket, side.keys.keys(), probing_, [&](uint32_t row, std::string* text) {
      return Match(side_index, row, times_[place_[row]], text, output);
    }));
  }
  RETURN_IF_ERROR(joined_.Flush(output));
  return Store(side_index);
}

absl::StatusOr<bool> IntervalJoinOperator::Match(int side_index, uint32_t row, int64_t time, std::string* text,
                                                 Output& output) {
  const Side& side = sides_[static_cast<size_t>(side_index)];
  const RowCodec& other_codec = sides_[static_cast<size_t>(1 - side_index)].codec;
  const int64_t from = SaturatingAdd(time, -side.before);
  const int64_t to = SaturatingAdd(time, side.after);
  char* const mine = const_cast<char*>(records_[place_[row]].data());
  bool changed = false;
  for (size_t at = 0; at < text->size();) {
    WaitingRow waiting;
    if (!WaitingRow::Read(std::string_view(*text).substr(at), &waiting) ||
        !other_codec.Check(waiting.row.data(), waiting.row.size())) {
      return Damaged();
    }
    if (waiting.time >= from && waiting.time <= to) {
      if (left_join_ && side_index == 0) mine[WaitingRow::kMatched] = 1;
      if (left_join_ && side_index == 1 && !waiting.matched) {
        (*text)[at + WaitingRow::kMatched] = 1;
        changed = true;
      }
      const char* own = mine + WaitingRow::kHeader;
      left_.push_back(side_index == 0 ? own : waiting.row.data());
      right_.push_back(side_index == 0 ? waiting.row.data() : own);
      pair_times_.push_back(std::max(time, waiting.time));
      if (static_cast<int64_t>(left_.size()) == joined_.room()) RETURN_IF_ERROR(AppendPairs(output));
    }
    at += waiting.size;
  }
  // The text goes away now.
  RETURN_IF_ERROR(AppendPairs(output));
  return changed;
}

absl::Status IntervalJoinOperator::AppendPairs(Output& output) {
  joined_.Append(sides_[0].codec, left_.data(), sides_[1].codec, right_.data(), static_cast<int64_t>(left_.size()),
                 pair_times_.data(), 0);
  left_.clear();
  right_.clear();
  pair_times_.clear();
  return joined_.room() == 0 ? joined_.Flush(output) : absl::OkStatus();
}

absl::Status IntervalJoinOperator::Store(int side_index) {
  Side& side = sides_[static_cast<size_t>(side_index)];
  std::map<NamespaceId, std::pair<std::vector<uint32_t>, std::vector<std::string_view>>> buckets;
  decltype(buckets)::mapped_type* current = nullptr;
  NamespaceId current_id = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const NamespaceId bucket = side.rows.BucketOf(times_[i]);
    if (current == nullptr || bucket != current_id) {
      current = &buckets[bucket];
      current_id = bucket;
    }
    current->first.push_back(rows_[i]);
    current->second.push_back(records_[i]);
  }
  for (const auto& [bucket, part] : buckets) {
    RETURN_IF_ERROR(side.rows.Append(bucket, side.keys.keys(), part.first, part.second));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IntervalJoinOperator::EmitUnmatched(Output& output) {
  const NamespaceId bucket = to_close_.back();
  NamespaceTable::Page page;
  RETURN_IF_ERROR(sides_[0].rows.Scan(bucket, &cursor_, &page));
  const int64_t time = SaturatingAdd(bucket - 1, sides_[0].after);
  for (std::string_view text : page.texts) {
    while (!text.empty()) {
      WaitingRow waiting;
      if (!WaitingRow::Read(text, &waiting) || !sides_[0].codec.Check(waiting.row.data(), waiting.row.size())) {
        return Damaged();
      }
      text.remove_prefix(waiting.size);
      if (waiting.matched) continue;
      left_.push_back(waiting.row.data());
      right_.push_back(nullptr);
      pair_times_.push_back(time);
      if (static_cast<int64_t>(left_.size()) == joined_.room()) RETURN_IF_ERROR(AppendPairs(output));
    }
  }
  RETURN_IF_ERROR(AppendPairs(output));
  return !page.last;
}

absl::StatusOr<Progress> IntervalJoinOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  if (watermark <= watermark_) return Progress::kDone;
  SideRows& left = sides_[0].rows;
  if (!closing_) {
    // A left row is of use while right rows up to time + after may come; all of a bucket's, that is.
    for (const NamespaceId bucket : left.Buckets()) {
      if (SaturatingAdd(bucket, sides_[0].after) > watermark) break;
      to_close_.push_back(bucket);
    }
    std::reverse(to_close_.begin(), to_close_.end());
    cursor_ = 0;
    closing_ = true;
  }
  if (!to_close_.empty()) {
    if (left_join_) {
      ASSIGN_OR_RETURN(const bool more, EmitUnmatched(output));
      if (more) return Progress::kMore;
      RETURN_IF_ERROR(joined_.Flush(output));
    }
    left.Drop(to_close_.back());
    to_close_.pop_back();
    cursor_ = 0;
    return Progress::kMore;
  }
  SideRows& right = sides_[1].rows;
  for (const NamespaceId bucket : right.Buckets()) {
    if (SaturatingAdd(bucket, sides_[1].after) > watermark) break;
    right.Drop(bucket);
  }
  closing_ = false;
  watermark_ = watermark;
  return Progress::kDone;
}

}  // namespace weir::taskmanager
