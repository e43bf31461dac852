#include <functional>
#include <set>
#include <thread>

#include "common/base/failpoint.h"
#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {
namespace {

std::vector<checkpoint::FileRef> FilesOf(const checkpoint::KeyedSnapshot& snapshot) {
  std::vector<checkpoint::FileRef> files = snapshot.base;
  for (const auto& delta : snapshot.deltas) {
    if (!delta.is_inline()) files.push_back(delta.file);
  }
  return files;
}

}  // namespace

TEST_CASE("a checkpoint costs what changed") {
  StateFixture f("memory");
  auto state = f.Open();
  Set(*state, CountSpec(), 1, Numbered(0, 10000), 1);
  checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  REQUIRE(snapshot.deltas.size() == 1);
  CHECK(!snapshot.deltas[0].is_inline());

  snapshot = Checkpoint(*state, 2);  // nothing changed
  CHECK(snapshot.deltas.size() == 1);

  Set(*state, CountSpec(), 1, Numbered(5, 8), 2);
  auto writer = Freeze(*state, 3);
  snapshot = writer->Write().value();
  REQUIRE(snapshot.deltas.size() == 2);
  CHECK(snapshot.deltas[1].is_inline());
  CHECK(writer->bytes_written() < 200);

  // Born and removed in between: no trace.
  Set(*state, CountSpec(), 2, Numbered(0, 100), 1);
  TableOf(*state, CountSpec()).Drop(2);
  CHECK(Checkpoint(*state, 4).deltas.size() == 2);

  // What a checkpoint had is removed by a word.
  TableOf(*state, CountSpec()).Drop(1);
  snapshot = Checkpoint(*state, 5);
  REQUIRE(snapshot.deltas.size() == 3);
  CHECK(snapshot.deltas[2].bytes.size() < 100);
  CHECK(ReadAll(*f.Open({snapshot})).empty());
}

TEST_CASE("small deltas travel inline until there are many, then as one file") {
  StateFixture f("memory");
  auto state = f.Open();
  checkpoint::KeyedSnapshot snapshot;
  bool merged = false;
  for (int i = 1; i <= 40; ++i) {
    Set(*state, CountSpec(), 1, Numbered(0, 1000), i);
    snapshot = Checkpoint(*state, i);
    size_t bytes = 0;
    for (const auto& delta : snapshot.deltas) bytes += delta.bytes.size();
    REQUIRE(bytes <= 256 << 10);
    merged = merged || !FilesOf(snapshot).empty();
  }
  CHECK(merged);
  CHECK(snapshot.deltas.size() < 20);
  CHECK(ReadAll(*f.Open({snapshot})) == ReadAll(*state));
}

TEST_CASE("many small deltas are joined; no base is made while they are less than the state") {
  StateFixture f("memory");
  auto state = f.Open();
  Set(*state, CountSpec(), 1, Numbered(0, 100000), 0);
  checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  int64_t written = 0, changed = 0;
  for (int i = 2; i <= 150; ++i) {
    // Some 30 KB, which is inline; every other time 80 KB, which is a file.
    Set(*state, CountSpec(), 1, Numbered(i * 10, i * 10 + (i % 2 == 0 ? 4000 : 1500)), i);
    Remove(TableOf(*state, CountSpec()).Open(1), Numbered(i * 10, i * 10 + 3));
    auto writer = Freeze(*state, i);
    changed += i % 2 == 0 ? 80000 : 30000;
    snapshot = writer->Write().value();
    written += writer->bytes_written();
    REQUIRE(snapshot.base.empty());
    REQUIRE(snapshot.deltas.size() <= 66);
    if (i % 30 == 0) REQUIRE(ReadAll(*f.Open({snapshot}), 5000) == ReadAll(*state, 5000));
  }
  CHECK(written < 4 * changed);
  CHECK(ReadAll(*f.Open({snapshot}), 5000) == ReadAll(*state, 5000));
}

