// Memory keeps within the budget, whatever changes between two barriers and however slow the storage is.

#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {
namespace {

constexpr int64_t kBudget = 900 << 10;   // of which the database has a sixth
constexpr int64_t kMost = kBudget * 5 / 6 + (64 << 10);
constexpr int kKeys = 40000;             // several times the budget
constexpr int kBatch = 500;

void SetUp(StateFixture* f) {
  f->options.memory_budget_bytes = kBudget;
  f->options.delta_part_bytes = 20000;
}

// Changes every key, some again and again; returns the most memory there was.
int64_t ChangeAll(KeyedState& state, int64_t value) {
  int64_t most = 0;
  for (int from = 0; from < kKeys; from += kBatch) {
    Set(state, CountSpec(), 1, Numbered(from, from + kBatch), value);
    Set(state, CountSpec(), 2, Numbered(0, kBatch), value + from);
    most = std::max(most, state.memory_bytes());
  }
  return most;
}

}  // namespace

TEST_CASE("changes that do not fit the memory are written while the interval runs") {
  StateFixture f("rocksdb");
  SetUp(&f);
  auto state = f.Open();
  CHECK(ChangeAll(*state, 1) <= kMost);
  CHECK(f.storage->writes() > 0);
  Remove(TableOf(*state, CountSpec()).Open(1), Numbered(100, 300));
  TableOf(*state, CountSpec()).Drop(2);
  CHECK(ChangeAll(*state, 2) <= kMost);
  const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  CHECK(f.storage->writes() > 20);
  const Contents contents = ReadAll(*state, 5000);
  CHECK(contents.size() == kKeys + kBatch);
  CHECK(ReadAll(*f.Open({snapshot}), 5000) == contents);
}

TEST_CASE("changes are bounded while a checkpoint waits to be written, and while a base is taken") {
  for (const int max_deltas : {1000, 0}) {
    StateFixture f("rocksdb");
    SetUp(&f);
    f.options.max_deltas = max_deltas;
    auto state = f.Open();
    for (int i = 1; i <= 4; ++i) {
      ChangeAll(*state, i);
      auto writer = Freeze(*state, i);
      const Contents frozen = ReadAll(*state, 5000);
      CHECK(ChangeAll(*state, 1000 + i) <= kMost);
      TableOf(*state, CountSpec()).Drop(i % 3);
      const checkpoint::KeyedSnapshot snapshot = writer->Write().value();
      REQUIRE((snapshot.base_kind == "rocksdb") == (max_deltas == 0));
      REQUIRE(ReadAll(*f.Open({snapshot}), 5000) == frozen);
    }
  }
}

TEST_CASE("aborted checkpoints leave their changes to the next one, within the budget") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    SetUp(&f);
    auto state = f.Open();
    Set(*state, CountSpec(), 1, Numbered(0, 5000), 0);
    for (int i = 1; i <= 30; ++i) {
      Set(*state, CountSpec(), 1, Numbered(0, 5000), i);
      Set(*state, CountSpec(), 1, Numbered(i, i + 10), 100 + i);
      Remove(TableOf(*state, CountSpec()).Open(1), Numbered(4000 + i, 4020 + i));
      CHECK(state->memory_bytes() <= kMost + (300 << 10));
      Freeze(*state, i);
      state->OnCheckpointAborted(CheckpointId(i));
    }
    const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 31);
    CHECK(ReadAll(*f.Open({snapshot}), 5000) == ReadAll(*state, 5000));
  }
}

TEST_CASE("a storage that takes nothing fails the task when there is no room for its changes") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    SetUp(&f);
    auto state = f.Open();
    Set(*state, CountSpec(), 1, Numbered(0, 3000), 0);
    const checkpoint::KeyedSnapshot before = Checkpoint(*state, 1);
    f.storage->SetFull(true);
    absl::Status status;
    int64_t most = 0;
    for (int i = 2; i < 100 && status.ok(); ++i) {
      status = TrySet(*state, CountSpec(), 1, Numbered(0, 3000), i).status();
      most = std::max(most, state->memory_bytes());
      Freeze(*state, i);
      state->OnCheckpointAborted(CheckpointId(i));
    }
    CHECK(absl::IsResourceExhausted(status));
    CHECK(std::string(status.message()).find("cannot be written") != std::string::npos);
    CHECK(most <= kMost + (300 << 10));
    CHECK(f.TryOpen({before}).ok());
    // It may be back before the task is torn down: nothing was lost.
    f.storage->SetFull(false);
    Set(*state, CountSpec(), 1, Numbered(10, 20), 1000);
    CHECK(ReadAll(*f.Open({Checkpoint(*state, 100)}), 5000) == ReadAll(*state, 5000));
  }
}

TEST_CASE("a state restored from others' is written at once, within twice the budget") {
  StateFixture f("memory");
  SetUp(&f);
  f.options.dump_slice_bytes = 50000;
  auto state = f.Open();
  Set(*state, CountSpec(), 1, Numbered(0, kKeys), 5);
  const checkpoint::KeyedSnapshot whole = Checkpoint(*state, 1);
  auto half = f.Open({whole}, {0, 64});
  const int64_t entries = half->memory_bytes();
  auto writer = Freeze(*half, 2);
  CHECK(half->memory_bytes() <= entries + kBudget / 4 + (100 << 10));
  CHECK(ReadAll(*f.Open({writer->Write().value()}, {0, 64}), 5000) == ReadAll(*half, 5000));
}

}  // namespace weir::taskmanager
