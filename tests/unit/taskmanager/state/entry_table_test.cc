#include "taskmanager/state/entry_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "catch2/catch.hpp"
#include "taskmanager/state/cold_key.h"
#include "tests/unit/taskmanager/state/state_fixture.h"

namespace weir::taskmanager {

TEST_CASE("an entry table finds what it made, through growth, with long keys and subkeys") {
  EntryTable table(8, true);
  std::map<std::pair<std::string, std::string>, uint32_t> slots_of;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> keys, subkeys;
    for (int i = 0; i < 100; ++i) {
      const int n = (round * 61 + i * 7) % 3000;
      keys.push_back("key" + std::to_string(n) + (n % 5 == 0 ? std::string(40, 'x') : ""));
      subkeys.push_back(n % 3 == 0 ? "" : "sub" + std::to_string(n % 2));
    }
    const batch::KeyBatch k = KeysOf(keys), s = KeysOf(subkeys);
    const std::vector<uint32_t> rows = AllRows(keys.size());
    std::vector<uint32_t> slots(keys.size()), made, revived;
    table.FindOrInsert(k, &s, rows.data(), static_cast<int64_t>(rows.size()), 128, slots.data(),
                       &made, &revived);
    size_t next_made = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto [it, fresh] = slots_of.emplace(std::pair(keys[i], subkeys[i]), slots[i]);
      REQUIRE(it->second == slots[i]);
      REQUIRE(table.key(slots[i]) == keys[i]);
      REQUIRE(table.subkey(slots[i]) == subkeys[i]);
      if (fresh) {
        REQUIRE(made.at(next_made++) == i);
        REQUIRE(table.key_group(slots[i]) == batch::KeyGroupOf(k.hashes[i], 128));
        table.set_text(slots[i], "t");
      } else {
        table.set_text(slots[i], std::string(table.text(slots[i])) + "+");
      }
    }
    REQUIRE(next_made == made.size());
  }
  CHECK(table.size() == slots_of.size());
  CHECK(table.dirty() == slots_of.size());
  table.Freeze();
  CHECK(table.dirty() == 0);
  while (table.frozen() > 0) REQUIRE(table.TakeFrozen() >= 0);
  table.Retain([&](uint32_t slot) { return table.key(slot).ends_with("x"); });
  size_t kept = 0;
  for (const auto& [key, slot] : slots_of) {
    const int64_t at = table.Find(key.first, key.second,
                                  EntryTable::HashOf(batch::HashKey(key.first), key.second));
    REQUIRE((at >= 0) == (key.first.back() == 'x'));
    if (at >= 0) {
      ++kept;
      REQUIRE(table.text(static_cast<uint32_t>(at)).front() == 't');
    }
  }
  CHECK(kept == table.size());
}

TEST_CASE("rows are used again, and what lies behind a removed cell is found") {
  EntryTable table(8, true);
  std::map<std::string, uint32_t> slots_of;
  uint64_t random = 7;
  uint32_t most = 0;
  for (int step = 0; step < 20000; ++step) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const uint64_t n = (random >> 33) % 300;
    const std::string key =
        "key" + std::to_string(n) + (n % 5 == 0 ? std::string(40, 'x') : "");
    const uint64_t hash = batch::HashKey(key);
    const auto known = slots_of.find(key);
    const int64_t at = table.Find(key, "", hash);
    REQUIRE((at >= 0) == (known != slots_of.end()));
    if (at < 0) {
      const uint32_t slot = table.FindOrAdd(key, "", hash, 1);
      REQUIRE(*reinterpret_cast<int64_t*>(table.value(slot)) == 0);
      REQUIRE(table.text(slot).empty());
      *reinterpret_cast<int64_t*>(table.value(slot)) = step;
      table.set_text(slot, std::to_string(step));
      table.MarkChanged(slot);
      slots_of[key] = slot;
    } else {
      REQUIRE(static_cast<uint32_t>(at) == known->second);
      REQUIRE(table.text(known->second) ==
              std::to_string(*reinterpret_cast<int64_t*>(table.value(known->second))));
      table.Remove(known->second);
      slots_of.erase(known);
    }
    REQUIRE(table.size() == slots_of.size());
    most = std::max(most, table.size());
  }
  CHECK(table.slots() == most);
  CHECK(table.dirty() <= most);
}

