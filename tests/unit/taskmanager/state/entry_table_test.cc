#include "taskmanager/state/entry_table.h"

#include <map>
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
    std::vector<uint32_t> slots(keys.size()), made;
    table.FindOrInsert(k, &s, rows.data(), static_cast<int64_t>(rows.size()), 128, slots.data(),
                       &made);
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
  CHECK(table.dirty().size() == slots_of.size());
  table.ClearDirty();
  CHECK(table.dirty().empty());
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
