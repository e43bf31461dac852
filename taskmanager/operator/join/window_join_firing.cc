#include "taskmanager/operator/join/window_join_firing.h"

#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {
/// Rows that a step looks at, also when it emits few.
constexpr int64_t kWorkPerStep = 16 * batch::Batch::kMaxRows;
}  // namespace

void WindowJoinFiring::Open(job::JoinType type, batch::KeyGroupRange range, RowLog* log, JoinOutput* output,
                            const RowCodec* left_codec, const RowCodec* right_codec) {
  range_ = range;
  log_ = log;
  output_ = output;
  codecs_[0] = left_codec;
  codecs_[1] = right_codec;
  using job::JoinType;
  emit_pairs_ = type != JoinType::kSemi && type != JoinType::kAnti;
  emit_matched_left_ = type == JoinType::kSemi;
  emit_unmatched_[0] = type == JoinType::kLeft || type == JoinType::kFull || type == JoinType::kAnti;
  emit_unmatched_[1] = type == JoinType::kRight || type == JoinType::kFull;
}

void WindowJoinFiring::Begin(std::vector<NamespaceId> buckets, int64_t start, int64_t end, int64_t time) {
  active_ = true;
  buckets_ = std::move(buckets);
  end_ = end;
  time_ = time;
  output_->SetWindow(start, end);
  group_ = range_.begin;
  phase_ = Phase::kGroup;
}

absl::Status WindowJoinFiring::Step(Output& output) {
  for (work_ = 0; work_ < kWorkPerStep;) {
    switch (phase_) {
      case Phase::kGroup:
        if (group_ == range_.end) {
          active_ = false;
          built_.clear();
          page_.clear();
          return output_->Flush(output);
        }
        RETURN_IF_ERROR(BeginGroup());
        break;
      case Phase::kPage: RETURN_IF_ERROR(NextPage()); break;
      case Phase::kProbe: RETURN_IF_ERROR(ProbePage()); break;
      case Phase::kBuilt: EmitBuilt(); break;
    }
    if (output_->room() == 0) return output_->Flush(output);
  }
  return absl::OkStatus();
}

absl::Status WindowJoinFiring::BeginGroup() {
  size_t bytes[2] = {0, 0};
  for (const NamespaceId bucket : buckets_) {
    for (int side = 0; side < 2; ++side) bytes[side] += log_->Bytes(bucket, side, group_);
  }
  // Where only rows with a partner count, a side without rows decides.
  const bool nothing = (bytes[0] == 0 && !emit_unmatched_[1]) || (bytes[1] == 0 && !emit_unmatched_[0]);
  ++work_;
  if (nothing) {
    ++group_;
    return absl::OkStatus();
  }
  build_side_ = bytes[0] < bytes[1] ? 0 : 1;
  built_.clear();
  for (const NamespaceId bucket : buckets_) {
    const uint32_t pieces = log_->Pieces(bucket, build_side_, group_);
    for (uint32_t p = 0; p < pieces; ++p) RETURN_IF_ERROR(log_->Read(bucket, build_side_, group_, p, &built_));
  }
  RETURN_IF_ERROR(table_.Build(built_, *codecs_[build_side_]));
  work_ += table_.size();
  bucket_ = 0;
  piece_ = 0;
  phase_ = Phase::kPage;
  return absl::OkStatus();
}

absl::Status WindowJoinFiring::NextPage() {
  const int side = 1 - build_side_;
  while (bucket_ < buckets_.size() && piece_ >= log_->Pieces(buckets_[bucket_], side, group_)) {
    ++bucket_;
    piece_ = 0;
  }
  if (bucket_ == buckets_.size()) {
    built_row_ = 0;
    phase_ = Phase::kBuilt;
    return absl::OkStatus();
  }
  page_.clear();
  RETURN_IF_ERROR(log_->Read(buckets_[bucket_], side, group_, piece_++, &page_));
  left_of_page_ = page_;
  phase_ = Phase::kProbe;
  return absl::OkStatus();
}

void WindowJoinFiring::Put(const char* built, const char* probing) {
  pairs_.left.push_back(build_side_ == 0 ? built : probing);
  pairs_.right.push_back(build_side_ == 0 ? probing : built);
}

void WindowJoinFiring::AppendPairs() {
  output_->Append(*codecs_[0], pairs_.left.data(), *codecs_[1], pairs_.right.data(),
                  static_cast<int64_t>(pairs_.left.size()), nullptr, time_);
  pairs_.left.clear();
  pairs_.right.clear();
}

absl::Status WindowJoinFiring::ProbePage() {
  const int side = 1 - build_side_;
  const bool semi_probe = side == 0 && emit_matched_left_;
  for (;;) {
    // The matches of a row that a full batch has interrupted, or of the row just found.
    for (; match_ != MatchTable::kNone && !Full(); match_ = table_.Next(match_)) {
      Put(table_.row(match_), probing_.row.data());
      ++work_;
    }
    if (Full()) break;
    if (left_of_page_.empty()) {
      phase_ = Phase::kPage;
      break;
    }
    if (!JoinRecord::Read(left_of_page_, &probing_) ||
        !codecs_[side]->Check(probing_.row.data(), probing_.row.size())) {
      return absl::DataLossError("state of the join holds what is not a row of this job");
    }
    left_of_page_.remove_prefix(probing_.size);
    ++work_;
    const uint32_t first = table_.Find(probing_.key, probing_.tag);
    if (first == MatchTable::kNone) {
      if (emit_unmatched_[side]) Put(nullptr, probing_.row.data());
      continue;
    }
    table_.MarkMatched(first);
    if (emit_pairs_) {
      match_ = first;
    } else if (semi_probe) {
      Put(nullptr, probing_.row.data());
    }
  }
  AppendPairs();
  return absl::OkStatus();
}

void WindowJoinFiring::EmitBuilt() {
  const bool matched = build_side_ == 0 && emit_matched_left_;
  const bool unmatched = emit_unmatched_[build_side_];
  if (matched || unmatched) {
    for (; built_row_ < table_.size() && !Full(); ++built_row_) {
      ++work_;
      if (table_.IsMatched(built_row_) ? matched : unmatched) Put(table_.row(built_row_), nullptr);
    }
    AppendPairs();
    if (built_row_ < table_.size()) return;
  }
  ++group_;
  phase_ = Phase::kGroup;
}

}  // namespace weir::taskmanager
