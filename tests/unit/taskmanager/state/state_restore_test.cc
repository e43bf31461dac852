// Reading a state back: files ahead, and more than the memory takes.

#include "taskmanager/state/read_ahead.h"
#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {
namespace {

std::vector<checkpoint::FileRef> WriteFiles(tests::MemoryStorage& storage, int count, size_t bytes) {
  std::vector<checkpoint::FileRef> files;
  for (int i = 0; i < count; ++i) {
    files.push_back(storage.Write("f" + std::to_string(i), std::string(bytes + static_cast<size_t>(i), static_cast<char>('a' + i % 20))).value());
  }
  return files;
}

}  // namespace

TEST_CASE("files are read ahead in their order, on a thread when they are large") {
  for (const size_t bytes : {size_t{100}, size_t{1} << 20}) {
    tests::MemoryStorage storage;
    const auto files = WriteFiles(storage, 40, bytes);
    ReadAhead read(&storage, files);
    for (int i = 0; i < 40; ++i) {
      auto got = read.Next();
      REQUIRE(got.ok());
      REQUIRE(got->size() == bytes + static_cast<size_t>(i));
      REQUIRE(got->front() == 'a' + i % 20);
      REQUIRE(got->back() == 'a' + i % 20);
      if (i % 3 != 0) read.Recycle(*std::move(got));
    }
  }
}

TEST_CASE("a file that cannot be read is told in its turn, and reading may end anywhere") {
  for (const size_t bytes : {size_t{100}, size_t{1} << 20}) {
    tests::MemoryStorage storage;
    const auto files = WriteFiles(storage, 40, bytes);
    storage.Damage("f7", [](std::string* content) { content->back() = '?'; });
    ReadAhead read(&storage, files);
    for (int i = 0; i < 7; ++i) REQUIRE(read.Next().ok());
    const absl::Status status = read.Next().status();
    CHECK(absl::IsDataLoss(status));
    CHECK(std::string(status.message()).find("f7") != std::string::npos);
    for (const int taken : {0, 1, 3}) {
      ReadAhead left(&storage, files);
      for (int i = 0; i < taken; ++i) REQUIRE(left.Next().ok());
    }
  }
}

TEST_CASE("a large state comes back; a file that is damaged or missing among many is named") {
  StateFixture f("memory");
  f.options.memory_budget_bytes = int64_t{1} << 30;
  f.options.delta_part_bytes = 2 << 20;
  auto state = f.Open();
  for (int i = 0; i < 24; ++i) {
    Set(*state, TextSpec(), i % 3, Numbered(i * 1000, i * 1000 + 1000), i, {}, std::string(1000, static_cast<char>('a' + i)));
  }
  const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  std::vector<checkpoint::FileRef> files;
  for (const checkpoint::DeltaRef& delta : snapshot.deltas) files.push_back(delta.file);
  for (const checkpoint::FileRef& file : snapshot.base) files.push_back(file);
  REQUIRE(files.size() > 5);
  CHECK(ReadAll(*f.Open({snapshot}), 5000) == ReadAll(*state, 5000));
  for (const size_t i : {size_t{0}, size_t{3}, files.size() - 1}) {
    std::string good;
    f.storage->Damage(files[i].path, [&](std::string* bytes) {
      good = *bytes;
      (*bytes)[bytes->size() / 2] ^= 1;
    });
    absl::Status status = f.TryOpen({snapshot}).status();
    CHECK(absl::IsDataLoss(status));
    CHECK(std::string(status.message()).find(files[i].path) != std::string::npos);
    REQUIRE(f.storage->Delete(files[i].path).ok());
    status = f.TryOpen({snapshot}).status();
    CHECK(absl::IsDataLoss(status));
    CHECK(std::string(status.message()).find(files[i].path) != std::string::npos);
    REQUIRE(f.storage->Write(files[i].path, good).ok());
  }
  CHECK(f.TryOpen({snapshot}).ok());
}

TEST_CASE("what a state restored with a small budget does not keep in memory lies in the store, as the newest") {
  constexpr int kKeys = 12000;
  StateFixture written("memory");
  written.options.memory_budget_bytes = int64_t{1} << 30;
  written.options.min_delta_bytes = 0;
  written.options.max_deltas = 3;
  written.options.delta_part_bytes = 100000;
  written.options.dump_slice_bytes = 300000;
  auto state = written.Open();
  StateFixture f("rocksdb");
  f.storage = written.storage;
  f.options.memory_budget_bytes = 400 << 10;
  for (int i = 1; i <= 12; ++i) {
    // Of each namespace some is changed, some removed, some there again; one is dropped now and then.
    Set(*state, CountSpec(), i % 3, Numbered(0, kKeys / (1 + i % 4)), i);
    Remove(TableOf(*state, CountSpec()).Open(i % 3), Numbered(i * 500, i * 600));
    Set(*state, CountSpec(), i % 3, Numbered(i * 550, i * 580), i + 100);
    if (i % 5 == 0) TableOf(*state, CountSpec()).Drop((i + 1) % 3);
    const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, i);
    if (i % 2 == 0) continue;
    const Contents contents = ReadAll(*state, 5000);
    auto restored = f.Open({snapshot});
    CHECK(restored->memory_bytes() <= f.options.memory_budget_bytes * 3 / 4 + (64 << 10));
    REQUIRE(ReadAll(*restored, 5000) == contents);
    // And goes on from there, at its own parallelism and at others.
    Set(*restored, CountSpec(), 1, Numbered(kKeys - 200, kKeys + 100), i + 1000);
    const checkpoint::KeyedSnapshot next = Checkpoint(*restored, 100 + i);
    const Contents after = ReadAll(*restored, 5000);
    Contents halves = ReadAll(*f.Open({next}, {0, 50}), 5000);
    halves.merge(ReadAll(*f.Open({next}, {50, 128}), 5000));
    REQUIRE(halves == after);
  }
}

}  // namespace weir::taskmanager