TEST_CASE("frozen entries are taken once: by who looks them up, or by who copies them") {
  EntryTable table(8, false);
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  const batch::KeyBatch keys = KeysOf(names);
  const std::vector<uint32_t> rows = {0, 1, 2, 3};
  std::vector<uint32_t> slots(4), absent, made, revived;
  table.FindOrInsert(keys, nullptr, rows.data(), 4, 128, slots.data(), &made, &revived);
  for (const uint32_t slot : slots) table.add_flags(slot, EntryTable::kPersisted);
  table.Remove(slots[2]);
  table.Freeze();
  CHECK(table.frozen() == 4);
  CHECK(table.dirty() == 0);
  uint32_t found = 0;
  table.FindAll(keys, nullptr, &rows[0], 1, &found, &absent);
  CHECK(table.touched() == std::vector<uint32_t>{slots[0]});
  table.FindAll(keys, nullptr, &rows[2], 1, &found, &absent);  // it is gone: nobody can change it
  table.FindAll(keys, nullptr, &rows[0], 1, &found, &absent);
  CHECK(table.touched().size() == 1);
  CHECK(table.touched_removed().empty());
  table.ClearTouched();
  made.clear();
  table.FindOrInsert(keys, nullptr, &rows[2], 1, 128, &found, &made, &revived);
  CHECK(table.touched().empty());
  CHECK(table.touched_removed() == std::vector<uint32_t>{slots[2]});
  CHECK(table.dirty() == 1);
  CHECK(table.frozen() == 2);
  std::set<int64_t> taken;
  while (table.frozen() > 0) taken.insert(table.TakeFrozen());
  CHECK(taken == std::set<int64_t>{-1, slots[1], slots[3]});
  table.Freeze();
  CHECK(table.TakeFrozen() == slots[2]);
}

TEST_CASE("of many frozen entries each is taken once, whatever happens meanwhile") {
  constexpr uint32_t kEntries = 1000;
  EntryTable table(8, false);
  std::vector<std::string> names;
  for (uint32_t i = 0; i < 2 * kEntries; ++i) names.push_back(std::to_string(i));
  const batch::KeyBatch keys = KeysOf(names);
  const std::vector<uint32_t> rows = AllRows(names.size());
  std::vector<uint32_t> slots(names.size()), made, revived, taken;
  const auto insert = [&](uint32_t from, uint32_t count) {
    table.FindOrInsert(keys, nullptr, rows.data() + from, count, 128, slots.data() + from, &made, &revived);
  };
  const auto take = [&](uint32_t left) {
    while (table.frozen() > left) {
      const int64_t slot = table.TakeFrozen();
      if (slot >= 0) taken.push_back(static_cast<uint32_t>(slot));
    }
  };
  const auto sorted = [](std::vector<uint32_t> of) {
    std::sort(of.begin(), of.end());
    return of;
  };
  insert(0, kEntries);
  CHECK(table.dirty() == kEntries);
  table.Freeze();
  CHECK(table.dirty() == 0);
  CHECK(table.frozen() == kEntries);
  const std::vector<uint32_t> frozen(slots.begin(), slots.begin() + kEntries);
  take(kEntries - 300);
  // Some are looked up to be changed, one goes and another comes into its row, others come into new rows.
  insert(0, kEntries / 2);
  table.Touch(slots[kEntries / 2]);
  table.Erase(slots[kEntries / 2]);
  insert(kEntries, kEntries / 2);
  CHECK(slots[kEntries] == frozen[kEntries / 2]);
  take(0);
  taken.insert(taken.end(), table.touched().begin(), table.touched().end());
  CHECK(sorted(taken) == sorted(frozen));
  table.ClearTouched();
  taken.clear();
  CHECK(table.dirty() == kEntries);
  table.Freeze();
  take(0);
  std::vector<uint32_t> changed(slots.begin(), slots.begin() + kEntries / 2);
  changed.insert(changed.end(), slots.begin() + kEntries, slots.begin() + kEntries / 2 * 3);
  CHECK(sorted(taken) == sorted(changed));
}

