#include "taskmanager/connector/kafka/source/kafka_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

/// Of a value that is too long to be read, `.errors` gets the beginning.
constexpr size_t kShownOfLongValue = size_t{64} << 10;
/// Checkpoints under way whose offsets are remembered for the group.
constexpr size_t kMostSnapshots = 32;
/// Rounds of events without rows before the task looks at its mail.
constexpr int kMostRounds = 8;

}  // namespace

KafkaReader::KafkaReader(const SourceContext& context, Parts parts)
    : context_(context),
      on_error_(context.node->format.on_error),
      out_of_range_earliest_(parts.out_of_range_earliest),
      decoder_(std::move(parts.decoder)),
      consumer_(std::move(parts.consumer)),
      monitor_(std::move(parts.monitor)) {
  if (on_error_ == job::OnError::kRoute) {
    errors_ = std::make_unique<RowBuilder>(context.errors_schema, std::vector<bool>{}, std::vector<bool>{});
  }
}

KafkaReader::~KafkaReader() {
  if (consumed_ != nullptr) consumer_->Release();
}

void KafkaReader::OnSplits(const std::vector<checkpoint::SourceSplits::Split>& all) {
  all_.clear();
  for (const checkpoint::SourceSplits::Split& split : all) {
    auto decoded = DecodeSplit(split.payload);
    if (!decoded.ok()) {
      all_status_ = decoded.status();
      return;
    }
    all_.push_back(*std::move(decoded));
  }
}

absl::Status KafkaReader::AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                                   const std::string& position) {
  Progress progress;
  ASSIGN_OR_RETURN(progress.split, DecodeSplit(split.payload));
  progress.offset = progress.split.start;
  if (!position.empty()) {
    ASSIGN_OR_RETURN(progress.offset, DecodePosition(position, progress.split));
  }
  ++open_;
  if (HasReachedStop(progress)) End(index, progress);
  splits_[index] = std::move(progress);
  return absl::OkStatus();
}

void KafkaReader::End(int32_t index, Progress& progress) {
  if (progress.ended) return;
  progress.ended = true;
  to_end_.insert(index);
  if (started_) consumer_->Stop(index);
}

std::string KafkaReader::Position(int32_t index) const {
  const auto it = splits_.find(index);
  if (it == splits_.end() || it->second.offset == it->second.split.start) return "";
  return EncodePosition(it->second.offset);
}

std::map<int32_t, RecordConsumer::Start> KafkaReader::Starts() const {
  std::map<int32_t, RecordConsumer::Start> starts;
  for (const auto& [index, progress] : splits_) {
    if (!progress.ended) starts[index] = {progress.split, progress.offset};
  }
  return starts;
}

absl::Status KafkaReader::Start() {
  RETURN_IF_ERROR(all_status_);
  started_ = true;
  const std::map<int32_t, RecordConsumer::Start> starts = Starts();
  if (starts.empty()) return absl::OkStatus();
  std::vector<KafkaSplit> mine;
  for (const auto& [index, start] : starts) mine.push_back(start.split);
  RETURN_IF_ERROR(consumer_->Assign(starts));
  monitor_->Start(std::move(mine), all_);
  return absl::OkStatus();
}

