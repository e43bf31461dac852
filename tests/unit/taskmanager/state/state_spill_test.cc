// What goes to the store and comes back from it, and what need not.

#include <functional>

#include "common/base/rng.h"
#include "taskmanager/state/cold_key.h"
#include "taskmanager/state/rocksdb/rocksdb_store.h"
#include "taskmanager/state/state_restorer.h"
#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {
namespace {

// A store that counts what it is asked.
struct CountingStore final : OrderedStore {
  std::map<std::string, std::string> entries;
  size_t written = 0, asked = 0;

  absl::Status Write(const ColdBatch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      if (i > 0) REQUIRE(batch.key(i - 1) < batch.key(i));
      if (batch.has_value(i)) entries[std::string(batch.key(i))] = batch.value(i);
      if (!batch.has_value(i)) entries.erase(std::string(batch.key(i)));
    }
    written += batch.size();
    return absl::OkStatus();
  }
  absl::Status DeleteRange(const std::string& begin, const std::string& end) override {
    entries.erase(entries.lower_bound(begin), entries.lower_bound(end));
    return absl::OkStatus();
  }
  absl::Status MultiGet(const ColdBatch& keys, const Found& found) override {
    asked += keys.size();
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto it = entries.find(std::string(keys.key(i)));
      if (it == entries.end()) continue;
      const absl::Status status = found(i, it->second);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  std::unique_ptr<Cursor> NewCursor() override { return nullptr; }
  int64_t ApproximateBytes() const override { return 0; }
  absl::StatusOr<std::vector<File>> Checkpoint() override { return absl::InternalError("no checkpoints"); }
  void ReleaseCheckpoint() override {}
};

struct OneStore final : OrderedStoreFactory {
  explicit OneStore(std::shared_ptr<CountingStore> s) : store(std::move(s)) {}
  std::shared_ptr<CountingStore> store;
  absl::StatusOr<std::string> NewFolder() override { return std::string("none"); }
  absl::StatusOr<std::shared_ptr<OrderedStore>> Open(const std::string&) override { return store; }
};

// A state with room for about a thousand entries.
struct SmallState {
  StateFixture fixture{"rocksdb"};
  std::shared_ptr<CountingStore> store = std::make_shared<CountingStore>();
  std::unique_ptr<KeyedState> state;

  explicit SmallState(int64_t budget = 64 << 10) {
    fixture.options.memory_budget_bytes = budget;
    fixture.options.delta_part_bytes = 8000;
    state = RestoreKeyedState(fixture.options, fixture.storage, std::make_unique<OneStore>(store), {}).value();
  }
  int SetAll(const std::vector<std::string>& keys, int64_t value) {
    int made = 0;
    for (size_t i = 0; i < keys.size(); i += 100) {
      made += Set(*state, CountSpec(), 1, {keys.begin() + static_cast<ptrdiff_t>(i), keys.begin() + static_cast<ptrdiff_t>(i) + 100}, value);
    }
    return made;
  }
  // How many of the keys are there with that value.
  int CountAll(const std::vector<std::string>& keys, int64_t value) {
    NamespaceTable& entries = TableOf(*state, CountSpec()).Open(1);
    int there = 0;
    for (size_t i = 0; i < keys.size(); i += 100) {
      for (uint32_t slot : Find(entries, {keys.begin() + static_cast<ptrdiff_t>(i), keys.begin() + static_cast<ptrdiff_t>(i) + 100})) {
        int64_t got = 0;
        if (slot != kNoSlot) std::memcpy(&got, entries.value(slot), sizeof(got));
        there += slot != kNoSlot && got == value;
      }
    }
    return there;
  }
};

std::map<std::string, std::string> ReadStore(OrderedStore& store) {
  std::map<std::string, std::string> all;
  auto at = store.NewCursor();
  for (at->Seek(""); at->Valid(); at->Next()) all.emplace(at->key(), at->value());
  REQUIRE(at->status().ok());
  return all;
}

}  // namespace

TEST_CASE("a batch for the store is in the order of its keys") {
  Rng rng(7);
  for (const size_t count : {1u, 10u, 1000u, 30000u}) {
    ColdBatch batch;
    std::map<std::string, std::string> expected;
    std::vector<std::string> added;
    batch.Begin("table", -5);
    for (size_t i = 0; i < count; ++i) {
      // Long ones that are the same for long, short ones, and beginnings of others.
      std::string key(rng.Below(3) == 0 ? 200 : rng.Below(3), 'x');
      key += std::to_string(rng.Below(count * 4));
      const std::string subkey = rng.Below(4) == 0 ? "s" : "";
      const auto group = static_cast<uint16_t>(rng.Below(400));
      const ColdKey cold{.key_group = group, .table = "table", .ns = -5, .key = key, .subkey = subkey};
      const std::string value = std::to_string(i), encoded = EncodeColdKey(cold);
      if (!expected.emplace(encoded, value).second) continue;
      added.push_back(encoded);
      if (i % 5 == 0) batch.AddKey(group, key, subkey);
      if (i % 5 != 0) batch.AddEntry(group, key, subkey, value.data(), 1, std::string_view(value).substr(1));
    }
    batch.Sort();
    REQUIRE(batch.size() == expected.size());
    size_t i = 0;
    for (const auto& [key, value] : expected) {
      REQUIRE(batch.key(i) == key);
      REQUIRE(added[batch.number(i)] == key);
      REQUIRE(batch.has_value(i) == (std::stoi(value) % 5 != 0));
      if (batch.has_value(i)) REQUIRE(batch.value(i) == value);
      ++i;
    }
  }
}

