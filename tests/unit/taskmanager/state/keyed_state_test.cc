#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {

TEST_CASE("new entries are zero, equal keys of one call meet, and a dropped namespace is gone") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    auto state = f.Open();
    KeyedTable& table = TableOf(*state, CountSpec());
    CHECK(table.Find(60) == nullptr);
    NamespaceTable& entries = table.Open(60);
    CHECK(table.Find(60) == nullptr);
    CHECK(table.Namespaces().empty());
    const batch::KeyBatch keys = KeysOf({"a", "b", "a"});
    const uint32_t rows[] = {2, 0, 1};
    uint32_t slots[3];
    uint8_t inserted[3];
    REQUIRE(entries.FindOrInsert(keys, nullptr, rows, 3, slots, inserted).ok());
    CHECK(slots[0] == slots[1]);
    CHECK(slots[0] != slots[2]);
    CHECK((inserted[0] == 1 && inserted[1] == 0 && inserted[2] == 1));
    std::byte* values[3];
    entries.Values(slots, 3, values);
    CHECK(values[2] == entries.value(slots[2]));
    CHECK(std::to_integer<int>(*entries.value(slots[0])) == 0);
    Set(*state, CountSpec(), -5, {"c"}, 3);
    CHECK(table.Namespaces() == std::vector<NamespaceId>{-5, 60});
    CHECK(&TableOf(*state, CountSpec()) == &table);
    CHECK(absl::IsFailedPrecondition(state->OpenTable({"count", 16, false}).status()));
    table.Drop(60);
    table.Drop(61);
    CHECK(table.Find(60) == nullptr);
    CHECK(ReadAll(*state) == Contents{{{"count", -5, "c", ""}, {3, ""}}});
    // A small state opens no database.
    CHECK(!std::filesystem::exists(f.folder() + "/1"));
  }
}

TEST_CASE("state beyond its memory lies on disk and is found there") {
  StateFixture f("rocksdb");
  f.options.memory_budget_bytes = 256 << 10;
  auto state = f.Open();
  for (int i = 0; i < 20000; i += 500) Set(*state, CountSpec(), i % 3, Numbered(i, i + 500), i);
  CHECK(state->memory_bytes() < 4 << 20);
  CHECK(std::filesystem::exists(f.folder() + "/1"));
  int made = 0;
  for (int i = 0; i < 20000; i += 500)
    made += Set(*state, CountSpec(), i % 3, Numbered(i, i + 500), i + 1);
  CHECK(made == 0);
  CHECK(Set(*state, CountSpec(), 0, Numbered(20000, 20010), 0) == 10);
  CHECK(ReadAll(*state, 1000).size() == 20010);
  const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  KeyedTable& table = TableOf(*state, CountSpec());
  table.Drop(0);
  table.Drop(1);
  CHECK(table.Namespaces() == std::vector<NamespaceId>{2});
  CHECK(table.Find(0) == nullptr);
  CHECK(Set(*state, CountSpec(), 0, Numbered(0, 10), 5) == 10);
  const Contents now = ReadAll(*state, 1000);
  CHECK(ReadAll(*f.Open({Checkpoint(*state, 2)}), 1000) == now);
  CHECK(ReadAll(*f.Open({snapshot}), 1000).size() == 20010);
  state.reset();
  CHECK(!std::filesystem::exists(f.folder() + "/1"));
}

TEST_CASE("Find makes nothing and marks nothing; MarkChanged does") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    auto state = f.Open();
    NamespaceTable& entries = TableOf(*state, CountSpec()).Open(1);
    CHECK(Find(entries, {"a"}) == std::vector<uint32_t>{kNoSlot});
    CHECK(TableOf(*state, CountSpec()).Find(1) == nullptr);
    Set(*state, CountSpec(), 1, {"a", "b"}, 1);
    CHECK(Checkpoint(*state, 1).deltas.size() == 1);
    const std::vector<uint32_t> slots = Find(entries, {"b", "c", "a", "b"});
    CHECK(slots[1] == kNoSlot);
    CHECK(slots[0] == slots[3]);
    CHECK(entries.size() == 2);
    CHECK(Checkpoint(*state, 2).deltas.size() == 1);
    const int64_t value = 7;
    std::memcpy(entries.value(slots[0]), &value, sizeof(value));
    entries.MarkChanged(slots.data(), 1);
    const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 3);
    CHECK(snapshot.deltas.size() == 2);
    CHECK(ReadAll(*f.Open({snapshot})) ==
          Contents{{{"count", 1, "a", ""}, {1, ""}}, {{"count", 1, "b", ""}, {7, ""}}});
  }
}