absl::StatusOr<ReadResult> KafkaReader::Read(int64_t max_rows) {
  ReadResult result;
  if (!started_) RETURN_IF_ERROR(Start());
  for (int round = 0;; ++round) {
    if (!to_end_.empty()) {
      result.kind = ReadResult::Kind::kBatch;
      result.batch = EmptyBatch(context_.schema);
      result.split = *to_end_.begin();
      result.split_ended = true;
      to_end_.erase(to_end_.begin());
      --open_;
      return result;
    }
    if (open_ == 0) {
      if (consumed_ != nullptr) consumer_->Release();
      consumed_ = nullptr;
      result.kind = ReadResult::Kind::kEnded;
      return result;
    }
    RETURN_IF_ERROR(monitor_->status());
    if (!monitor_->verified()) return result;
    if (consumed_ == nullptr) {
      if (round == kMostRounds) {
        result.retry_at = context_.clock->Steady();
        return result;
      }
      consumed_ = &consumer_->Consume(batch::Batch::kMaxRows);
      next_ = 0;
      if (consumed_->empty()) {
        consumed_ = nullptr;
        consumer_->RefreshWatermarks();
        return result;
      }
    }
    bool made = false;
    while (!made && next_ < consumed_->size()) {
      ASSIGN_OR_RETURN(made, TakeNext(max_rows, &result));
    }
    if (next_ == consumed_->size()) {
      consumer_->Release();
      consumed_ = nullptr;
    }
    if (made) return result;
  }
}

absl::StatusOr<bool> KafkaReader::TakeNext(int64_t max_rows, ReadResult* result) {
  const Consumed& event = (*consumed_)[next_];
  if (event.kind == Consumed::Kind::kError) return event.error;
  const auto it = splits_.find(event.split);
  if (it == splits_.end() || it->second.ended) {
    ++next_;
    return false;
  }
  Progress& progress = it->second;
  switch (event.kind) {
    case Consumed::Kind::kRecord:
      // Read before everything was assigned again.
      if (event.offset < progress.offset) break;
      if (progress.split.stop != KafkaSplit::kNoStop && event.offset >= progress.split.stop) {
        progress.offset = progress.split.stop;
        End(it->first, progress);
        break;
      }
      RETURN_IF_ERROR(TakeRecords(it->first, progress, max_rows, result));
      return true;
    case Consumed::Kind::kEnd:
      progress.offset = std::max(progress.offset, event.offset);
      if (HasReachedStop(progress)) {
        progress.offset = progress.split.stop;
        End(it->first, progress);
      }
      break;
    case Consumed::Kind::kOutOfRange:
      RETURN_IF_ERROR(OnOutOfRange(it->first, progress, std::max(event.offset, progress.offset)));
      break;
    case Consumed::Kind::kMissing:
      monitor_->Confirm();
      break;
    case Consumed::Kind::kError:
      break;
  }
  ++next_;
  return false;
}

absl::Status KafkaReader::TakeRecords(int32_t index, Progress& progress, int64_t max_rows, ReadResult* result) {
  const std::vector<Consumed>& all = *consumed_;
  const int64_t stop = progress.split.stop == KafkaSplit::kNoStop ? INT64_MAX : progress.split.stop;
  values_.clear();
  int64_t before = progress.offset - 1;
  for (size_t i = next_; i < all.size() && static_cast<int64_t>(values_.size()) < max_rows; ++i) {
    const Consumed& record = all[i];
    if (record.kind != Consumed::Kind::kRecord || record.split != index) break;
    if (record.offset <= before || record.offset >= stop) break;
    before = record.offset;
    values_.push_back({record.data, record.size});
  }
  ValueDecoder::Result decoded = decoder_->Decode(values_.data(), static_cast<int64_t>(values_.size()));
  if (!decoded.bad.empty()) RETURN_IF_ERROR(TakeBad(progress, decoded.bad, result));
  next_ += static_cast<size_t>(decoded.taken);
  progress.offset = all[next_ - 1].offset + 1;
  result->kind = ReadResult::Kind::kBatch;
  result->split = index;
  result->batch = std::move(decoded.batch);
  result->bytes = decoded.bytes;
  if (HasReachedStop(progress)) {
    End(index, progress);
    to_end_.erase(index);
    --open_;
    result->split_ended = true;
  }
  return absl::OkStatus();
}

