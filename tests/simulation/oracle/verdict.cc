#include "tests/simulation/oracle/verdict.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulation/oracle/queries.h"
#include "tests/simulation/oracle/windows.h"

namespace weir::sim {
namespace {

void Append(Violations* all, Violations more) {
  all->insert(all->end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<std::string> RowsOf(Workload::Kind kind, const Ranges& records) {
  switch (kind) {
    case Workload::Kind::kSessions: return SessionsOf(records);
    case Workload::Kind::kTop: return TopOf(records);
    case Workload::Kind::kJoin: return JoinOf(records);
    case Workload::Kind::kFirsts: return FirstsOf(records);
    default: return WindowsOf(records);
  }
}

/// What one sink must show.
class SinkJudge {
 public:
  SinkJudge(const Outcome& outcome, const Ranges& expected) : outcome_(outcome), expected_(expected) {
    for (const Leg& leg : outcome.legs) {
      honest_loss_ |= leg.end == jobmanager::JobState::kFailed || leg.pending_handles;
    }
  }

  Violations Judge(const std::vector<std::string>& rows, const std::string& where) const {
    if (outcome_.workload->kind != Workload::Kind::kControl) {
      // Windows of a job that did not come to its end are not all fired.
      const bool whole = !outcome_.legs.empty() && outcome_.legs.back().end == jobmanager::JobState::kFinished;
      if (!whole || honest_loss_) return Duplicates(rows, where);
      return CheckSameRows(RowsOf(outcome_.workload->kind, expected_), rows, where);
    }
    std::vector<RecordId> output;
    for (const std::string& row : rows) {
      RecordId id;
      if (!ParseRecord(row, &id)) return {{"O1", absl::StrCat(where, ": no row of a source: ", row)}};
      output.push_back(id);
    }
    if (!honest_loss_) return CheckExact(expected_, std::move(output), where);
    Ranges all = expected_;
    for (auto& [split, range] : all) range.to = std::numeric_limits<int64_t>::max();
    return CheckNothingTwice(all, std::move(output), where);
  }

 private:
  static Violations Duplicates(std::vector<std::string> rows, const std::string& where) {
    std::sort(rows.begin(), rows.end());
    const auto twice = std::adjacent_find(rows.begin(), rows.end());
    if (twice == rows.end()) return {};
    return {{"O1", absl::StrCat(where, ": doubled: ", *twice)}};
  }

  const Outcome& outcome_;
  const Ranges& expected_;
  bool honest_loss_ = false;
};

}  // namespace

Violations Judge(const Outcome& outcome) {
  Violations all;
  Append(&all, CheckRecords(outcome.journal->records));
  Append(&all, CheckSources(*outcome.journal));
  Append(&all, CheckCommits(*outcome.journal));
  for (const Leg& leg : outcome.legs) {
    if (leg.end != jobmanager::JobState::kFailed) continue;
    if (std::any_of(outcome.may_fail_with.begin(), outcome.may_fail_with.end(),
                    [&](const std::string& name) { return absl::StrContains(leg.failure, name); })) {
      continue;
    }
    all.push_back({"O9", absl::StrCat("job ", leg.job.value, " FAILED: ", leg.failure)});
  }
  Ranges expected;
  Append(&all, CheckLegs(*outcome.journal, outcome.legs, &expected));
  if (outcome.client_done) {
    const SinkJudge judge(outcome, expected);
    if (outcome.workload->kafka) {
      std::vector<std::string> rows;
      for (const auto& [partition, in_order] : outcome.topic) rows.insert(rows.end(), in_order.begin(), in_order.end());
      Append(&all, judge.Judge(rows, "topic"));
    }
    if (outcome.workload->file) Append(&all, judge.Judge(outcome.files, "files"));
  }
  if (outcome.workload->kind == Workload::Kind::kControl) {
    for (const auto& [partition, rows] : outcome.topic) {
      std::vector<RecordId> ids(rows.size());
      for (size_t i = 0; i < rows.size(); ++i) ParseRecord(rows[i], &ids[i]);
      Append(&all, CheckOrder(ids, absl::StrCat("topic, partition ", partition)));
    }
  }
  if (!outcome.left.empty()) {
    all.push_back({"O8", absl::StrCat(outcome.left.size(), " things are left of the jobs: ", outcome.left.front())});
  }
  return all;
}

}  // namespace weir::sim
