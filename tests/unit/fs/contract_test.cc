// What holds for every file system: the same steps on the machine's and on the simulated one.
#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "common/fs/file_system.h"
#include "common/fs/posix/posix_file_system.h"
#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/fs/confined_environment.h"

namespace weir::fs {
namespace {

// Runs the body with a file system and an empty folder of it.
void OnEach(const std::function<void(FileSystem&, const std::string&)>& body) {
  SECTION("posix") {
    testing::TemporaryFolder folder;
    body(Posix(), folder.path());
  }
  SECTION("simulated") {
    testing::ConfinedEnvironment environment;
    sim::SimulatedFileSystem simulated(&environment, 7);
    REQUIRE(simulated.MakeFolder("/t") == 0);
    body(simulated, "/t");
  }
  SECTION("simulated, shared") {
    testing::ConfinedEnvironment environment;
    sim::SimulatedFileSystem simulated(&environment, 7);
    simulated.Share("/mnt/shared");
    body(simulated, "/mnt/shared");
  }
}

void Put(FileSystem& in, const std::string& path, std::string_view text) {
  auto file = in.Open(path, OpenMode::kReplace);
  REQUIRE(file.error == 0);
  REQUIRE(file.value->Append(text) == 0);
}
std::string Get(FileSystem& in, const std::string& path) {
  auto file = in.Open(path, OpenMode::kRead);
  REQUIRE(file.error == 0);
  std::string text(1000, '\0');
  const auto got = file.value->ReadAt(0, text.data(), text.size());
  REQUIRE(got.error == 0);
  text.resize(got.value);
  return text;
}
std::vector<std::string> Names(FileSystem& in, const std::string& folder) {
  const auto entries = in.List(folder);
  REQUIRE(entries.error == 0);
  std::vector<std::string> names;
  for (const Entry& entry : entries.value) names.push_back(entry.name + (entry.type == FileType::kFolder ? "/" : ""));
  std::sort(names.begin(), names.end());
  return names;
}

TEST_CASE("files are made once, replaced, appended to and read in parts") {
  OnEach([](FileSystem& in, const std::string& t) {
    CHECK(in.Open(t + "/a", OpenMode::kRead).error == ENOENT);
    auto file = in.Open(t + "/a", OpenMode::kCreate);
    REQUIRE(file.error == 0);
    CHECK(in.Open(t + "/a", OpenMode::kCreate).error == EEXIST);
    CHECK(file.value->Append("hello ") == 0);
    CHECK(file.value->Append("") == 0);
    CHECK(file.value->Append("world") == 0);
    CHECK(file.value->Sync() == 0);
    CHECK(file.value->Stat().value.size == 11);
    CHECK(Get(in, t + "/a") == "hello world");

    auto reader = in.Open(t + "/a", OpenMode::kReadNoBlock);
    reader.value->ReadAhead();
    char part[5];
    CHECK(reader.value->ReadAt(6, part, 5).value == 5);
    CHECK(std::string(part, 5) == "world");
    CHECK(reader.value->ReadAt(9, part, 5).value == 2);
    CHECK(reader.value->ReadAt(11, part, 5).value == 0);
    CHECK(reader.value->ReadAt(99, part, 5).value == 0);

    Put(in, t + "/a", "new");
    CHECK(Get(in, t + "/a") == "new");
    CHECK(in.Open(t + "/none/a", OpenMode::kCreate).error == ENOENT);
    CHECK(in.Open(t + "/a/b", OpenMode::kCreate).error == ENOTDIR);
    CHECK(in.Open(t + "/a/b", OpenMode::kRead).error == ENOTDIR);
    CHECK(in.Open(t, OpenMode::kReplace).error == EISDIR);
  });
}

TEST_CASE("large files have what was appended, whole blocks or not, from memory that begins anywhere") {
  OnEach([](FileSystem& in, const std::string& t) {
    int number = 0;
    for (const size_t size : {0, 100, 4096, 4097, (1 << 20) + 4096, (3 << 20) + 5}) {
      for (const size_t shift : {0, 1}) {
        std::string bytes(shift, '!');
        for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 131 >> 5));
        const std::string_view wanted = std::string_view(bytes).substr(shift);
        const std::string path = t + "/large" + std::to_string(number++);
        auto file = in.Open(path, OpenMode::kCreateLarge);
        REQUIRE(file.error == 0);
        CHECK(in.Open(path, OpenMode::kCreateLarge).error == EEXIST);
        REQUIRE(file.value->Append(wanted) == 0);
        REQUIRE(file.value->Append("and more") == 0);
        REQUIRE(file.value->Append(wanted) == 0);
        REQUIRE(file.value->Sync() == 0);
        CHECK(ReadWhole(in, path).value == std::string(wanted) + "and more" + std::string(wanted));
      }
    }
  });
}

