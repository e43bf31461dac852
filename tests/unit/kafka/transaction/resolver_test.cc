#include "taskmanager/connector/kafka/transaction/resolver.h"

#include <catch2/catch.hpp>

#include "common/base/loss.h"
#include "common/base/status_macros.h"
#include "tests/unit/kafka/transaction/recovery_fixture.h"

namespace weir::taskmanager::kafka::testing {
namespace {

using Values = std::vector<std::string>;
using Catch::Matchers::Contains;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST_CASE("decided, nothing committed yet: recovery commits") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1"), Record("b", "2", 1)});
  CHECK(Visible(cluster).empty());
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1"});
  CHECK(Visible(cluster, 1) == Values{"2"});
  CHECK(recovery.counts.committed == 1);
  CHECK(recovery.ports.coordinator.fenced.empty());
}

TEST_CASE("no handles: no question is asked") {
  KafkaModel cluster;
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({}).ok());
  CHECK(recovery.process.calls == 0);
}

TEST_CASE("committed before, markers written or not, or the reply lost: it is found so") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")});
  Recovery recovery(&cluster);
  SECTION("markers written") {
    REQUIRE(cluster.EndTxn(handle.transactional_id, handle.identity, true) == kNone);
    cluster.Settle();
  }
  SECTION("markers not yet written") {
    REQUIRE(cluster.EndTxn(handle.transactional_id, handle.identity, true) == kNone);
  }
  SECTION("the reply is lost") { recovery.process.lose_replies = true; }
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1"});
  CHECK(recovery.ports.coordinator.fenced.empty());
}

TEST_CASE("one checkpoint restored twice: the second finds everything done") {
  KafkaModel cluster;
  const std::vector<KafkaHandle> handles = {Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")}),
                                            Prepare(cluster, Tid(1, 0, 1), 6, {Record("a", "2")}),
                                            Prepare(cluster, Tid(1, 1, 0), 6, {Record("z", "3", 1)})};
  for (int64_t attempt : {2, 3, 4}) {
    Recovery recovery(&cluster, attempt);
    REQUIRE(recovery.Resolve(handles).ok());
    CHECK(Visible(cluster) == Values{"1", "2"});
    CHECK(Visible(cluster, 1) == Values{"3"});
  }
}

TEST_CASE("the slot was used again: a greater marker proves the commit") {
  KafkaModel cluster;
  const KafkaHandle old = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")});
  REQUIRE(cluster.EndTxn(old.transactional_id, old.identity, true) == kNone);
  const KafkaHandle later = Prepare(cluster, Tid(1, 0, 0), 9, {Record("a", "2")});
  REQUIRE(cluster.EndTxn(later.transactional_id, later.identity, true) == kNone);
  cluster.Settle();
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({old}).ok());
  CHECK(Visible(cluster) == Values{"1", "2"});
  // Read before anything was fenced: the slot may hold a later prepared transaction.
  CHECK(recovery.ports.coordinator.fenced.empty());
}

TEST_CASE("the broker's timeout: repaired from the log, once") {
  KafkaModel cluster;
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 10; ++i) records.push_back(Record("k" + std::to_string(i % 3), std::to_string(i), i % 3));
  records[4].has_value = false;
  records[4].value.clear();
  records[5].headers = {{"h", "x"}};
  records[5].timestamp_ms = 12345;
  // Foreign records lie between them.
  const KafkaHandle other = Open(cluster, Tid(1, 7, 0), {Record("x", "open", 0), Record("x", "open", 1)});
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, records, 5'000);
  cluster.AdvanceMillis(20'000);
  cluster.EndTxn(other.transactional_id, other.identity, false);
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(recovery.counts.repaired == 1);
  CHECK(Visible(cluster, 0) == Values{"0", "3", "6", "9"});
  CHECK(Visible(cluster, 1) == Values{"1", "", "7"});
  CHECK(Visible(cluster, 2) == Values{"2", "5", "8"});
  const KafkaRecord copy = cluster.Committed(kTopic, 2)[1];
  CHECK(copy.headers == records[5].headers);
  CHECK(copy.timestamp_ms == 12345);
  CHECK_FALSE(cluster.Committed(kTopic, 1)[1].has_value);
  Recovery again(&cluster, 10);
  REQUIRE(again.Resolve({handle}).ok());
  CHECK(again.counts.repaired == 0);
  CHECK(Visible(cluster, 0).size() + Visible(cluster, 1).size() + Visible(cluster, 2).size() == 10);
  CHECK(cluster.Open().empty());
}

