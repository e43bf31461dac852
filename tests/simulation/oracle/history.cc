#include "tests/simulation/oracle/history.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace weir::sim {
namespace {

/// The greatest values of what was surely recorded before a moment.
struct Highest {
  int64_t epoch = -1, attempt = -1, last_id = -1;
  std::optional<jobmanager::JobState> ended;
  void Take(const Journal::Record& record) {
    epoch = std::max(epoch, record.epoch.value);
    attempt = std::max(attempt, record.attempt.value);
    last_id = std::max(last_id, record.last_id.value);
    if (jobmanager::IsEnded(record.state) && !ended) ended = record.state;
  }
};

std::string WentBack(const char* what, int64_t from, int64_t to, const Journal::Record& record) {
  return absl::StrCat("job ", record.job.value, ": ", what, " ", to, " was recorded after ", from, " (at ",
                      record.accepted_at, " us)");
}

Violations CheckJob(const std::vector<const Journal::Record*>& records) {
  std::map<int64_t, std::string> manifests;
  std::vector<Highest> highest(1);  // [i]: of the first i
  for (const Journal::Record* record : records) {
    highest.push_back(highest.back());
    highest.back().Take(*record);
  }
  for (const Journal::Record* record : records) {
    const auto answered = std::partition_point(records.begin(), records.end(), [&](const Journal::Record* other) {
      return other->accepted_at < record->proposed_at;
    });
    const Highest& before = highest[static_cast<size_t>(answered - records.begin())];
    std::string what;
    if (record->epoch.value < before.epoch) what = WentBack("epoch", before.epoch, record->epoch.value, *record);
    if (record->attempt.value < before.attempt)
      what = WentBack("attempt", before.attempt, record->attempt.value, *record);
    if (record->last_id.value < before.last_id)
      what = WentBack("checkpoint", before.last_id, record->last_id.value, *record);
    if (before.ended && record->state != *before.ended) {
      what = absl::StrCat("job ", record->job.value, " had ended as ", jobmanager::ToString(*before.ended),
                          " and was recorded as ", jobmanager::ToString(record->state));
    }
    const auto [manifest, first] = manifests.emplace(record->last_id.value, record->manifest);
    if (!first && manifest->second != record->manifest) {
      what = absl::StrCat("job ", record->job.value, ": checkpoint ", record->last_id.value, " is ", manifest->second,
                          " and ", record->manifest);
    }
    if (!what.empty()) return {{"O5", what}};
  }
  return {};
}

std::map<JobId, std::vector<const Journal::Record*>> ByJob(const std::vector<Journal::Record>& records) {
  std::map<JobId, std::vector<const Journal::Record*>> by_job;
  for (const Journal::Record& record : records) by_job[record.job].push_back(&record);
  return by_job;
}

/// Where the splits of a job stood at a checkpoint.
std::optional<int64_t> PositionAt(const Journal& journal, const JobId& job, int32_t split, CheckpointId checkpoint) {
  const auto known = journal.snapshots.find({job, split});
  if (known == journal.snapshots.end()) return std::nullopt;
  const auto exact = known->second.find(checkpoint);
  if (exact != known->second.end()) return exact->second.front().next;
  // A split that had ended in an earlier checkpoint is not opened any more.
  for (const auto& [id, snapshots] : known->second) {
    if (id < checkpoint && snapshots.front().ended) return snapshots.front().next;
  }
  return std::nullopt;
}

}  // namespace

Violations CheckRecords(const std::vector<Journal::Record>& records) {
  Violations found;
  for (const auto& [job, of_job] : ByJob(records)) {
    Violations more = CheckJob(of_job);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

Violations CheckSources(const Journal& journal) {
  Violations found;
  std::map<std::pair<JobId, int32_t>, int64_t> starts;
  std::set<std::tuple<JobId, Attempt, int32_t>> deployed;
  for (const Journal::Opened& opened : journal.opened) {
    const auto [it, first] = starts.emplace(std::pair(opened.job, opened.split), opened.start);
    if (!deployed.insert({opened.job, opened.attempt, opened.split}).second) {
      found.push_back({"O6", absl::StrCat("attempt ", opened.attempt.value, " of job ", opened.job.value,
                                          " was deployed twice: split ", opened.split, " has two readers")});
      break;
    }
    if (first || it->second == opened.start) continue;
    found.push_back({"O5", absl::StrCat("split ", opened.split, " of job ", opened.job.value, " begins at ",
                                        opened.start, " in attempt ", opened.attempt.value, ", it began at ",
                                        it->second)});
    break;
  }
  for (const auto& [split, by_id] : journal.snapshots) {
    for (const auto& [id, snapshots] : by_id) {
      if (snapshots.size() == 1) continue;
      found.push_back({"O5", absl::StrCat("checkpoint ", id.value, " of job ", split.first.value, " was taken ",
                                          snapshots.size(), " times of split ", split.second)});
      return found;
    }
  }
  return found;
}

Violations CheckLegs(const Journal& journal, const std::vector<Leg>& legs, Ranges* expected) {
  Violations found;
  bool first_leg = true;
  for (const Leg& leg : legs) {
    std::map<int32_t, int64_t> begins;
    for (const Journal::Opened& opened : journal.opened) {
      if (opened.job == leg.job) begins.emplace(opened.split, first_leg ? opened.start : opened.position);
    }
    if (begins.empty() && first_leg) continue;  // never began to read
    if (first_leg) {
      for (const auto& [split, begin] : begins) (*expected)[split] = {begin, begin};
      first_leg = false;
    }
    for (auto& [split, range] : *expected) {
      const auto begin = begins.find(split);
      if (begin != begins.end() && begin->second != range.to) {
        found.push_back({"O5", absl::StrCat("job ", leg.job.value, " goes on at ", begin->second, " of split ", split,
                                            ", the job before it ended at ", range.to)});
      }
      if (leg.last_checkpoint.value <= 0) continue;
      const auto position = PositionAt(journal, leg.job, split, leg.last_checkpoint);
      if (position) {
        range.to = *position;
      } else if (begin != begins.end()) {
        found.push_back({"O5", absl::StrCat("checkpoint ", leg.last_checkpoint.value, " of job ", leg.job.value,
                                            " is recorded, but split ", split, " was never asked for it")});
      }
    }
  }
  return found;
}

SteadyMicros LastAttemptBegan(const Journal& journal, const JobId& job) {
  SteadyMicros began = 0;
  Attempt last;
  for (const Journal::Record& record : journal.records) {
    if (record.job != job || record.attempt <= last) continue;
    last = record.attempt;
    began = record.proposed_at;
  }
  return began;
}

Violations CheckCommits(const Journal& journal) {
  std::map<std::pair<JobId, int64_t>, SteadyMicros> first;
  for (const Journal::Record& record : journal.proposed) {
    const auto [it, added] = first.emplace(std::pair(record.job, record.last_id.value), record.proposed_at);
    if (!added) it->second = std::min(it->second, record.proposed_at);
  }
  for (const Journal::Commit& commit : journal.commits) {
    // A handle may wait for a later checkpoint than the one it was sealed for.
    bool covered = false;
    for (auto it = first.lower_bound({commit.job, commit.checkpoint.value});
         it != first.end() && it->first.first == commit.job && !covered; ++it) {
      covered = it->second <= commit.at;
    }
    if (covered) continue;
    return {{"E2", absl::StrCat("transaction ", commit.id, " of checkpoint ", commit.checkpoint.value,
                                " became visible at ", commit.at, " us, before any checkpoint that covers it was put")}};
  }
  return {};
}

}  // namespace weir::sim