TEST_CASE("the row of an entry that is gone is not frozen for the next one in it") {
  EntryTable table(8, false);
  const batch::KeyBatch keys = KeysOf({"a", "b"});
  const std::vector<uint32_t> rows = {0, 1};
  uint32_t slot = 0, next = 0;
  std::vector<uint32_t> made, revived;
  table.FindOrInsert(keys, nullptr, &rows[0], 1, 128, &slot, &made, &revived);
  table.Remove(slot);
  table.Freeze();
  table.FindOrInsert(keys, nullptr, &rows[1], 1, 128, &next, &made, &revived);
  REQUIRE(next == slot);
  CHECK(table.touched().empty());
  CHECK(table.frozen() == 0);
  CHECK(table.dirty() == 1);
}

TEST_CASE("what was written somewhere stays as a removed row until it is erased") {
  EntryTable table(8, false);
  const uint32_t slot = table.FindOrAdd("a", "", batch::HashKey("a"), 1);
  *reinterpret_cast<int64_t*>(table.value(slot)) = 5;
  table.add_flags(slot, EntryTable::kPersisted);
  table.Remove(slot);
  CHECK(table.size() == 0);
  CHECK(table.removed() == 1);
  CHECK(table.dirty() == 1);
  const batch::KeyBatch keys = KeysOf({"a"});
  const uint32_t row = 0;
  uint32_t found = 0;
  std::vector<uint32_t> absent, made, revived;
  table.FindAll(keys, nullptr, &row, 1, &found, &absent);
  CHECK(found == kNoSlot);
  CHECK(absent.empty());
  table.FindOrInsert(keys, nullptr, &row, 1, 128, &found, &made, &revived);
  CHECK(found == slot);
  CHECK(made.empty());
  CHECK(revived.size() == 1);
  CHECK(*reinterpret_cast<int64_t*>(table.value(slot)) == 0);
  CHECK(table.size() == 1);
  CHECK(table.removed() == 0);
  CHECK((table.flags(slot) & EntryTable::kPersisted) != 0);
  table.Remove(slot);
  table.Erase(slot);
  CHECK(table.Find("a", "", batch::HashKey("a")) == -1);
  CHECK(table.removed() == 0);
}

TEST_CASE("a table that lost most of its entries is sparse until it is packed") {
  EntryTable table(8, false);
  std::vector<std::string> keys;
  for (int i = 0; i < 4000; ++i) {
    keys.push_back("key-that-does-not-fit-a-row-" + std::to_string(i));
    table.FindOrAdd(keys.back(), "", batch::HashKey(keys.back()), 1);
  }
  const int64_t full = table.memory_bytes();
  for (int i = 0; i < 3900; ++i) {
    const std::string& key = keys[static_cast<size_t>(i)];
    table.Remove(static_cast<uint32_t>(table.Find(key, "", batch::HashKey(key))));
  }
  CHECK(table.Sparse());
  table.Retain([](uint32_t) { return true; });
  CHECK(!table.Sparse());
  CHECK(table.slots() == 100);
  CHECK(table.memory_bytes() < full / 8);
  for (size_t i = 3900; i < 4000; ++i)
    REQUIRE(table.Find(keys[i], "", batch::HashKey(keys[i])) >= 0);
}