TEST_CASE("a base goes on between barriers, and removals between its parts are not lost") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    f.options.min_delta_bytes = 300 << 10;
    f.options.dump_slice_bytes = 16 << 10;
    f.options.memory_budget_bytes = backend == "memory" ? 1 << 30 : 1 << 20;
    auto state = f.Open();
    Set(*state, CountSpec(), 1, Numbered(0, 30000), 0);
    int bases = 0;
    std::string base;
    for (int i = 1; i <= 40; ++i) {
      NamespaceTable& entries = TableOf(*state, CountSpec()).Open(1);
      for (int j = 0; j < 20; ++j) {
        const int from = (i * 20 + j) * 700 % 30000;
        Set(*state, CountSpec(), 1, Numbered(from, from + 300), i);
        // Born, perhaps dumped, and removed before the next barrier.
        Set(*state, CountSpec(), 1, Numbered(50000 + j, 50000 + j + 5), i);
        Remove(entries, Numbered(50000 + j, 50000 + j + 4));
        Remove(entries, Numbered(from + 90, from + 95));
      }
      const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, i);
      if (!snapshot.base.empty() && snapshot.base.back().path != base) {
        base = snapshot.base.back().path;
        ++bases;
      }
      if (i % 3 == 0) REQUIRE(ReadAll(*f.Open({snapshot}), 5000) == ReadAll(*state, 5000));
    }
    CHECK(bases > 1);
  }
}

TEST_CASE("a base that takes several barriers, while inline deltas are merged, restores what was") {
  StateFixture f("memory");
  f.options.min_delta_bytes = 300 << 10;
  f.options.dump_slice_bytes = 40 << 10;
  auto state = f.Open();
  int bases = 0;
  std::string base;
  for (int i = 1; i <= 120; ++i) {
    const int from = i * 2300 % 35000;
    Set(*state, CountSpec(), 1, Numbered(from, from + 2300), i);
    Set(*state, CountSpec(), 1, Numbered(50000, 50010), i);
    const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, i);
    if (!snapshot.base.empty() && snapshot.base[0].path != base) {
      base = snapshot.base[0].path;
      ++bases;
      CHECK(snapshot.base.size() > 2);
    }
    REQUIRE(ReadAll(*f.Open({snapshot}), 5000) == ReadAll(*state, 5000));
  }
  CHECK(bases > 1);
}

TEST_CASE("what a failing storage did not take goes with the next checkpoint") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    f.options.max_deltas = 3;
    f.options.memory_budget_bytes = backend == "memory" ? 1 << 30 : 1200000;
    auto state = f.Open();
    for (int i = 1; i <= 12; ++i) {
      Set(*state, CountSpec(), i % 2, Numbered(i * 100, i * 100 + 5000), i);
      f.storage->SetFull(i % 3 != 0);
      auto writer = Freeze(*state, i);
      const auto snapshot = writer->Write();
      if (i % 3 != 0) {
        CHECK(absl::IsResourceExhausted(snapshot.status()));
        state->OnCheckpointAborted(CheckpointId(i));
        continue;
      }
      INFO(snapshot.status().ToString());
      REQUIRE(snapshot.ok());
      CHECK(ReadAll(*f.Open({*snapshot}), 500) == ReadAll(*state, 500));
    }
    CHECK(state->memory_bytes() < 2 << 20);
  }
}

TEST_CASE("a base replaces the deltas; a database's files are stored once") {
  StateFixture f("rocksdb");
  f.options.max_deltas = 2;
  f.options.memory_budget_bytes = 150000;
  auto state = f.Open();
  std::set<std::string> before;
  int reused = 0;
  for (int i = 1; i <= 12; ++i) {
    Set(*state, CountSpec(), i, Numbered(0, 3000), i);
    const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, i);
    REQUIRE(snapshot.deltas.size() <= 4);
    REQUIRE(snapshot.base_names.size() == (snapshot.base_kind.empty() ? 0 : snapshot.base.size()));
    std::set<std::string> now;
    for (const auto& file : snapshot.base) now.insert(file.path);
    if (now != before) {
      for (const std::string& path : now) reused += before.contains(path) ? 1 : 0;
    }
    before = now;
    if (i == 12) {
      CHECK(snapshot.base_kind == "rocksdb");
      auto restored = f.Open({snapshot});
      CHECK(ReadAll(*restored, 500) == ReadAll(*state, 500));
      // The restored chain goes on: nothing is uploaded again.
      Set(*restored, CountSpec(), 99, {"x"}, 1);
      const checkpoint::KeyedSnapshot next = Checkpoint(*restored, 13);
      size_t same = 0;
      for (const auto& file : next.base) same += now.contains(file.path) ? 1 : 0;
      CHECK(same > 0);
      CHECK(ReadAll(*f.Open({next}), 500) == ReadAll(*restored, 500));
    }
  }
  CHECK(reused > 0);
}