TEST_CASE("the store is not asked for what it never had") {
  SmallState small;
  CHECK(small.SetAll(Numbered(0, 5000), 1) == 5000);
  CHECK(small.store->written > 3000);
  CHECK(small.store->asked < 500);
  CHECK(small.CountAll(Numbered(10000, 15000), 1) == 0);
  CHECK(small.store->asked < 1000);
  CHECK(small.CountAll(Numbered(0, 5000), 1) == 5000);
  CHECK(small.store->asked > 3000);
  CHECK(small.SetAll(Numbered(0, 5000), 2) == 0);
}

TEST_CASE("the store is asked for everything when there is no room to know what it has") {
  SmallState small(24 << 10);
  CHECK(small.SetAll(Numbered(0, 8000), 1) == 8000);
  CHECK(small.store->asked > 1000);
  CHECK(small.CountAll(Numbered(0, 8000), 1) == 8000);
  CHECK(small.CountAll(Numbered(10000, 12000), 1) == 0);
}

TEST_CASE("what came from the store and was not changed goes without being written") {
  SmallState small;
  const std::vector<std::string> keys = Numbered(0, 5000);
  small.SetAll(keys, 1);
  Checkpoint(*small.state, 1);
  CHECK(small.CountAll(keys, 1) == 5000);
  const size_t before = small.store->written;
  CHECK(small.CountAll(keys, 1) == 5000);
  CHECK(small.CountAll(keys, 1) == 5000);
  CHECK(small.store->written == before);

  // Changed by either of the two ways, or removed: it is written.
  NamespaceTable& entries = TableOf(*small.state, CountSpec()).Open(1);
  const std::vector<uint32_t> slots = Find(entries, Numbered(100, 200));
  const int64_t changed = 7;
  for (uint32_t slot : slots) std::memcpy(entries.value(slot), &changed, sizeof(changed));
  entries.MarkChanged(slots.data(), 100);
  Find(entries, Numbered(200, 300));
  CHECK(small.SetAll(Numbered(200, 300), 7) == 0);
  CHECK(Remove(entries, Numbered(300, 400)) == 100);
  Checkpoint(*small.state, 2);
  CHECK(small.CountAll(keys, 1) == 4700);
  CHECK(small.CountAll(keys, 1) == 4700);
  CHECK(small.store->written >= before + 300);
  CHECK(small.CountAll(Numbered(100, 300), 7) == 200);
}

TEST_CASE("a dropped namespace is not found again, and begins anew") {
  SmallState small;
  small.SetAll(Numbered(0, 3000), 1);
  TableOf(*small.state, CountSpec()).Drop(1);
  CHECK(small.CountAll(Numbered(0, 3000), 1) == 0);
  CHECK(small.SetAll(Numbered(0, 3000), 2) == 3000);
  CHECK(small.CountAll(Numbered(0, 3000), 2) == 3000);
}

TEST_CASE("the database takes large batches as files, between small ones") {
  StateFixture f("rocksdb");
  auto stores = MakeRocksDbStores(f.folder() + "/db", 1 << 20);
  const std::string folder = stores->NewFolder().value();
  auto store = stores->Open(folder).value();
  std::map<std::string, std::string> expected;
  const auto write = [&](int from, int to, const std::string& value, const std::function<bool(int)>& removed) {
    ColdBatch batch;
    batch.Begin("t", 3);
    for (int i = from; i < to; ++i) {
      const std::string key = std::to_string(i);
      const auto group = static_cast<uint16_t>(i % 128);
      const std::string cold = EncodeColdKey({.key_group = group, .table = "t", .ns = 3, .key = key, .subkey = ""});
      if (removed(i)) {
        batch.AddKey(group, key, "");
        expected.erase(cold);
      } else {
        batch.AddEntry(group, key, "", value.data(), value.size(), key);
        expected[cold] = value + key;
      }
    }
    batch.Sort();
    const absl::Status status = store->Write(batch);
    INFO(status.ToString());
    REQUIRE(status.ok());
  };
  const auto none = [](int) { return false; };
  write(0, 50000, "a", none);
  write(10, 20, "b", none);
  write(0, 40000, "c", [](int i) { return i % 3 == 0; });
  CHECK(ReadStore(*store) == expected);
  write(0, 1000, "d", [](int i) { return i % 2 == 0; });
  for (int group = 0; group < 60; ++group) {
    const std::string prefix = NamespacePrefix(group, "t", 3);
    REQUIRE(store->DeleteRange(prefix, AfterPrefix(prefix)).ok());
    std::erase_if(expected, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  }
  CHECK(ReadStore(*store) == expected);
  write(30000, 70000, "e", none);
  CHECK(ReadStore(*store) == expected);

  ColdBatch asked;
  asked.Begin("t", 3);
  for (int i = 0; i < 80000; i += 7) asked.AddKey(static_cast<uint16_t>(i % 128), std::to_string(i), "");
  asked.Sort();
  size_t found = 0, there = 0;
  for (size_t i = 0; i < asked.size(); ++i) there += expected.count(std::string(asked.key(i)));
  const absl::Status status = store->MultiGet(asked, [&](size_t i, std::string_view value) {
    ++found;
    return expected.at(std::string(asked.key(i))) == value ? absl::OkStatus() : absl::InternalError("another value");
  });
  INFO(status.ToString());
  CHECK(status.ok());
  CHECK(found == there);

  // A checkpoint holds the files too.
  const auto files = store->Checkpoint().value();
  const std::string copy = stores->NewFolder().value();
  for (const OrderedStore::File& file : files) std::filesystem::copy_file(file.local_path, copy + "/" + file.name);
  write(0, 80000, "later", none);
  const auto later = ReadStore(*store);
  store->ReleaseCheckpoint();
  auto restored = stores->Open(copy).value();
  CHECK(ReadStore(*restored) != later);
  CHECK(ReadStore(*restored).size() < later.size());
}

}  // namespace weir::taskmanager
