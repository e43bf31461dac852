#include "tests/simulation/oracle/history.h"

#include "catch2/catch.hpp"

namespace weir::sim {
namespace {

using jobmanager::JobState;

const JobId kJob{"a"}, kNext{"b"};

Journal::Record RecordOf(int64_t at, int64_t attempt, int64_t last_id, int64_t epoch = 1) {
  Journal::Record record;
  record.proposed_at = at;
  record.accepted_at = at + 5;
  record.job = kJob;
  record.epoch = LeaderEpoch(epoch);
  record.attempt = Attempt(attempt);
  record.last_id = CheckpointId(last_id);
  record.manifest = "m" + std::to_string(last_id);
  record.state = JobState::kRunning;
  return record;
}

TEST_CASE("records that only grow are right") {
  CHECK(CheckRecords({RecordOf(10, 1, 0), RecordOf(20, 1, 1), RecordOf(30, 2, 1), RecordOf(40, 2, 7, 2)}).empty());
}

TEST_CASE("a record that goes back is found") {
  CHECK(CheckRecords({RecordOf(10, 1, 5), RecordOf(20, 1, 4)}).size() == 1);
  CHECK(CheckRecords({RecordOf(10, 2, 5), RecordOf(20, 1, 5)}).size() == 1);
  CHECK(CheckRecords({RecordOf(10, 1, 5, 2), RecordOf(20, 1, 5, 1)}).size() == 1);
  CHECK(CheckRecords({RecordOf(10, 1, 5), RecordOf(20, 1, 6), RecordOf(30, 1, 5)})[0].oracle == "O5");
}

TEST_CASE("records that overlap in time have no order of their own") {
  CHECK(CheckRecords({RecordOf(10, 2, 5, 2), RecordOf(12, 1, 5, 1)}).empty());
}

TEST_CASE("one checkpoint id is one manifest") {
  auto other = RecordOf(20, 1, 5);
  other.manifest = "another";
  CHECK(CheckRecords({RecordOf(10, 1, 5), other}).size() == 1);
}

TEST_CASE("an ended job does not come back") {
  auto ended = RecordOf(10, 3, 5);
  ended.state = JobState::kStopped;
  CHECK(CheckRecords({ended, RecordOf(20, 3, 5)}).size() == 1);
  auto again = ended;
  again.proposed_at = 20, again.accepted_at = 25;
  CHECK(CheckRecords({ended, again}).empty());
}

TEST_CASE("`latest` means the same in every attempt") {
  Journal journal;
  journal.opened = {{1, kJob, Attempt(1), 0, 100, 100}, {2, kJob, Attempt(2), 0, 100, 130}};
  CHECK(CheckSources(journal).empty());
  journal.opened.push_back({3, kJob, Attempt(3), 0, 120, 130});
  REQUIRE(CheckSources(journal).size() == 1);
  CHECK(CheckSources(journal)[0].oracle == "O5");
}

TEST_CASE("an attempt has one reader of a split") {
  Journal journal;
  journal.opened = {{1, kJob, Attempt(1), 0, 100, 100}, {1, kJob, Attempt(1), 1, 100, 100}};
  CHECK(CheckSources(journal).empty());
  journal.opened.push_back({2, kJob, Attempt(1), 0, 100, 100});
  REQUIRE(CheckSources(journal).size() == 1);
  CHECK(CheckSources(journal)[0].oracle == "O6");
}

TEST_CASE("a checkpoint id is taken once") {
  Journal journal;
  journal.snapshots[{kJob, 0}][CheckpointId(3)] = {{Attempt(1), 10, false}};
  CHECK(CheckSources(journal).empty());
  journal.snapshots[{kJob, 0}][CheckpointId(3)].push_back({Attempt(2), 12, false});
  CHECK(CheckSources(journal).size() == 1);
}

TEST_CASE("what must be committed goes from the first start to the last checkpoint") {
  Journal journal;
  journal.opened = {{1, kJob, Attempt(1), 0, 100, 100},
                    {1, kJob, Attempt(1), 1, 50, 50},
                    {5, kNext, Attempt(1), 0, 100, 140},
                    {5, kNext, Attempt(1), 1, 50, 60}};
  journal.snapshots[{kJob, 0}][CheckpointId(3)] = {{Attempt(1), 140, false}};
  journal.snapshots[{kJob, 1}][CheckpointId(3)] = {{Attempt(1), 60, false}};
  journal.snapshots[{kNext, 0}][CheckpointId(2)] = {{Attempt(1), 200, true}};
  journal.snapshots[{kNext, 1}][CheckpointId(2)] = {{Attempt(1), 80, false}};
  journal.snapshots[{kNext, 1}][CheckpointId(9)] = {{Attempt(1), 90, false}};
  const Leg first{kJob, JobState::kStopped, "", CheckpointId(3)}, second{kNext, JobState::kStopped, "", CheckpointId(9)};
  Ranges expected;
  CHECK(CheckLegs(journal, {first, second}, &expected).empty());
  // Split 0 had ended at checkpoint 2 of the second job and was not asked any more.
  CHECK(expected == Ranges{{0, {100, 200}}, {1, {50, 90}}});

  expected.clear();
  CHECK(CheckLegs(journal, {first}, &expected).empty());
  CHECK(expected == Ranges{{0, {100, 140}}, {1, {50, 60}}});

  expected.clear();
  journal.opened[2].position = 139;
  CHECK(CheckLegs(journal, {first, second}, &expected).size() == 1);

  expected.clear();
  Leg unheard = first;
  unheard.last_checkpoint = CheckpointId(4);
  CHECK(CheckLegs(journal, {unheard}, &expected).size() == 2);
}

TEST_CASE("a job without a checkpoint has nothing to commit") {
  Journal journal;
  journal.opened = {{1, kJob, Attempt(1), 0, 100, 100}};
  Ranges expected;
  CHECK(CheckLegs(journal, {{kJob, JobState::kCancelled, "", CheckpointId(0)}}, &expected).empty());
  CHECK(expected == Ranges{{0, {100, 100}}});
}

TEST_CASE("nothing is visible before its checkpoint is recorded") {
  Journal journal;
  journal.proposed = {RecordOf(10, 1, 3), RecordOf(30, 1, 5)};
  journal.commits = {{11, kJob, CheckpointId(3), "t1"}, {31, kJob, CheckpointId(4), "t2"}};
  CHECK(CheckCommits(journal).empty());
  journal.commits.push_back({29, kJob, CheckpointId(4), "t3"});
  CHECK(CheckCommits(journal).size() == 1);
  journal.commits = {{40, kJob, CheckpointId(6), "t4"}};
  CHECK(CheckCommits(journal).size() == 1);
  journal.commits = {{40, kNext, CheckpointId(1), "t5"}};
  CHECK(CheckCommits(journal).size() == 1);
}

}  // namespace
}  // namespace weir::sim