TEST_CASE("a removed entry is gone at once, from the next delta and, after a restore, for good") {
  for (const std::string backend : {"memory", "rocksdb"}) {
    StateFixture f(backend);
    auto state = f.Open();
    NamespaceTable& entries = TableOf(*state, TextSpec()).Open(1);
    Set(*state, TextSpec(), 1, {"a", "b"}, 1, {"", "s"}, "text");
    Checkpoint(*state, 1);
    CHECK(Remove(entries, {"a", "b", "b"}, {"", "s", ""}) == 2);
    CHECK(entries.size() == 0);
    CHECK(Find(entries, {"a"}) == std::vector<uint32_t>{kNoSlot});
    CHECK(TableOf(*state, TextSpec()).Find(1) == nullptr);
    CHECK(ReadAll(*state).empty());
    CHECK(Set(*state, TextSpec(), 1, {"a"}, 2) == 1);
    const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 2);
    CHECK(ReadAll(*f.Open({snapshot})) == Contents{{{"least", 1, "a", ""}, {2, ""}}});
    // Born and removed between two barriers: no trace.
    Set(*state, TextSpec(), 1, Numbered(0, 100), 3);
    CHECK(Remove(entries, Numbered(0, 100)) == 100);
    CHECK(Checkpoint(*state, 3).deltas.size() == snapshot.deltas.size());
  }
}

TEST_CASE("what is removed from the store does not come back, whatever memory forgets") {
  StateFixture f("rocksdb");
  f.options.memory_budget_bytes = 256 << 10;
  f.options.max_deltas = 3;
  auto state = f.Open();
  for (int i = 0; i < 20000; i += 500) Set(*state, CountSpec(), 1, Numbered(i, i + 500), i);
  NamespaceTable& entries = TableOf(*state, CountSpec()).Open(1);
  std::vector<checkpoint::KeyedSnapshot> snapshots;
  for (int i = 0; i < 20000; i += 1000) {
    CHECK(Remove(entries, Numbered(i, i + 500)) == 500);
    CHECK(Find(entries, Numbered(i, i + 500)) == std::vector<uint32_t>(500, kNoSlot));
    snapshots.push_back(Checkpoint(*state, i + 1));
  }
  const Contents now = ReadAll(*state, 1000);
  CHECK(now.size() == 10000);
  CHECK(state->memory_bytes() < 4 << 20);
  // The removed rows went to the store when memory was short; nothing there says otherwise.
  for (int i = 20000; i < 40000; i += 500) Set(*state, CountSpec(), 2, Numbered(i, i + 500), i);
  CHECK(Find(entries, Numbered(0, 500)) == std::vector<uint32_t>(500, kNoSlot));
  CHECK(ReadAll(*f.Open({snapshots.back()}), 1000) == now);
  CHECK(ReadAll(*f.Open({snapshots[4]}), 1000).size() == 17500);
  CHECK(Set(*state, CountSpec(), 1, Numbered(0, 500), 1) == 500);
}

TEST_CASE("the state's own errors are named") {
  StateFixture f("disk");
  CHECK(absl::IsInvalidArgument(f.TryOpen({}).status()));
  f.options.backend = "memory";
  auto state = f.Open();
  CHECK(absl::IsInvalidArgument(state->OpenTable({"", 8, false}).status()));
  Set(*state, CountSpec(), 1, {"a"}, 1);
  const checkpoint::KeyedSnapshot snapshot = Checkpoint(*state, 1);
  auto restored = f.Open({snapshot});
  CHECK(absl::IsFailedPrecondition(restored->OpenTable({"count", 4, false}).status()));
}

}  // namespace weir::taskmanager