TEST_CASE("whatever the first key, keys of all lengths are found, also after packing") {
  for (size_t first : {size_t{0}, size_t{9}, size_t{20}, size_t{40}, size_t{50}}) {
    EntryTable table(24, false);
    std::vector<std::string> keys = {std::string(first, 'f')};
    for (size_t n = 0; n < 80; ++n) keys.push_back(std::string(n, 'k') + "!");
    for (const std::string& key : keys) {
      const uint32_t slot = table.FindOrAdd(key, key, EntryTable::HashOf(batch::HashKey(key), key), 1);
      REQUIRE(reinterpret_cast<uintptr_t>(table.value(slot)) % 16 == 0);
      const auto size = static_cast<int64_t>(key.size());
      std::memcpy(table.value(slot) + 16, &size, sizeof(size));
    }
    CHECK(table.size() == keys.size());
    for (int round = 0; round < 2; ++round) {
      for (const std::string& key : keys) {
        const int64_t slot = table.Find(key, key, EntryTable::HashOf(batch::HashKey(key), key));
        REQUIRE(slot >= 0);
        REQUIRE(table.key(static_cast<uint32_t>(slot)) == key);
        REQUIRE(table.subkey(static_cast<uint32_t>(slot)) == key);
        int64_t size = -1;
        std::memcpy(&size, table.value(static_cast<uint32_t>(slot)) + 16, sizeof(size));
        REQUIRE(size == static_cast<int64_t>(key.size()));
      }
      table.Retain([](uint32_t) { return true; });
    }
  }
}

TEST_CASE("packing gives rows back while it goes, and keeps what there is") {
  EntryTable table(40, true);
  constexpr int kEntries = 100000;  // more than one block of a huge page
  const auto key_of = [](int i) { return "key-" + std::to_string(i) + (i % 7 == 0 ? "-that-does-not-fit-a-row" : ""); };
  for (int i = 0; i < kEntries; ++i) {
    const std::string key = key_of(i);
    const uint32_t slot = table.FindOrAdd(key, "s", EntryTable::HashOf(batch::HashKey(key), "s"), 3);
    std::memcpy(table.value(slot), &i, sizeof(i));
    if (i % 3 == 0) table.set_text(slot, key);
    if (i % 2 == 0) table.MarkChanged(slot);
  }
  table.Retain([&](uint32_t slot) { return slot % 5 != 0; });
  CHECK(table.size() == kEntries / 5 * 4);
  CHECK(table.dirty() == kEntries / 5 * 2);
  for (int i = 0; i < kEntries; ++i) {
    const std::string key = key_of(i);
    const int64_t slot = table.Find(key, "s", EntryTable::HashOf(batch::HashKey(key), "s"));
    REQUIRE((slot >= 0) == (i % 5 != 0));
    if (slot < 0) continue;
    int value = 0;
    std::memcpy(&value, table.value(static_cast<uint32_t>(slot)), sizeof(value));
    REQUIRE(value == i);
    REQUIRE(table.text(static_cast<uint32_t>(slot)) == (i % 3 == 0 ? key : ""));
  }
}

TEST_CASE("keys in the store keep the order of key groups and namespaces, and come back") {
  const ColdKey key{.key_group = 258, .table = "count", .ns = -7, .key = "k", .subkey = "s"};
  const std::string bytes = EncodeColdKey(key);
  ColdKey back;
  REQUIRE(DecodeColdKey(bytes, &back));
  CHECK(back.key_group == 258);
  CHECK(back.table == "count");
  CHECK(back.ns == -7);
  CHECK(back.key == "k");
  CHECK(back.subkey == "s");
  CHECK(NamespacePrefix(1, "t", -1) < NamespacePrefix(1, "t", 0));
  CHECK(NamespacePrefix(1, "t", INT64_MAX) < NamespacePrefix(256, "t", INT64_MIN));
  CHECK(AfterPrefix(NamespacePrefix(1, "t", 5)) == NamespacePrefix(1, "t", 6));
  CHECK(AfterPrefix(NamespacePrefix(1, "t", INT64_MAX)) >
        EncodeColdKey({.key_group = 1, .table = "t", .ns = INT64_MAX, .key = "z", .subkey = ""}));
  CHECK(!DecodeColdKey(bytes.substr(0, 9), &back));
}

}  // namespace weir::taskmanager