TEST_CASE("two lost in a row: both repaired, in checkpoint order") {
  KafkaModel cluster;
  const KafkaHandle first = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1"), Record("b", "1")}, 5'000);
  const KafkaHandle second = Prepare(cluster, Tid(1, 0, 1), 6, {Record("a", "2"), Record("b", "2")}, 5'000);
  cluster.AdvanceMillis(20'000);
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({second, first}).ok());  // in whatever order they are given
  CHECK(recovery.counts.repaired == 2);
  CHECK(Visible(cluster) == Values{"1", "1", "2", "2"});
}

TEST_CASE("one lost, a later one still prepared: that is aborted first, or it would overtake") {
  KafkaModel cluster;
  const KafkaHandle first = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "old")}, 5'000);
  const KafkaHandle second = Prepare(cluster, Tid(1, 0, 1), 6, {Record("a", "new")}, 600'000);
  const KafkaHandle elsewhere = Prepare(cluster, Tid(1, 1, 0), 6, {Record("z", "z", 1)}, 600'000);
  cluster.AdvanceMillis(20'000);
  Recovery recovery(&cluster);
  bool first_committed = false;
  recovery.process.on_call = [&](const std::string& call, bool after) {
    if (call != "RepairCommit" || !after || first_committed) return;
    first_committed = true;
    // Nobody can commit the later one as it was any more.
    CHECK(cluster.EndTxn(second.transactional_id, second.identity, true) == kProducerFenced);
  };
  REQUIRE(recovery.Resolve({first, second, elsewhere}).ok());
  CHECK(first_committed);
  CHECK(recovery.counts.repaired == 2);
  CHECK(recovery.counts.committed == 1);
  CHECK(Visible(cluster) == Values{"old", "new"});
  CHECK(Visible(cluster, 1) == Values{"z"});
}

TEST_CASE("the id expired at the broker: the marker tells") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")}, 5'000);
  Recovery recovery(&cluster);
  SECTION("committed before") {
    REQUIRE(cluster.EndTxn(handle.transactional_id, handle.identity, true) == kNone);
    cluster.Settle();
    cluster.ForgetId(handle.transactional_id);
    REQUIRE(recovery.Resolve({handle}).ok());
    CHECK(recovery.counts.committed == 1);
  }
  SECTION("aborted before") {
    cluster.AdvanceMillis(20'000);
    cluster.Settle();
    cluster.ForgetId(handle.transactional_id);
    REQUIRE(recovery.Resolve({handle}).ok());
    CHECK(recovery.counts.repaired == 1);
  }
  CHECK(Visible(cluster) == Values{"1"});
}

TEST_CASE("the producer id was rotated: the marker tells") {
  KafkaModel cluster;
  ProducerIdentity identity;
  const std::string tid = Tid(1, 0, 0);
  for (int i = 0; i < 32766; ++i) REQUIRE(cluster.InitProducerId(tid, 5'000, &identity) == kNone);
  KafkaHandle handle = Prepare(cluster, tid, 5, {Record("a", "1")}, 5'000);
  REQUIRE(handle.identity.epoch == 32766);
  cluster.AdvanceMillis(20'000);
  REQUIRE(cluster.EndTxn(tid, handle.identity, true) == kInvalidProducerIdMapping);
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1"});
}

TEST_CASE("nothing can be known any more: OUTCOME_UNKNOWN, and nothing is written") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")}, 5'000);
  REQUIRE(cluster.EndTxn(handle.transactional_id, handle.identity, true) == kNone);
  cluster.Settle();
  std::string why;
  SECTION("older than the broker keeps markers") {
    cluster.AdvanceMillis(int64_t{8} * 24 * 3600 * 1000);
    cluster.ForgetMarkers();
    cluster.ForgetId(handle.transactional_id);
    why = "192 hours ago";
  }
  SECTION("the topic was made again") {
    cluster.MakeTopicAgain(kTopic);
    cluster.ForgetId(handle.transactional_id);
    why = "was deleted and made again";
  }
  SECTION("the topic is gone") {
    cluster.DeleteTopic(kTopic);
    cluster.ForgetId(handle.transactional_id);
    why = "is not there any more";
  }
  SECTION("somebody else's offset is in the group") {
    cluster.PutMarker(handle.transactional_id, kTopic, 0, {CheckpointId{99}, "something"});
    cluster.ForgetId(handle.transactional_id);
    why = "not ours";
  }
  SECTION("the marker of another job is in the group") {
    cluster.PutMarker(handle.transactional_id, kTopic, 0,
                      {CheckpointId{99}, MarkerMetadata(kFormerJob, CheckpointId{99})});
    cluster.ForgetId(handle.transactional_id);
    why = "not ours";
  }
  const size_t before = Visible(cluster).size();
  Recovery recovery(&cluster);
  const absl::Status status = recovery.Resolve({handle});
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(LossOf(status) == Loss::kOutcome);
  CHECK_THAT(Message(status), Contains("OUTCOME_UNKNOWN") && Contains(why) && Contains(handle.transactional_id) &&
                                  Contains("checkpoint 5") && Contains(kTopic) && Contains("--unresolved"));
  CHECK(Visible(cluster).size() == before);
  Recovery skipping(&cluster, 10);
  REQUIRE(skipping.Resolve({handle}, UnresolvedPolicy::kSkip).ok());
  CHECK(skipping.counts.skipped == 1);
  CHECK(skipping.log.size() == 1);
  CHECK(Visible(cluster).size() == before);
}

TEST_CASE("the slot's earlier marker is still there: lost for certain, however old") {
  KafkaModel cluster;
  const KafkaHandle old = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")});
  REQUIRE(cluster.EndTxn(old.transactional_id, old.identity, true) == kNone);
  cluster.Settle();
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 9, {Record("a", "2")}, 5'000);
  cluster.AdvanceMillis(int64_t{30} * 24 * 3600 * 1000);
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(recovery.counts.repaired == 1);
  CHECK(Visible(cluster) == Values{"1", "2"});
}

TEST_CASE("how long an absent marker means lost: as the broker says, a day when it does not say") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")}, 5'000);
  const int64_t hour = 3'600'000;
  cluster.AdvanceMillis(30 * hour);
  Recovery recovery(&cluster);
  SECTION("longer ago than it keeps offsets") {
    recovery.retention = [&] { return 24 * hour; };
    CHECK_THAT(Message(recovery.Resolve({handle})), Contains("OUTCOME_UNKNOWN") && Contains("30 hours ago"));
  }
  SECTION("not so long ago") {
    recovery.retention = [&] { return 31 * hour; };
    REQUIRE(recovery.Resolve({handle}).ok());
    CHECK(recovery.counts.repaired == 1);
  }
  SECTION("it may not be asked") {
    recovery.retention = [] { return absl::PermissionDeniedError("DESCRIBE_CONFIGS"); };
    CHECK_THAT(Message(recovery.Resolve({handle})), Contains("OUTCOME_UNKNOWN"));
    CHECK(recovery.log.size() == 1);
  }
  SECTION("it does not answer") {
    recovery.retention = [] { return absl::UnavailableError("down"); };
    CHECK(absl::IsUnavailable(recovery.Resolve({handle})));
  }
}

TEST_CASE("handles of another cluster: nothing is asked of this one") {
  KafkaModel theirs("cluster-2"), ours("cluster-1");
  const KafkaHandle handle = Prepare(theirs, Tid(1, 0, 0), 5, {Record("a", "1")});
  Recovery recovery(&ours);
  const absl::Status status = recovery.Resolve({handle}, UnresolvedPolicy::kRepeat);
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(Message(status), Contains("SINK_CLUSTER_MISMATCH") && Contains("cluster-2") && Contains("cluster-1"));
  CHECK(recovery.process.calls == 1);
  CHECK_FALSE(ours.Describe(handle.transactional_id).has_value());
}

TEST_CASE("records that are gone from the log: DATA_LOSS by name") {
  const bool deleted = GENERATE(true, false);
  const auto afterwards = GENERATE(UnresolvedPolicy::kFail, UnresolvedPolicy::kSkip, UnresolvedPolicy::kRepeat);
  KafkaModel cluster;
  const KafkaHandle handle =
      Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1", 2), Record("a", "2", 2), Record("a", "3", 2)}, 5'000);
  const KafkaHandle later = Prepare(cluster, Tid(1, 0, 1), 6, {Record("a", "4", 2)}, 600'000);
  const KafkaHandle elsewhere = Prepare(cluster, Tid(1, 1, 0), 6, {Record("z", "z", 1)}, 600'000);
  cluster.AdvanceMillis(20'000);
  if (deleted) {
    cluster.DeleteRecordsBefore(kTopic, 2, 1);
  } else {
    cluster.Corrupt(kTopic, 2, 1);
  }
  Recovery recovery(&cluster);
  bool produced = false;
  recovery.process.on_call = [&](const std::string& call, bool) { produced = produced || call == "RepairProduce"; };
  const absl::Status status = recovery.Resolve({handle, later, elsewhere});
  CHECK(absl::IsDataLoss(status));
  CHECK(LossOf(Annotate(status, "alerts")) == Loss::kRecords);
  CHECK_THAT(Message(status), Contains("DATA_LOSS") && Contains(deleted ? "is offsets 1-" : "another checksum") &&
                                  Contains("topic alerts") && Contains("partition 2 offsets 0-2") &&
                                  Contains("checkpoint 5") && Contains(handle.transactional_id) &&
                                  Contains("--unresolved skip"));
  CHECK_FALSE(produced);
  CHECK(Visible(cluster, 2).empty());         // a later one of the same subtask waits for the user
  CHECK(Visible(cluster, 1) == Values{"z"});  // other subtasks' are settled
  if (afterwards == UnresolvedPolicy::kFail) return;
  REQUIRE(recovery.Resolve({handle, later}, afterwards).ok());
  CHECK(recovery.log.size() >= 1);
  const Values seen = Visible(cluster, 2);
  if (afterwards == UnresolvedPolicy::kSkip) {
    CHECK(seen == Values{"4"});
    return;
  }
  CHECK(seen == (deleted ? Values{"2", "3", "4"} : Values{"1", "2?", "3", "4"}));
  Recovery again(&cluster, 10);
  REQUIRE(again.Resolve({handle, later}).ok());
  CHECK(Visible(cluster, 2) == seen);
}

TEST_CASE("fewer records than were written: DATA_LOSS") {
  KafkaModel cluster;
  KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")}, 5'000);
  ++handle.records;
  cluster.AdvanceMillis(20'000);
  Recovery recovery(&cluster);
  CHECK_THAT(Message(recovery.Resolve({handle})), Contains("DATA_LOSS") && Contains("only 1 of them"));
}

TEST_CASE("kept records repair what the log has lost") {
  KafkaModel cluster;
  const std::vector<KafkaRecord> records = {Record("a", "1"), Record("a", "2", 1)};
  KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, records, 5'000);
  std::string wal;
  for (const KafkaRecord& record : records) AppendRecord(record, &wal);
  Recovery recovery(&cluster);
  SECTION("in the handle") {
    handle.wal = wal;
    cluster.DeleteRecordsBefore(kTopic, 0, 1);
  }
  SECTION("in a file") {
    handle.wal_in_file = true;
    recovery.ports.wal_files[handle.transactional_id] = wal;
    cluster.DeleteRecordsBefore(kTopic, 0, 1);
  }
  SECTION("the file is gone, but the log has them") { handle.wal_in_file = true; }
  SECTION("no offsets were noted") {
    handle.runs.clear();
    handle.wal = wal;
  }
  cluster.AdvanceMillis(20'000);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1"});
  CHECK(Visible(cluster, 1) == Values{"2"});
}

TEST_CASE("neither kept nor in the log: DATA_LOSS") {
  KafkaModel cluster;
  KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")}, 5'000);
  handle.runs.clear();
  SECTION("nothing noted") {}
  SECTION("a file that is gone") { handle.wal_in_file = true; }
  cluster.AdvanceMillis(20'000);
  Recovery recovery(&cluster);
  CHECK_THAT(Message(recovery.Resolve({handle})), Contains("DATA_LOSS") && Contains("no offsets noted"));
}

TEST_CASE("runs that overlap are read once") {
  KafkaModel cluster;
  KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1"), Record("a", "2"), Record("a", "3")}, 5'000);
  handle.runs = {{0, 1, 2, 1}, {0, 0, 1, 2}};
  cluster.AdvanceMillis(20'000);
  Recovery recovery(&cluster);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1", "2", "3"});
}

TEST_CASE("an id of the running attempt is never fenced") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(9, 0, 0), 5, {Record("a", "1")}, 5'000);
  cluster.AdvanceMillis(20'000);
  cluster.Settle();
  const ProducerIdentity before = cluster.Describe(handle.transactional_id)->identity;
  Recovery recovery(&cluster, 9);
  CHECK(recovery.Resolve({handle}).code() == absl::StatusCode::kInternal);
  CHECK(cluster.Describe(handle.transactional_id)->identity == before);
  CHECK(recovery.ports.coordinator.fenced.empty());
}

TEST_CASE("mode B: the marker decides, the kept records are written again") {
  KafkaModel cluster;
  const std::vector<KafkaRecord> records = {Record("a", "1"), Record("a", "2")};
  KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, records);
  handle.mode = KafkaHandle::Mode::kReplay;
  handle.identity = {};
  handle.topic_id.clear();
  handle.runs.clear();
  for (const KafkaRecord& record : records) AppendRecord(record, &handle.wal);
  Recovery recovery(&cluster);
  recovery.process.raw_client = false;
  SECTION("not committed: what was open is aborted and written again") {
    REQUIRE(recovery.Resolve({handle}).ok());
    CHECK(recovery.counts.repaired == 1);
  }
  SECTION("the live instance had committed it") {
    REQUIRE(cluster.EndTxn(handle.transactional_id, cluster.Describe(handle.transactional_id)->identity, true) ==
            kNone);
    REQUIRE(recovery.Resolve({handle}).ok());
    CHECK(recovery.counts.repaired == 0);
  }
  CHECK(Visible(cluster) == Values{"1", "2"});
}

TEST_CASE("a broker that does not answer: an error that may be tried again") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")});
  Recovery recovery(&cluster);
  recovery.process.dead = true;
  CHECK(absl::IsUnavailable(recovery.Resolve({handle})));
  Recovery next(&cluster, 10);
  REQUIRE(next.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1"});
}

}  // namespace
}  // namespace weir::taskmanager::kafka::testing
