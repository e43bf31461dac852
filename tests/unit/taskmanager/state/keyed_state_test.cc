#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {
namespace {

std::vector<std::string> Numbered(int from, int to) {
  std::vector<std::string> keys;
  for (int i = from; i < to; ++i) keys.push_back("key-" + std::to_string(i));
  return keys;
}

}  // namespace

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
