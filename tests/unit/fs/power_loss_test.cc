// What a loss of power, a kill and a fault leave on a simulated disk.
#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "catch2/catch.hpp"
#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/unit/fs/confined_environment.h"

namespace weir::sim {
namespace {

using fs::OpenMode;

struct Machine {
  explicit Machine(uint64_t seed) : files(&environment, seed) { files.Share("/shared"); }
  testing::ConfinedEnvironment environment;
  SimulatedFileSystem files;

  std::unique_ptr<fs::File> Write(const std::string& path, std::string_view text) {
    auto file = files.Open(path, OpenMode::kCreate);
    REQUIRE(file.error == 0);
    REQUIRE(file.value->Append(text) == 0);
    return std::move(file.value);
  }
  // What is there: `-` for nothing.
  std::string Read(const std::string& path) { return files.DiskAt(environment.node, path).Contents(path).value_or("-"); }
};

// All that `body` ends with, over many seeds.
template <typename Body>
std::set<std::string> Outcomes(Body body) {
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Machine machine(seed);
    seen.insert(body(machine));
  }
  return seen;
}

TEST_CASE("contents and name are durable only when both were fsynced") {
  const auto with = [](bool sync, bool sync_folder) {
    return Outcomes([=](Machine& m) {
      auto file = m.Write("/a", "ab");
      if (sync) REQUIRE(file->Sync() == 0);
      if (sync_folder) REQUIRE(m.files.SyncFolder("/") == 0);
      m.files.PowerLoss(0);
      return m.Read("/a");
    });
  };
  using Set = std::set<std::string>;
  CHECK(with(true, true) == Set{"ab"});
  CHECK(with(true, false) == Set{"-", "ab"});
  // A name without contents, contents by half, a length without contents.
  const Set torn = with(false, true);
  CHECK(torn.contains(""));
  CHECK(torn.contains("a"));
  CHECK(torn.contains("ab"));
  CHECK(torn.contains(std::string(2, '\0')));
  CHECK_FALSE(torn.contains("-"));
  CHECK(with(false, false).contains("-"));
}

TEST_CASE("a rename is kept whole or not at all") {
  const auto seen = Outcomes([](Machine& m) {
    REQUIRE(m.Write("/new", "new")->Sync() == 0);
    REQUIRE(m.Write("/old", "old")->Sync() == 0);
    REQUIRE(m.files.SyncFolder("/") == 0);
    REQUIRE(m.files.Rename("/new", "/old") == 0);
    m.files.PowerLoss(0);
    return m.Read("/new") + " " + m.Read("/old");
  });
  CHECK(seen == std::set<std::string>{"new old", "- new"});
}

TEST_CASE("a removed name may come back until its folder is fsynced") {
  const auto with = [](bool sync) {
    return Outcomes([=](Machine& m) {
      REQUIRE(m.Write("/a", "a")->Sync() == 0);
      REQUIRE(m.files.SyncFolder("/") == 0);
      REQUIRE(m.files.Unlink("/a") == 0);
      if (sync) REQUIRE(m.files.SyncFolder("/") == 0);
      m.files.PowerLoss(0);
      return m.Read("/a");
    });
  };
  CHECK(with(true) == std::set<std::string>{"-"});
  CHECK(with(false) == std::set<std::string>{"-", "a"});
}

TEST_CASE("a folder whose name is lost takes all in it along") {
  const auto seen = Outcomes([](Machine& m) {
    REQUIRE(m.files.MakeFolder("/f") == 0);
    REQUIRE(m.Write("/f/a", "a")->Sync() == 0);
    REQUIRE(m.files.SyncFolder("/f") == 0);
    m.files.PowerLoss(0);
    return m.Read("/f/a");
  });
  CHECK(seen == std::set<std::string>{"-", "a"});
}

TEST_CASE("a replaced file without fsync may lose the old contents and the new") {
  const auto seen = Outcomes([](Machine& m) {
    REQUIRE(m.Write("/a", "old")->Sync() == 0);
    REQUIRE(m.files.SyncFolder("/") == 0);
    auto file = m.files.Open("/a", OpenMode::kReplace);
    REQUIRE(file.value->Append("new") == 0);
    m.files.PowerLoss(0);
    return m.Read("/a");
  });
  CHECK(seen.contains("old"));
  CHECK(seen.contains("new"));
  CHECK(seen.contains(""));
}

TEST_CASE("on a shared disk only what the lost node did is in danger") {
  const auto seen = Outcomes([](Machine& m) {
    m.environment.node = 1;
    m.Write("/shared/mine", "1");
    m.environment.node = 2;
    m.Write("/shared/theirs", "2");
    m.files.PowerLoss(1);
    return m.Read("/shared/mine") + m.Read("/shared/theirs");
  });
  CHECK(seen.contains("-2"));
  CHECK(seen.contains("12"));
  for (const std::string& outcome : seen) CHECK(outcome.back() == '2');
}

TEST_CASE("each node has a disk of its own") {
  Machine m(1);
  m.environment.node = 1;
  m.Write("/a", "1");
  m.environment.node = 2;
  CHECK(m.files.Stat("/a").error == ENOENT);
  m.Write("/a", "2");
  m.environment.node = 1;
  CHECK(m.Read("/a") == "1");
  CHECK(m.files.Rename("/a", "/shared/a") == EXDEV);
}

TEST_CASE("a kill keeps what was written and frees the locks") {
  Machine m(1);
  m.Write("/a", "text");
  auto lock = m.files.Lock("/lock", "1");
  REQUIRE(lock.error == 0);
  m.environment.process = 2;
  CHECK(m.files.Lock("/lock", "2").error == EWOULDBLOCK);
  m.environment.dead.insert(1);
  auto second = m.files.Lock("/lock", "2");
  CHECK(second.error == 0);
  lock.value = nullptr;  // of the dead one: frees nothing
  m.environment.process = 3;
  CHECK(m.files.Lock("/lock", "3").error == EWOULDBLOCK);
  CHECK(m.Read("/a") == "text");
}

TEST_CASE("a large write may be seen half done") {
  const auto seen = Outcomes([](Machine& m) {
    auto file = m.files.Open("/a", OpenMode::kCreate);
    size_t between = 0;
    m.environment.on_await = [&] {
      const size_t size = m.Read("/a").size();
      if (size > 0) between = size;
    };
    REQUIRE(file.value->Append(std::string(1000, 'x')) == 0);
    REQUIRE(m.Read("/a").size() == 1000);
    return between > 0 ? "torn" : "whole";
  });
  CHECK(seen == std::set<std::string>{"torn", "whole"});
}

TEST_CASE("a full disk takes what fits, then nothing, until it has room") {
  Machine m(1);
  m.files.DiskOf(0).faults().free_bytes = 6;
  auto file = m.files.Open("/a", OpenMode::kCreate);
  CHECK(file.value->Append("1234") == 0);
  CHECK(file.value->Append("5678") == ENOSPC);
  CHECK(m.Read("/a") == "123456");
  CHECK(m.files.Open("/b", OpenMode::kCreate).error == ENOSPC);
  CHECK(m.files.MakeFolder("/f") == ENOSPC);
  m.files.DiskOf(0).faults().free_bytes = DiskFaults::kPlenty;
  CHECK(file.value->Append("78") == 0);
  CHECK(m.Read("/a") == "12345678");
}

TEST_CASE("after a failed fsync a second one proves nothing") {
  const auto seen = Outcomes([](Machine& m) {
    auto file = m.Write("/a", "a");
    REQUIRE(m.files.SyncFolder("/") == 0);
    m.files.DiskOf(0).faults().sync_errors = 1000;
    CHECK(file->Sync() == EIO);
    m.files.DiskOf(0).faults().sync_errors = 0;
    CHECK(file->Sync() == 0);
    CHECK(m.Read("/a") == "a");
    m.files.PowerLoss(0);
    return m.Read("/a");
  });
  CHECK(seen == std::set<std::string>{""});
}

TEST_CASE("other faults") {
  Machine m(1);
  auto file = m.Write("/a", "some text");
  DiskFaults& faults = m.files.DiskOf(0).faults();
  faults.read_only = true;
  CHECK(file->Append("x") == EROFS);
  CHECK(m.files.CheckWritable("/") == EROFS);
  CHECK(m.files.Unlink("/a") == EROFS);
  CHECK(m.files.Open("/a", OpenMode::kRead).error == 0);
  faults = {};
  faults.gone = true;
  CHECK(m.files.Stat("/").error == ENOENT);
  CHECK(m.files.Open("/a", OpenMode::kRead).error == ENOENT);
  faults = {};
  faults.read_errors = 1000;
  char byte;
  CHECK(m.files.Open("/a", OpenMode::kRead).value->ReadAt(0, &byte, 1).error == EIO);
  faults = {};
  faults.write_errors = 1000;
  CHECK(file->Append("x") == EIO);
  faults = {};
  const int64_t until = m.environment.now + 10'000'000;
  faults.stalled_until = until;
  CHECK(file->Sync() == 0);
  CHECK(m.environment.now >= until);
  faults = {};
  CHECK(m.files.DiskOf(0).FlipBit("/a"));
  const std::string flipped = m.Read("/a");
  CHECK(flipped.size() == 9);
  CHECK(flipped != "some text");
  CHECK(m.files.DiskOf(0).Truncate("/a"));
  CHECK(m.Read("/a").size() < 9);
  CHECK_FALSE(m.files.DiskOf(0).FlipBit("/none"));
}

TEST_CASE("a disk that lies about the fsync of a folder") {
  const auto seen = Outcomes([](Machine& m) {
    m.files.DiskOf(0).faults().ignores_folder_sync = true;
    REQUIRE(m.Write("/a", "a")->Sync() == 0);
    REQUIRE(m.files.SyncFolder("/") == 0);
    m.files.PowerLoss(0);
    return m.Read("/a");
  });
  CHECK(seen == std::set<std::string>{"-", "a"});
}

TEST_CASE("the same seed gives the same disk") {
  const auto run = [](uint64_t seed) {
    Machine m(seed);
    for (int i = 0; i < 20; ++i) m.Write("/" + std::to_string(i), std::string(100 * i, 'x'));
    m.files.PowerLoss(0);
    std::string all = std::to_string(m.environment.now);
    for (const std::string& path : m.files.DiskOf(0).image().Files("/")) all += path + m.Read(path);
    return all;
  };
  CHECK(run(5) == run(5));
  CHECK(run(5) != run(6));
}

}  // namespace
}  // namespace weir::sim