TEST_CASE("an open file is what it was, whatever happens to its name") {
  OnEach([](FileSystem& in, const std::string& t) {
    Put(in, t + "/a", "one");
    auto file = in.Open(t + "/a", OpenMode::kRead);
    Put(in, t + "/b", "two");
    REQUIRE(in.Rename(t + "/b", t + "/a") == 0);
    char text[3];
    CHECK(file.value->ReadAt(0, text, 3).value == 3);
    CHECK(std::string(text, 3) == "one");
    CHECK(Get(in, t + "/a") == "two");
    REQUIRE(in.Unlink(t + "/a") == 0);
    CHECK(file.value->Stat().value.size == 3);
  });
}

TEST_CASE("files are read whole") {
  OnEach([](FileSystem& in, const std::string& t) {
    CHECK(ReadWhole(in, t + "/a").error == ENOENT);
    CHECK(ReadWhole(in, t).error == EISDIR);
    Put(in, t + "/a", "");
    CHECK(ReadWhole(in, t + "/a").ok());
    CHECK(ReadWhole(in, t + "/a").value.empty());
    const std::string large(300'000, 'x');
    Put(in, t + "/a", large);
    CHECK(ReadWhole(in, t + "/a").value == large);
    // In memory that held more, or less.
    CHECK(ReadWhole(in, t + "/a", std::string(400'000, 'y')).value == large);
    CHECK(ReadWhole(in, t + "/a", std::string(200'000, 'y')).value == large);
  });
}

TEST_CASE("stat tells files, folders and names of the same file") {
  OnEach([](FileSystem& in, const std::string& t) {
    Put(in, t + "/a", "text");
    REQUIRE(in.Link(t + "/a", t + "/b") == 0);
    const auto a = in.Stat(t + "/a"), b = in.Stat(t + "/b"), folder = in.Stat(t);
    CHECK(a.value.type == FileType::kFile);
    CHECK(a.value.size == 4);
    CHECK(a.value.age_micros >= 0);
    CHECK(folder.value.type == FileType::kFolder);
    CHECK(a.value.inode == b.value.inode);
    CHECK(a.value.device == b.value.device);
    CHECK(a.value.inode != folder.value.inode);
    CHECK(in.Stat(t + "/none").error == ENOENT);
    CHECK(in.Stat(t + "/a/none").error == ENOTDIR);
    CHECK(in.CheckWritable(t) == 0);
    CHECK(in.CheckWritable(t + "/none") == ENOENT);
    CHECK(in.Link(t + "/a", t + "/b") == EEXIST);
    CHECK(in.Link(t + "/none", t + "/c") == ENOENT);
  });
}

TEST_CASE("renaming replaces or does not") {
  OnEach([](FileSystem& in, const std::string& t) {
    Put(in, t + "/a", "a");
    Put(in, t + "/b", "b");
    CHECK(in.RenameNoReplace(t + "/a", t + "/b") == EEXIST);
    CHECK(Get(in, t + "/b") == "b");
    CHECK(in.RenameNoReplace(t + "/a", t + "/c") == 0);
    CHECK(Names(in, t) == std::vector<std::string>{"b", "c"});
    CHECK(in.RenameNoReplace(t + "/a", t + "/d") == ENOENT);
    CHECK(in.Rename(t + "/a", t + "/d") == ENOENT);
    CHECK(in.Rename(t + "/c", t + "/b") == 0);
    CHECK(Get(in, t + "/b") == "a");
    CHECK(in.Rename(t + "/b", t + "/none/b") == ENOENT);
    // Two names of one file, as a crash may leave them, become one.
    REQUIRE(in.Link(t + "/b", t + "/e") == 0);
    CHECK(in.RenameNoReplace(t + "/b", t + "/e") == 0);
    CHECK(Names(in, t) == std::vector<std::string>{"e"});
    CHECK(in.RenameNoReplace(t + "/e", t + "/e") == EEXIST);
  });
}

TEST_CASE("folders are made, listed and removed when empty") {
  OnEach([](FileSystem& in, const std::string& t) {
    CHECK(in.MakeFolder(t + "/f") == 0);
    CHECK(in.MakeFolder(t + "/f") == EEXIST);
    CHECK(in.MakeFolder(t + "/none/f") == ENOENT);
    Put(in, t + "/f/.hidden", "");
    CHECK(Names(in, t) == std::vector<std::string>{"f/"});
    CHECK(Names(in, t + "/f") == std::vector<std::string>{".hidden"});
    CHECK(in.List(t + "/none").error == ENOENT);
    CHECK(in.List(t + "/f/.hidden").error == ENOTDIR);
    CHECK(in.RemoveFolder(t + "/f") == ENOTEMPTY);
    CHECK(in.RemoveFolder(t + "/f/.hidden") == ENOTDIR);
    CHECK(in.Unlink(t + "/f") == EISDIR);
    CHECK(in.Unlink(t + "/f/.hidden") == 0);
    CHECK(in.Unlink(t + "/f/.hidden") == ENOENT);
    CHECK(in.SyncFolder(t + "/f") == 0);
    CHECK(in.RemoveFolder(t + "/f") == 0);
    CHECK(in.RemoveFolder(t + "/f") == ENOENT);
    CHECK(in.SyncFolder(t + "/f") == ENOENT);
  });
}

TEST_CASE("trees are made and removed") {
  OnEach([](FileSystem& in, const std::string& t) {
    CHECK(MakeFolders(in, t + "/a/b/c") == 0);
    CHECK(MakeFolders(in, t + "/a/b/c") == 0);
    CHECK(IsFolder(in, t + "/a/b/c"));
    Put(in, t + "/a/b/file", "x");
    std::string failed;
    CHECK(MakeFolders(in, t + "/a/b/file/d", &failed) == ENOTDIR);
    CHECK(failed == t + "/a/b/file");
    CHECK(RemoveAll(in, t + "/a") == 0);
    CHECK_FALSE(Exists(in, t + "/a"));
    CHECK(RemoveAll(in, t + "/a") == 0);
    CHECK(Exists(in, t));
  });
}

TEST_CASE("patterns") {
  OnEach([](FileSystem& in, const std::string& t) {
    REQUIRE(MakeFolders(in, t + "/x/y") == 0);
    for (const char* name : {"/1.csv", "/2.csv", "/.3.csv", "/x/4.csv", "/x/y/5.csv"}) Put(in, t + name, "");
    const auto found = [&](const std::string& pattern) {
      auto paths = in.Glob(t + pattern);
      REQUIRE(paths.error == 0);
      std::sort(paths.value.begin(), paths.value.end());
      for (std::string& path : paths.value) path = path.substr(t.size());
      return paths.value;
    };
    using Paths = std::vector<std::string>;
    CHECK(found("/*.csv") == Paths{"/1.csv", "/2.csv"});
    CHECK(found("/[2-9].csv") == Paths{"/2.csv"});
    CHECK(found("/*/*.csv") == Paths{"/x/4.csv"});
    CHECK(found("/x/?/*") == Paths{"/x/y/5.csv"});
    CHECK(found("/none*").empty());
  });
}

TEST_CASE("a lock has one holder at a time, and names it") {
  OnEach([](FileSystem& in, const std::string& t) {
    auto lock = in.Lock(t + "/lock", "first");
    REQUIRE(lock.error == 0);
    CHECK(in.Lock(t + "/lock", "other").error == EWOULDBLOCK);
    CHECK(Get(in, t + "/lock") == "first");
    lock.value = nullptr;
    CHECK(in.Lock(t + "/lock", "2nd").error == 0);
    CHECK(Get(in, t + "/lock") == "2nd");
    CHECK(in.Lock(t + "/none/lock", "").error == ENOENT);
  });
}

TEST_CASE("the default can be replaced") {
  testing::ConfinedEnvironment environment;
  sim::SimulatedFileSystem simulated(&environment, 1);
  CHECK(&Default() == &Posix());
  SetDefault(&simulated);
  CHECK(&Default() == &simulated);
  SetDefault(nullptr);
  CHECK(&Default() == &Posix());
}

}  // namespace
}  // namespace weir::fs
