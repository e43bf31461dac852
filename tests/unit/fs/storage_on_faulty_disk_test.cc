// Checkpoint storage, metadata and the file sink on a disk that loses power or errs at every possible moment: what was
// answered stays, the rest is whole or not there.
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "common/checkpoint/file/file_storage.h"
#include "jobmanager/metadata/file/file_metadata_store.h"
#include "taskmanager/connector/file/output_folder.h"
#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/unit/fs/confined_environment.h"

namespace weir {
namespace {

struct PowerFailure {};  // thrown out of an await, where a kill would let nothing return

class Machine {
 public:
  explicit Machine(uint64_t seed) : files(&environment, seed) { fs::SetDefault(&files); }
  ~Machine() { fs::SetDefault(nullptr); }

  // Runs `body`, whose process dies at the n-th await; then the power goes. False: the body came to its end.
  template <typename Body>
  bool FailsAt(int n, Body body) {
    environment.on_await = [&] {
      if (n-- == 0) throw PowerFailure();
    };
    bool failed = false;
    try {
      body();
    } catch (const PowerFailure&) {
      failed = true;
    }
    environment.on_await = nullptr;
    environment.dead.insert(environment.process++);
    files.PowerLoss(0);
    return failed;
  }

  testing::ConfinedEnvironment environment;
  sim::SimulatedFileSystem files;
};

// Writes files until the power goes; false: nothing failed any more. `wrong` gets what was answered and then lost.
bool WriteThenFail(uint64_t seed, int at, bool lying_disk, int* wrong) {
  Machine machine(seed);
  machine.files.DiskOf(0).faults().ignores_folder_sync = lying_disk;
  std::map<std::string, checkpoint::FileRef> answered;
  const std::string contents(3000, 'c');
  const bool failed = machine.FailsAt(at, [&] {
    const auto storage = checkpoint::OpenFileStorage("file:///deep/root", checkpoint::RootFolder::kCreate);
    REQUIRE(storage.ok());
    for (const char* path : {"job/chk-1/delta", "job/chk-1/manifest", "job/chk-2/manifest"}) {
      const auto written = (*storage)->Write(path, contents);
      REQUIRE(written.ok());
      answered[path] = *written;
    }
  });
  const auto storage = checkpoint::OpenFileStorage("file:///deep/root");
  for (const auto& [path, file] : answered) {
    if (!storage.ok() || !(*storage)->Read(file).ok()) ++*wrong;
  }
  if (storage.ok()) {
    const auto paths = (*storage)->List("");
    REQUIRE(paths.ok());
    for (const std::string& path : *paths) CHECK((*storage)->ReadUnverified(path).value_or("") == contents);
  }
  return failed;
}

TEST_CASE("files of the checkpoint storage that were answered survive a loss of power at any moment") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    int wrong = 0, at = 0;
    while (WriteThenFail(seed, at, false, &wrong)) ++at;
    CHECK(at > 20);
    CHECK(wrong == 0);
  }
}

TEST_CASE("without the fsync of folders they would not") {
  int wrong = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    int at = 0;
    while (WriteThenFail(seed, at, true, &wrong)) ++at;
  }
  CHECK(wrong > 0);
}

TEST_CASE("the checkpoint storage answers a failed fsync with an error and leaves nothing under the name") {
  Machine machine(1);
  const auto storage = checkpoint::OpenFileStorage("file:///root", checkpoint::RootFolder::kCreate);
  REQUIRE(storage.ok());
  REQUIRE((*storage)->Write("a/first", "1").ok());
  machine.files.DiskOf(0).faults().sync_errors = 1000;
  CHECK(absl::IsUnavailable((*storage)->Write("a/second", "2").status()));
  CHECK_FALSE((*storage)->Probe().ok());
  machine.files.DiskOf(0).faults() = {};
  CHECK(absl::IsNotFound((*storage)->ReadUnverified("a/second").status()));
  machine.files.DiskOf(0).faults().free_bytes = 2;
  CHECK(absl::IsResourceExhausted((*storage)->Write("a/second", "2222").status()));
  machine.files.DiskOf(0).faults() = {};
  CHECK((*storage)->Write("a/second", "2").ok());
  CHECK((*storage)->List("").value() == std::vector<std::string>{"a/first", "a/second"});
}

TEST_CASE("a local file whose fsync failed is not stored by a second fsync that says nothing") {
  Machine machine(1);
  const auto storage = checkpoint::OpenFileStorage("file:///root", checkpoint::RootFolder::kCreate);
  REQUIRE(storage.ok());
  const auto make = [&](const std::string& path) {
    auto file = machine.files.Open(path, fs::OpenMode::kCreate);
    REQUIRE(file.error == 0);
    REQUIRE(file.value->Append("table") == 0);
  };
  REQUIRE((*storage)->Write("job/0", "0").ok());  // so that the folder is there and durable
  make("/1.sst");
  machine.files.DiskOf(0).faults().sync_errors = 1000;
  CHECK(absl::IsUnavailable((*storage)->Store("/1.sst", "job/1").status()));
  machine.files.DiskOf(0).faults() = {};
  CHECK(absl::IsUnavailable((*storage)->Store("/1.sst", "job/1").status()));
  CHECK((*storage)->List("").value() == std::vector<std::string>{"job/0"});
  make("/2.sst");
  const auto stored = (*storage)->Store("/2.sst", "job/2");
  REQUIRE(stored.ok());
  machine.files.PowerLoss(0);
  CHECK((*storage)->Read(*stored).value_or("") == "table");
}

TEST_CASE("a record that was put survives a loss of power at any moment, and epochs only grow") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    for (int at = 0;; ++at) {
      Machine machine(seed);
      int64_t epoch = 0, answered = 0, tried = 0;
      const bool failed = machine.FailsAt(at, [&] {
        auto store = jobmanager::FileMetadataStore::Open("/weir/state");
        REQUIRE(store.ok());
        epoch = (*store)->epoch().value;
        jobmanager::JobRecord record;
        record.id = JobId("aaaa");
        record.epoch = (*store)->epoch();
        for (int64_t id = 1; id <= 3; ++id) {
          record.last_id = CheckpointId(id);
          tried = id;
          const absl::Status status = id == 1 ? (*store)->Create(record, "spec") : (*store)->Put(record);
          REQUIRE(status.ok());
          answered = id;
        }
      });
      auto store = jobmanager::FileMetadataStore::Open("/weir/state");
      REQUIRE(store.ok());
      CHECK((*store)->epoch().value > epoch);
      const auto jobs = (*store)->Load();
      REQUIRE(jobs.ok());
      const int64_t found = jobs->empty() ? 0 : jobs->at(0).record.last_id.value;
      CHECK(found >= answered);
      CHECK(found <= tried);
      if (found > 0) CHECK(jobs->at(0).spec == "spec");
      if (!failed) break;
    }
  }
}

TEST_CASE("the id of an output folder is made once, whatever happens meanwhile") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    for (int at = 0;; ++at) {
      Machine machine(seed);
      const taskmanager::file::OutputFolder folder("/out/part");
      std::string id;
      const bool failed = machine.FailsAt(at, [&] {
        const auto made = folder.Prepare();
        REQUIRE(made.ok());
        id = *made;
      });
      const auto again = folder.Prepare();
      REQUIRE(again.ok());
      if (!id.empty()) CHECK(*again == id);
      if (!failed) break;
    }
  }
}

}  // namespace
}  // namespace weir
