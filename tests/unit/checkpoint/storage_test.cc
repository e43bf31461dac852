#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "catch2/catch.hpp"
#include "common/base/crc32c.h"
#include "common/checkpoint/file/file_storage.h"
#include "common/checkpoint/storage_id.h"
#include "tests/support/memory_storage.h"

namespace weir::checkpoint {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "weir-storage-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void WriteLocal(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
std::string ReadLocal(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What every storage does; `damage` changes a stored file behind its back.
void Contract(Storage& s,
              const std::function<void(const std::string&, const std::string&)>& damage) {
  Folder local;
  const absl::StatusOr<FileRef> a = s.Write("job/a", "hello");
  REQUIRE(a.ok());
  CHECK(*a == FileRef{"job/a", 5, Crc32c("hello")});
  CHECK(s.Read(*a).value() == "hello");
  CHECK(s.ReadUnverified("job/a").value() == "hello");

  SECTION("a file is never replaced") {
    CHECK(absl::IsAlreadyExists(s.Write("job/a", "other").status()));
    WriteLocal(local.path() / "x", "other");
    CHECK(absl::IsAlreadyExists(s.Store((local.path() / "x").string(), "job/a").status()));
    CHECK(s.Read(*a).value() == "hello");
  }
  SECTION("the calls around the rename can stop it, or fail after it") {
    auto no = [] { return absl::AbortedError("no"); };
    auto yes = [] { return absl::OkStatus(); };
    CHECK(absl::IsAborted(s.Write("job/b", "x", no, yes).status()));
    CHECK(absl::IsNotFound(s.ReadUnverified("job/b").status()));
    CHECK(absl::IsAborted(s.Write("job/b", "x", yes, no).status()));
    CHECK(s.ReadUnverified("job/b").value() == "x");
  }
  SECTION("local files are stored and fetched, verified") {
    WriteLocal(local.path() / "x", "local");
    const absl::StatusOr<FileRef> stored = s.Store((local.path() / "x").string(), "job/deep/er/x");
    REQUIRE(stored.ok());
    CHECK(*stored == FileRef{"job/deep/er/x", 5, Crc32c("local")});
    REQUIRE(s.Fetch(*stored, (local.path() / "y").string()).ok());
    CHECK(ReadLocal(local.path() / "y") == "local");
    CHECK(absl::IsNotFound(s.Store((local.path() / "none").string(), "job/z").status()));
    REQUIRE(fs::exists(local.path() / "x"));
    damage("job/deep/er/x", "lokal");
    CHECK(absl::IsDataLoss(s.Fetch(*stored, (local.path() / "z").string())));
    CHECK(!fs::exists(local.path() / "z"));
  }
  SECTION("a copy lives on by itself") {
    const absl::StatusOr<FileRef> copy = s.Copy(*a, "save/a");
    REQUIRE(copy.ok());
    REQUIRE(s.Delete("job/a").ok());
    REQUIRE(s.Delete("job/a").ok());
    CHECK(s.Read(*copy).value() == "hello");
    CHECK(absl::IsNotFound(s.Read(*a).status()));
    CHECK(absl::IsNotFound(s.Copy(*a, "save/b").status()));
    REQUIRE(s.Write("job/again", "").ok());
  }
  SECTION("damage is found and named") {
    for (const std::string bad : {"hallo", "hell", "hello!", ""}) {
      damage("job/a", bad);
      const absl::Status status = s.Read(*a).status();
      CHECK(absl::IsDataLoss(status));
      CHECK(std::string(status.message()).find("job/a") != std::string::npos);
    }
  }
  SECTION("files are listed by folder, sorted") {
    REQUIRE(s.Write("job/c/2", "").ok());
    REQUIRE(s.Write("job/c/1", "").ok());
    REQUIRE(s.Write("job2/x", "").ok());
    CHECK(s.List("job").value() == std::vector<std::string>{"job/a", "job/c/1", "job/c/2"});
    CHECK(s.List("job/c").value() == std::vector<std::string>{"job/c/1", "job/c/2"});
    CHECK(s.List("").value().size() == 4);
    CHECK(s.List("none").value().empty());
  }
  SECTION("no path leads out") {
    for (const std::string bad : {"", "/etc/x", "../x", "a/../../x", "a/"}) {
      CHECK(absl::IsInvalidArgument(s.Write(bad, "x").status()));
      CHECK(absl::IsInvalidArgument(s.ReadUnverified(bad).status()));
      CHECK(absl::IsInvalidArgument(s.Delete(bad)));
    }
  }
  SECTION("the storage's id: first writer wins, none means unavailable") {
    CHECK(absl::IsUnavailable(ReadStorageId(s).status()));
    CHECK(ReadOrWriteStorageId(s, "one").value() == "one");
    CHECK(ReadOrWriteStorageId(s, "two").value() == "one");
    CHECK(ReadStorageId(s).value() == "one");
  }
  CHECK(s.Probe().ok());
}

}  // namespace

TEST_CASE("storage contract: memory") {
  tests::MemoryStorage storage;
  Contract(storage, [&](const std::string& path, const std::string& bytes) {
    storage.Damage(path, [&](std::string* b) { *b = bytes; });
  });
}

TEST_CASE("storage contract: file") {
  Folder folder;
  auto storage =
      OpenFileStorage("file://" + (folder.path() / "new/root").string(), RootFolder::kCreate);
  REQUIRE(storage.ok());
  Contract(**storage, [&](const std::string& path, const std::string& bytes) {
    WriteLocal(folder.path() / "new/root" / path, bytes);
  });
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    CHECK(entry.path().filename().string().find(".tmp-") == std::string::npos);
  }
}

