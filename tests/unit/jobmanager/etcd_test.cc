#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock/system_clock.h"
#include "common/base/rng.h"
#include "jobmanager/metadata/etcd/etcd_election.h"
#include "jobmanager/metadata/etcd/etcd_metadata_store.h"
#include "jobmanager/metadata/etcd/grpc/grpc_etcd_client.h"
#include "tests/support/etcd_memory.h"

// What election and metadata store need of etcd, tried on an etcd in memory, and on the real one at
// WEIR_TEST_ETCD (HOST:PORT) when that is set: tests/cluster/ha.py does. There leases take their time.

namespace weir::jobmanager {
namespace {

struct Bench {
  Bench() : prefix(absl::StrCat("/weir-test-", Rng(RandomSeed()).Hex(12))) {
    if (const char* endpoint = std::getenv("WEIR_TEST_ETCD")) {
      client = *etcd::MakeGrpcClient({.endpoints = {endpoint}});
    } else {
      memory = std::make_shared<tests::EtcdMemory>();
      client = memory;
    }
  }
  std::unique_ptr<EtcdElection> Election(const std::string& address) {
    EtcdElection::Options options;
    options.prefix = prefix;
    options.address = address;
    options.ttl_seconds = 2;
    return std::make_unique<EtcdElection>(options, client, &clock);
  }
  etcd::KeyValue LeaderKey() {
    auto result = client->Transact({{}, {etcd::Range{prefix + "/leader"}}, {}});
    REQUIRE(result.ok());
    return result->ranges[0].empty() ? etcd::KeyValue() : result->ranges[0][0];
  }
  std::string prefix;
  SystemClock clock;
  std::shared_ptr<tests::EtcdMemory> memory;  // null: a real one
  std::shared_ptr<etcd::Client> client;
};

JobRecord Record(const MetadataStore& store, const std::string& id, int64_t attempt,
                 int64_t last_id) {
  JobRecord record;
  record.id.value = id;
  record.name = "job-" + id;
  record.epoch = store.epoch();
  record.attempt = Attempt(attempt);
  record.last_id = CheckpointId(last_id);
  return record;
}

std::unique_ptr<MetadataStore> Lead(EtcdElection& election) {
  auto store = election.Campaign();
  REQUIRE(store.ok());
  return *std::move(store);
}

TEST_CASE("etcd: one leads, and who leads later has a greater epoch and refuses the earlier one") {
  Bench b;
  auto first = b.Election("a:1"), second = b.Election("b:1");
  auto old_store = Lead(*first);
  CHECK(first->Leader() == "a:1");
  CHECK(b.LeaderKey().value == "a:1");
  CHECK(b.LeaderKey().create_revision == old_store->epoch().value);
  REQUIRE(old_store->Create(Record(*old_store, "j1", 1, -1), "spec").ok());

  SECTION("given up") { first->Resign(); }
  SECTION("its lease has ended") { REQUIRE(b.client->Revoke(b.LeaderKey().lease).ok()); }
  SECTION("its key was deleted by somebody") {
    REQUIRE(b.client->Transact({{}, {etcd::DeleteRange{b.prefix + "/leader"}}, {}}).ok());
  }
  auto store = Lead(*second);
  CHECK(store->epoch() > old_store->epoch());
  CHECK(second->Leader() == "b:1");
  for (const absl::Status& refused :
       {old_store->Put(Record(*old_store, "j1", 2, -1)),
        old_store->Create(Record(*old_store, "j2", 1, -1), "spec"), old_store->Delete(JobId{"j1"}),
        old_store->PutStorageId("file:///s", "x"), old_store->Load().status(),
        old_store->StorageId("file:///s").status()}) {
    CHECK(absl::IsAborted(refused));
    CHECK(absl::StrContains(refused.message(), "b:1"));
  }
  auto jobs = store->Load();
  REQUIRE(jobs.ok());
  REQUIRE(jobs->size() == 1);
  CHECK(jobs->at(0).record.attempt == Attempt(1));
  CHECK(jobs->at(0).spec == "spec");
  JobRecord taken = jobs->at(0).record;
  taken.epoch = store->epoch();
  CHECK(store->Put(taken).ok());
  second->Resign();
}

TEST_CASE("etcd: a lead is held until its lease has ended, it is abandoned, or the process leaves") {
  Bench b;
  auto election = b.Election("a:1");
  auto store = Lead(*election);
  absl::Status lost;
  SECTION("lease") {
    REQUIRE(b.client->Revoke(b.LeaderKey().lease).ok());
    lost = election->Hold();
    CHECK(absl::IsAborted(lost));
    CHECK(election->Leader().empty());
  }
  SECTION("abandoned") {
    election->Abandon(absl::AbortedError("a write was refused"));
    lost = election->Hold();
    CHECK(lost.message() == "a write was refused");
    election->Resign();
    // It may stand again.
    auto next = Lead(*election);
    CHECK(next->epoch() > store->epoch());
  }
  SECTION("leaves") {
    election->Stop();
    lost = election->Hold();
    CHECK(absl::IsCancelled(lost));
    CHECK(absl::IsCancelled(election->Campaign().status()));
  }
  CHECK_FALSE(lost.ok());
  election->Resign();
  CHECK(b.LeaderKey().create_revision == 0);
}

TEST_CASE("etcd: a standby says who leads, and leads when that one does not any more") {
  Bench b;
  auto first = b.Election("a:1"), second = b.Election("b:1");
  auto old_store = Lead(*first);
  std::unique_ptr<MetadataStore> store;
  std::thread standby([&] { store = *second->Campaign(); });
  while (second->Leader() != "a:1") std::this_thread::yield();
  first->Resign();
  standby.join();
  CHECK(store->epoch() > old_store->epoch());
  CHECK(second->Leader() == "b:1");
  second->Resign();
}

TEST_CASE("etcd: records do not go back, and other people's changes are seen") {
  Bench b;
  auto election = b.Election("a:1");
  auto store = Lead(*election);
  CHECK(absl::IsAborted(store->Put(Record(*store, "j1", 1, -1))));
  REQUIRE(store->Create(Record(*store, "j1", 2, 5), "spec").ok());
  REQUIRE(store->Create(Record(*store, "j1", 2, 5), "spec").ok());
  CHECK(absl::IsAborted(store->Put(Record(*store, "j1", 1, 5))));
  CHECK(absl::IsAborted(store->Put(Record(*store, "j1", 2, 4))));
  JobRecord other = Record(*store, "j1", 2, 6);
  other.epoch = LeaderEpoch(other.epoch.value - 1);
  CHECK(absl::IsAborted(store->Put(other)));
  REQUIRE(store->Put(Record(*store, "j1", 2, 6)).ok());
  REQUIRE(b.client->Transact({{}, {etcd::Put{b.prefix + "/jobs/j1/record", "edited"}}, {}}).ok());
  const absl::Status edited = store->Put(Record(*store, "j1", 2, 7));
  CHECK(absl::IsAborted(edited));
  CHECK(absl::StrContains(edited.message(), "changed by somebody else"));
  CHECK(absl::IsDataLoss(store->Load().status()));
  REQUIRE(store->Delete(JobId{"j1"}).ok());
  CHECK(store->Load()->empty());
  election->Resign();
}

TEST_CASE("etcd: large specs are cut into parts, what has no record is deleted, many jobs are read") {
  Bench b;
  auto election = b.Election("a:1");
  auto store = Lead(*election);
  std::string large;
  for (int i = 0; large.size() < 3'000'000; ++i) absl::StrAppend(&large, i, ",");
  REQUIRE(store->Create(Record(*store, "large", 1, -1), large).ok());
  for (int i = 0; i < 40; ++i) {
    REQUIRE(store->Create(Record(*store, absl::StrCat("j", i), 1, -1), absl::StrCat("spec ", i)).ok());
  }
  REQUIRE(b.client->Transact({{}, {etcd::Put{b.prefix + "/jobs/orphan/spec/000000", "x"}}, {}}).ok());
  auto jobs = store->Load();
  REQUIRE(jobs.ok());
  REQUIRE(jobs->size() == 41);
  for (const auto& job : *jobs) {
    const std::string& id = job.record.id.value;
    CHECK(job.spec == (id == "large" ? large : "spec " + id.substr(1)));
  }
  auto orphan = b.client->Transact({{}, {etcd::Range{b.prefix + "/jobs/orphan/", b.prefix + "/jobs/orphan0"}}, {}});
  CHECK(orphan->ranges[0].empty());

  JobRecord record = Record(*store, "large", 1, -1);
  record.savepoints.resize(20'000);
  const absl::Status refused = store->Put(record);
  CHECK(absl::IsResourceExhausted(refused));
  CHECK(absl::StrContains(refused.message(), "20000 savepoints"));

  REQUIRE(store->StorageId("file:///s")->empty());
  REQUIRE(store->PutStorageId("file:///s", "id-1").ok());
  CHECK(*store->StorageId("file:///s") == "id-1");
  CHECK(store->StorageId("file:///s/other")->empty());
  REQUIRE(b.client->Transact({{}, {etcd::DeleteRange{b.prefix + "/", b.prefix + "0"}}, {}}).ok());
}

TEST_CASE("etcd: answers that are lost, and writes that come late") {
  Bench b;
  if (b.memory == nullptr) return;
  tests::EtcdMemory& memory = *b.memory;
  auto election = b.Election("a:1");
  SECTION("of the election: what was made is taken for its own") {
    memory.lose_answer_in = 2;  // of what makes the key
    auto store = Lead(*election);
    CHECK(store->epoch().value == b.LeaderKey().create_revision);
  }
  SECTION("of a write: repeating it is enough, and needs no second write") {
    auto store = Lead(*election);
    REQUIRE(store->Create(Record(*store, "j", 1, -1), "spec").ok());
    memory.lose_answer_in = 1;
    CHECK(absl::IsDeadlineExceeded(store->Put(Record(*store, "j", 1, 3))));
    const int64_t written = b.client->Transact({{}, {etcd::Range{b.prefix + "/jobs/j/record"}}, {}})
                                ->ranges[0][0].mod_revision;
    CHECK(store->Put(Record(*store, "j", 1, 3)).ok());
    CHECK(b.client->Transact({{}, {etcd::Range{b.prefix + "/jobs/j/record"}}, {}})
              ->ranges[0][0].mod_revision == written);
    CHECK(store->Put(Record(*store, "j", 1, 4)).ok());
  }
  SECTION("a write that was given up comes late: it changes nothing") {
    auto store = Lead(*election);
    REQUIRE(store->Create(Record(*store, "j", 1, -1), "spec").ok());
    memory.keep_next = true;
    CHECK_FALSE(store->Put(Record(*store, "j", 1, 3)).ok());
    REQUIRE(store->Put(Record(*store, "j", 1, 3)).ok());
    REQUIRE(store->Put(Record(*store, "j", 1, 4)).ok());
    CHECK_FALSE(memory.DoKept());
    CHECK(store->Load()->at(0).record.last_id == CheckpointId(4));
  }
  SECTION("a leader's write comes after the next one was elected") {
    auto store = Lead(*election);
    REQUIRE(store->Create(Record(*store, "j", 1, -1), "spec").ok());
    memory.keep_next = true;
    CHECK_FALSE(store->Put(Record(*store, "j", 1, 3)).ok());
    election->Resign();
    auto second = b.Election("b:1");
    auto next = Lead(*second);
    CHECK(next->Load()->at(0).record.last_id == CheckpointId(-1));
    CHECK_FALSE(memory.DoKept());
    CHECK(next->Load()->at(0).record.last_id == CheckpointId(-1));
  }
}

TEST_CASE("etcd: a leader that does not reach it leads on, and is told when its lease has ended") {
  Bench b;
  if (b.memory == nullptr) return;
  auto election = b.Election("a:1");
  auto store = Lead(*election);
  REQUIRE(store->Create(Record(*store, "j", 1, -1), "spec").ok());
  const int64_t lease = b.LeaderKey().lease;
  {
    std::lock_guard lock(b.memory->mutex_);
    b.memory->failure = absl::UnavailableError("away");
  }
  absl::Status lost;
  std::thread holds([&] { lost = election->Hold(); });
  CHECK(absl::IsUnavailable(store->Put(Record(*store, "j", 1, 3))));
  CHECK(election->Leader() == "a:1");
  {
    std::lock_guard lock(b.memory->mutex_);
    b.memory->failure = absl::OkStatus();
  }
  CHECK(store->Put(Record(*store, "j", 1, 3)).ok());
  CHECK(b.client->Revoke(lease).ok());
  holds.join();
  CHECK(absl::IsAborted(lost));
}

}  // namespace
}  // namespace weir::jobmanager
