#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/operator/join/join_output.h"
#include "taskmanager/operator/join/match_table.h"
#include "taskmanager/operator/join/row_log.h"

namespace weir::taskmanager {

/// Joins the rows of one window, key group by key group, in steps that each emit at most one batch.
///
/// Thread:    the task's thread. The log must not change between Begin and the last Step.
/// Shape:     the side with fewer bytes in a key group is built into a table, the other's pages go past it.
/// Why:       a key group's table mostly fits a cache, which a table over the whole window does not.
class WindowJoinFiring {
 public:
  void Open(job::JoinType type, batch::KeyGroupRange range, RowLog* log, JoinOutput* output,
            const RowCodec* left_codec, const RowCodec* right_codec);

  /// `buckets`: what the window consists of. `time`: event time of the results.
  void Begin(std::vector<NamespaceId> buckets, int64_t start, int64_t end, int64_t time);
  bool active() const { return active_; }
  int64_t window_end() const { return end_; }
  absl::Status Step(Output& output);

 private:
  enum class Phase { kGroup, kPage, kProbe, kBuilt };
  /// Rows of both sides that wait to be appended to the output; null: a side of NULLs.
  struct Pairs {
    std::vector<const char*> left, right;
  };
  absl::Status BeginGroup();
  /// Reads the next page of the probing side; none left: on to kBuilt.
  absl::Status NextPage();
  absl::Status ProbePage();
  void EmitBuilt();
  void Put(const char* built, const char* probing);
  void AppendPairs();
  bool Full() const { return static_cast<int64_t>(pairs_.left.size()) + output_->rows() >= batch::Batch::kMaxRows; }

  RowLog* log_ = nullptr;
  JoinOutput* output_ = nullptr;
  const RowCodec* codecs_[2] = {nullptr, nullptr};
  batch::KeyGroupRange range_;
  bool emit_pairs_ = false;
  bool emit_matched_left_ = false;         // semi
  bool emit_unmatched_[2] = {false, false};

  bool active_ = false;
  std::vector<NamespaceId> buckets_;
  int64_t end_ = 0, time_ = 0;
  Phase phase_ = Phase::kGroup;
  int group_ = 0;
  int build_side_ = 1;
  MatchTable table_;
  std::string built_, page_;
  size_t bucket_ = 0;       // of the next page
  uint32_t piece_ = 0;
  std::string_view left_of_page_;
  JoinRecord probing_;      // whose matches are being emitted
  uint32_t match_ = MatchTable::kNone;
  uint32_t built_row_ = 0;  // next of kBuilt
  int64_t work_ = 0;        // rows of this step
  Pairs pairs_;
};

}  // namespace weir::taskmanager