TEST_CASE("a database's checkpoint shows the barrier, not what came after it") {
  StateFixture f("rocksdb");
  f.options.max_deltas = 0;
  f.options.memory_budget_bytes = 150000;
  f.options.copied_at_barrier = 0;
  auto state = f.Open();
  for (int i = 1; i <= 6; ++i) {
    Set(*state, CountSpec(), 1, Numbered(0, 5000), i);
    auto writer = state->Freeze(CheckpointId(i)).value();
    const Contents frozen = ReadAll(*state, 1000);
    // Loads, changes and (were it allowed) evicts what the database holds, before the writer comes
    // to it.
    for (int j = 0; j < 12000; j += 1000)
      Set(*state, CountSpec(), 1, Numbered(j, j + 1000), 1000 + i);
    TableOf(*state, CountSpec()).Drop(i % 3);
    REQUIRE(state->CopyFrozen(5000));
    const checkpoint::KeyedSnapshot snapshot = writer->Write().value();
    REQUIRE((i == 1 || snapshot.base_kind == "rocksdb"));
    REQUIRE(ReadAll(*f.Open({snapshot}), 1000) == frozen);
  }
}

TEST_CASE("every damaged or missing file of a snapshot is found and named") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    f.options.max_deltas = 2;
    f.options.memory_budget_bytes = backend == "memory" ? 1 << 30 : 200000;
    auto state = f.Open();
    checkpoint::KeyedSnapshot snapshot;
    for (int i = 1; i <= 9; ++i) {
      Set(*state, CountSpec(), i, Numbered(0, 4000), i);
      snapshot = Checkpoint(*state, i);
      if (i > 6 && !snapshot.deltas.empty()) break;
    }
    REQUIRE(snapshot.base_kind == (backend == "memory" ? "dump" : "rocksdb"));
    const std::vector<checkpoint::FileRef> files = FilesOf(snapshot);
    REQUIRE(files.size() > snapshot.base.size());
    for (const checkpoint::FileRef& file : files) {
      std::string good;
      auto expect_loss = [&](const std::function<void(std::string*)>& change) {
        f.storage->Damage(file.path, change);
        const absl::Status status = f.TryOpen({snapshot}).status();
        INFO(status.ToString());
        REQUIRE(absl::IsDataLoss(status));
        REQUIRE(std::string(status.message()).find(file.path) != std::string::npos);
        f.storage->Damage(file.path, [&](std::string* bytes) { *bytes = good; });
      };
      f.storage->Damage(file.path, [&](std::string* bytes) { good = *bytes; });
      expect_loss([](std::string* bytes) { bytes->at(bytes->size() / 2) ^= 4; });
      expect_loss([](std::string* bytes) { bytes->pop_back(); });
      expect_loss([](std::string* bytes) { *bytes = std::string(bytes->size(), 'x'); });
      REQUIRE(f.storage->Delete(file.path).ok());
      const absl::Status status = f.TryOpen({snapshot}).status();
      REQUIRE(absl::IsDataLoss(status));
      REQUIRE(std::string(status.message()).find(file.path) != std::string::npos);
      REQUIRE(f.storage->Write(file.path, good).ok());
    }
    CHECK(ReadAll(*f.Open({snapshot}), 500) == ReadAll(*state, 500));
    f.storage->SetMissing(true);
    CHECK(absl::IsUnavailable(f.TryOpen({snapshot}).status()));
  }
}

TEST_CASE("a damaged inline delta is found") {
  StateFixture f("memory");
  auto state = f.Open();
  Set(*state, CountSpec(), 1, {"a"}, 1);
  checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  REQUIRE(snapshot.deltas.at(0).is_inline());
  snapshot.deltas[0].bytes.back() ^= 1;
  CHECK(absl::IsDataLoss(f.TryOpen({snapshot}).status()));
}

TEST_CASE("writers that are dropped, late or stopped by a failpoint lose nothing") {
  StateFixture f("memory");
  auto state = f.Open();
  Set(*state, CountSpec(), 1, {"a"}, 1);
  auto dropped = Freeze(*state, 1);
  dropped.reset();
  Set(*state, CountSpec(), 1, {"b"}, 2);
  auto second = Freeze(*state, 2);
  Set(*state, CountSpec(), 1, {"c"}, 3);
  auto third = Freeze(*state, 3);
  CHECK(ReadAll(*f.Open({second->Write().value()})).size() == 2);
#ifdef WEIR_FAILPOINTS
  for (const std::string point : {"before_upload", "after_upload"}) {
    REQUIRE(failpoint::Configure(point + "=error").ok());
    CHECK(absl::IsUnavailable(third->Write().status()));
    REQUIRE(failpoint::Configure("").ok());
  }
#endif
  const checkpoint::KeyedSnapshot snapshot = third->Write().value();
  CHECK(absl::IsAborted(second->Write().status()));
  CHECK(ReadAll(*f.Open({snapshot})) == ReadAll(*state));
}

