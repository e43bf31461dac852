#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "jobmanager/metadata/file/file_metadata_store.h"
#include "jobmanager/metadata/file/record_codec.h"

namespace weir::jobmanager {
namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/weir-metadata-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

JobRecord FullRecord() {
  JobRecord r;
  r.id.value = "0123";
  r.name = "fraud";
  r.storage = "file:///s";
  r.from = "/x";
  r.unresolved = Unresolved::kRepeat;
  r.epoch = LeaderEpoch(1);
  r.state = JobState::kStopping;
  r.end = JobState::kStopped;
  r.attempt = Attempt(3);
  r.restarts = 2;
  r.stop_requested = true;
  r.stop_savepoint = CheckpointId(9);
  r.last_id = CheckpointId(9);
  r.ids_reserved = CheckpointId(10'000);
  r.retained = {{CheckpointId(8), Attempt(2), {"m8", 1, 2}, false, 3, 4, 5},
                {CheckpointId(9), Attempt(3), {"m9", 6, 7}, true, 8, 9, 10}};
  r.savepoints = {{CheckpointId(9), Attempt(3), {"s9", 6, 7}, true, 8, 9, 10}};
  r.staged = checkpoint::FileRef{"st", 1, 2};
  r.failure = JobFailure{absl::DataLossError("x"), control::FailureDomain::kUser, "task", 77};
  r.pending = {{"out", CheckpointId(9), 1, 88}};
  r.submitted_at_ms = 5;
  r.ended_at_ms = 6;
  return r;
}

TEST_CASE("JobRecord: written and read back is the same") {
  const JobRecord r = FullRecord();
  const std::string bytes = EncodeJobRecord(r);
  auto read = DecodeJobRecord(bytes);
  REQUIRE(read.ok());
  CHECK(EncodeJobRecord(*read) == bytes);
  CHECK(read->retained == r.retained);
  CHECK(read->end == r.end);
  CHECK(read->failure->status == r.failure->status);
  CHECK(read->pending[0].sink == "out");
}

TEST_CASE("JobRecord: every truncation and every flipped byte is found") {
  const std::string bytes = EncodeJobRecord(FullRecord());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] ^= 0x20;
    CHECK_FALSE(DecodeJobRecord(bad).ok());
    CHECK_FALSE(DecodeJobRecord(std::string_view(bytes).substr(0, i)).ok());
  }
}

TEST_CASE("FileMetadataStore: one leader at a time; the epoch grows") {
  Folder folder;
  auto first = FileMetadataStore::Open(folder.path + "/a/b");
  REQUIRE(first.ok());
  CHECK((*first)->epoch() == LeaderEpoch(1));
  auto second = FileMetadataStore::Open(folder.path + "/a/b");
  REQUIRE(absl::IsFailedPrecondition(second.status()));
  CHECK(absl::StrContains(second.status().message(), "in use by another JobManager"));
  CHECK(absl::StrContains(second.status().message(), std::to_string(getpid())));
  first->reset();
  second = FileMetadataStore::Open(folder.path + "/a/b");
  REQUIRE(second.ok());
  CHECK((*second)->epoch() == LeaderEpoch(2));
}

TEST_CASE("FileMetadataStore: jobs survive; puts that go back are refused") {
  Folder folder;
  JobRecord r = FullRecord();
  {
    auto store = FileMetadataStore::Open(folder.path);
    REQUIRE((*store)->Create(r, "spec bytes").ok());
    r.last_id = CheckpointId(10);
    REQUIRE((*store)->Put(r).ok());
    REQUIRE((*store)->Put(r).ok());  // an unknown answer is repeated
    JobRecord older = r;
    older.last_id = CheckpointId(9);
    CHECK(absl::IsAborted((*store)->Put(older)));
    older = r;
    older.attempt = Attempt(2);
    CHECK(absl::IsAborted((*store)->Put(older)));
    JobRecord unknown = r;
    unknown.id.value = "9999";
    CHECK(absl::IsAborted((*store)->Put(unknown)));
  }
  std::ofstream(folder.path + "/jobs/dead.spec") << "never recorded";
  auto store = FileMetadataStore::Open(folder.path);
  auto jobs = (*store)->Load();
  REQUIRE(jobs.ok());
  REQUIRE(jobs->size() == 1);
  CHECK((*jobs)[0].record.last_id == CheckpointId(10));
  CHECK((*jobs)[0].spec == "spec bytes");
  CHECK_FALSE(std::filesystem::exists(folder.path + "/jobs/dead.spec"));
  // The record of an older leader.
  CHECK(absl::IsAborted((*store)->Put(r)));
  r.epoch = (*store)->epoch();
  CHECK((*store)->Put(r).ok());
  REQUIRE((*store)->Delete(r.id).ok());
  CHECK((*store)->Load()->empty());
}

TEST_CASE("FileMetadataStore: a damaged record is named") {
  Folder folder;
  {
    auto store = FileMetadataStore::Open(folder.path);
    REQUIRE((*store)->Create(FullRecord(), "spec").ok());
  }
  std::ofstream(folder.path + "/jobs/0123.record", std::ios::app) << "x";
  auto store = FileMetadataStore::Open(folder.path);
  const absl::Status status = (*store)->Load().status();
  CHECK(absl::IsDataLoss(status));
  CHECK(absl::StrContains(status.message(), "0123.record"));
}

TEST_CASE("FileMetadataStore: storage ids are remembered") {
  Folder folder;
  auto store = FileMetadataStore::Open(folder.path);
  CHECK((*store)->StorageId("file:///a")->empty());
  REQUIRE((*store)->PutStorageId("file:///a", "1").ok());
  REQUIRE((*store)->PutStorageId("file:///b", "2").ok());
  CHECK(*(*store)->StorageId("file:///a") == "1");
  CHECK(*(*store)->StorageId("file:///b") == "2");
}

}  // namespace
}  // namespace weir::jobmanager