TEST_CASE("a file storage that is not there is unavailable, not empty") {
  Folder folder;
  const std::string uri = "file://" + (folder.path() / "root").string();
  CHECK(absl::IsUnavailable(OpenFileStorage(uri).status()));
  CHECK(absl::IsInvalidArgument(OpenFileStorage("s3://x").status()));
  CHECK(absl::IsInvalidArgument(OpenFileStorage("file://relative").status()));
  auto storage = OpenFileStorage(uri, RootFolder::kCreate);
  REQUIRE(storage.ok());
  const FileRef file = (*storage)->Write("job/a", "x").value();
  REQUIRE(ReadOrWriteStorageId(**storage, "id").ok());
  fs::rename(folder.path() / "root", folder.path() / "away");
  CHECK(absl::IsUnavailable((*storage)->Read(file).status()));
  CHECK(absl::IsUnavailable((*storage)->Write("job/b", "x").status()));
  CHECK(absl::IsUnavailable((*storage)->List("job").status()));
  CHECK(absl::IsUnavailable((*storage)->Probe()));
  CHECK(absl::IsUnavailable((*storage)->Delete("job/a")));
  fs::create_directory(folder.path() / "root");
  CHECK(absl::IsUnavailable(
      (*storage)->Read(file).status()));  // an empty mount point: the id is missing
  fs::remove(folder.path() / "root");
  fs::rename(folder.path() / "away", folder.path() / "root");
  CHECK((*storage)->Read(file).value() == "x");
}

TEST_CASE("a full disk is resource exhausted and leaves nothing") {
  Folder folder;
  auto storage = OpenFileStorage("file://" + folder.path().string());
  REQUIRE(storage.ok());
  // A file size limit stands in for the full disk: it fails in the middle of a write.
  struct rlimit old;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  struct rlimit small = old;
  small.rlim_cur = 4096;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const absl::Status status = (*storage)->Write("job/big", std::string(100000, 'x')).status();
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(absl::IsResourceExhausted(status));
  CHECK((*storage)->List("").value().empty());
  CHECK(fs::is_empty(folder.path() / "job"));
  CHECK((*storage)->Write("job/big", std::string(100000, 'x')).ok());
}

}  // namespace weir::checkpoint