TEST_CASE("many changes are copied after the barrier, as they were at it") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    f.options.copied_at_barrier = 100;
    auto state = f.Open();
    Set(*state, TextSpec(), 1, Numbered(0, 200), 1, {}, "first");
    Set(*state, CountSpec(), 1, Numbered(0, 200), 1);
    Set(*state, CountSpec(), 2, Numbered(0, 200), 1);
    Checkpoint(*state, 1);
    // What the second barrier sees: changed, new and removed entries.
    Set(*state, TextSpec(), 1, Numbered(100, 300), 2, {}, "second");
    Set(*state, CountSpec(), 1, Numbered(100, 300), 2);
    Set(*state, CountSpec(), 2, Numbered(100, 300), 2);
    REQUIRE(Remove(TableOf(*state, CountSpec()).Open(1), Numbered(0, 50)) == 50);
    REQUIRE(Remove(TableOf(*state, CountSpec()).Open(1), Numbered(250, 260)) == 10);
    const Contents at_barrier = ReadAll(*state, 100);
    auto writer = state->Freeze(CheckpointId(2)).value();
    // What it does not see: all ways to change an entry.
    Set(*state, CountSpec(), 1, Numbered(20, 150), 3);  // changed again, and there again
    NamespaceTable& texts = TableOf(*state, TextSpec()).Open(1);
    for (const uint32_t slot : Find(texts, Numbered(140, 180))) {
      texts.set_text(slot, "third");
      texts.MarkChanged(&slot, 1);
    }
    REQUIRE(Remove(texts, Numbered(180, 290)) == 110);
    Set(*state, TextSpec(), 1, Numbered(1000, 1100), 3, {}, "new");  // in the rows of those
    CHECK_FALSE(state->CopyFrozen(70));
    REQUIRE(Remove(TableOf(*state, CountSpec()).Open(1), Numbered(255, 300)) == 40);
    TableOf(*state, CountSpec()).Drop(2);
    Set(*state, CountSpec(), 2, Numbered(0, 10), 4);
    CHECK(writer->Write().status().code() == absl::StatusCode::kInternal);  // nothing is left out silently
    while (!state->CopyFrozen(70)) {
    }
    CHECK(ReadAll(*f.Open({writer->Write().value()}), 100) == at_barrier);
    const Contents later = ReadAll(*state, 100);
    CHECK(ReadAll(*f.Open({Checkpoint(*state, 3)}), 100) == later);
  }
}

TEST_CASE("the next barrier copies what the last one left") {
  StateFixture f("memory");
  f.options.copied_at_barrier = 0;
  auto state = f.Open();
  Set(*state, CountSpec(), 1, Numbered(0, 100), 1);
  auto first = state->Freeze(CheckpointId(1)).value();
  const Contents at_first = ReadAll(*state);
  Set(*state, CountSpec(), 1, Numbered(50, 150), 2);
  auto second = Freeze(*state, 2);
  CHECK(ReadAll(*f.Open({first->Write().value()})) == at_first);
  CHECK(ReadAll(*f.Open({second->Write().value()})) == ReadAll(*state));
}

TEST_CASE("writers run on another thread while the task goes on") {
  StateFixture f("rocksdb");
  f.options.max_deltas = 3;
  f.options.memory_budget_bytes = 150000;
  auto state = f.Open();
  std::vector<std::pair<Contents, checkpoint::KeyedSnapshot>> done(12);
  std::thread previous;
  for (int i = 0; i < 12; ++i) {
    Set(*state, CountSpec(), i % 3, Numbered(i * 50, i * 50 + 2000), i);
    done[static_cast<size_t>(i)].first = ReadAll(*state, 1000);
    std::shared_ptr<KeyedSnapshotWriter> writer = Freeze(*state, i + 1);
    if (previous.joinable()) previous.join();
    previous = std::thread([writer, &slot = done[static_cast<size_t>(i)].second] {
      auto snapshot = writer->Write();
      if (snapshot.ok()) slot = *std::move(snapshot);
    });
  }
  state.reset();  // an attempt may end before its writers
  previous.join();
  for (const auto& [contents, snapshot] : done)
    CHECK(ReadAll(*f.Open({snapshot}), 1000) == contents);
}

}  // namespace weir::taskmanager