absl::Status KafkaReader::TakeBad(const Progress& progress, const std::vector<ValueDecoder::Bad>& bad,
                                  ReadResult* result) {
  if (on_error_ == job::OnError::kSkip) {
    result->skipped_rows += static_cast<int64_t>(bad.size());
    return absl::OkStatus();
  }
  if (errors_ != nullptr) errors_->Start(static_cast<int64_t>(bad.size()));
  for (const ValueDecoder::Bad& row : bad) {
    const Consumed& record = (*consumed_)[next_ + static_cast<size_t>(row.index)];
    const std::string origin = Origin(progress.split, record.offset);
    if (on_error_ == job::OnError::kFail) return absl::InvalidArgumentError(absl::StrCat(origin, ": ", row.message));
    const size_t shown = record.size > Decoder::kMaxRowBytes ? kShownOfLongValue : record.size;
    errors_->BeginRow();
    errors_->SetTextCopy(0, record.data == nullptr ? std::string_view() : std::string_view(record.data, shown));
    errors_->SetTextCopy(1, row.message);
    errors_->SetTextCopy(2, origin);
    errors_->EndRow(nullptr);
  }
  result->errors = errors_->Finish(nullptr);
  return absl::OkStatus();
}

absl::Status KafkaReader::OnOutOfRange(int32_t index, Progress& progress, int64_t asked) {
  const std::string where = absl::StrCat("topic ", progress.split.topic, " [", progress.split.partition, "]");
  ASSIGN_OR_RETURN(const RecordConsumer::Range range, consumer_->QueryRange(index));
  const std::string has = absl::StrCat("it has ", range.low, " to ", range.high, " (exclusive)");
  if (asked >= range.low && asked <= range.high) {
    return absl::UnavailableError(absl::StrCat(where, ": offset ", asked, " was refused, but ", has));
  }
  if (asked > range.high || !out_of_range_earliest_) {
    return absl::FailedPreconditionError(absl::StrCat(
        "SOURCE_OFFSET_OUT_OF_RANGE: ", where, ": offset ", asked, " is to be read next, but ", has,
        asked < range.low ? ": the records between were deleted before they were read (retention?); "
                            "`on_out_of_range: earliest` would go on without them"
                          : ": the log was cut (an unclean leader election, or another topic of that name)"));
  }
  log::Warning(absl::StrCat(context_.node->name, ": ", where, ": offsets ", asked, " to ", range.low,
                            " (exclusive) are not there any more: going on at ", range.low,
                            " (on_out_of_range: earliest)"));
  progress.offset = range.low;
  if (HasReachedStop(progress)) {
    progress.offset = progress.split.stop;
    End(index, progress);
    return absl::OkStatus();
  }
  // Records of other partitions that come again are behind their positions.
  return consumer_->Assign(Starts());
}

void KafkaReader::OnSnapshot(CheckpointId checkpoint) {
  if (started_) consumer_->RefreshWatermarks();
  std::map<int32_t, int64_t>& offsets = snapshots_[checkpoint];
  for (const auto& [index, progress] : splits_) offsets[index] = progress.offset;
  if (snapshots_.size() > kMostSnapshots) snapshots_.erase(snapshots_.begin());
}

void KafkaReader::OnCheckpointComplete(CheckpointId checkpoint) {
  const auto it = snapshots_.find(checkpoint);
  if (it != snapshots_.end() && started_ && it->second != committed_) {
    committed_ = it->second;
    consumer_->CommitOffsets(committed_);
  }
  snapshots_.erase(snapshots_.begin(), snapshots_.upper_bound(checkpoint));
}

int64_t KafkaReader::Lag() const {
  int64_t lag = 0;
  bool known = splits_.empty();
  for (const auto& [index, progress] : splits_) {
    known |= progress.ended;
    if (progress.ended || !started_) continue;
    int64_t high = consumer_->HighWatermark(index);
    if (high < 0) continue;
    known = true;
    if (progress.split.stop != KafkaSplit::kNoStop) high = std::min(high, progress.split.stop);
    lag += std::max<int64_t>(high - progress.offset, 0);
  }
  return known ? lag : -1;
}

}  // namespace weir::taskmanager::kafka
