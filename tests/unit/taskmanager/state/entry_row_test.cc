#include "taskmanager/state/entry_row.h"

#include <string>
#include <vector>

#include "catch2/catch.hpp"

namespace weir::taskmanager {
namespace {

// A row with nothing but its key.
struct Row {
  Row(std::string_view key, std::string_view subkey, uint32_t room)
      : bytes(EntryRow::ValueOffset(room)), outside(EntryRow::OutsideBytes(key.size() + subkey.size(), room)) {
    get().SetKey(key, subkey, outside.empty() ? nullptr : outside.data());
  }
  EntryRow& get() { return *reinterpret_cast<EntryRow*>(bytes.data()); }
  std::vector<char> bytes, outside;
};

std::string Pattern(size_t n) {
  std::string s;
  for (size_t i = 0; i < n; ++i) s.push_back(static_cast<char>(i * 37 + 1));
  return s;
}

}  // namespace

TEST_CASE("a row gives back its key and subkey, and tells them from all that differ in a byte or in where they part") {
  for (uint32_t room : {10u, 26u, 42u}) {
    for (size_t n = 0; n < 60; ++n) {
      const std::string both = Pattern(n);
      for (size_t at = 0; at <= n; ++at) {
        const std::string key = both.substr(0, at), subkey = both.substr(at);
        Row row(key, subkey, room);
        const EntryRow& made = row.get();
        REQUIRE(made.key() == key);
        REQUIRE(made.subkey() == subkey);
        REQUIRE(made.Equal(key, subkey, room));
        for (size_t i = 0; i < n; ++i) {
          std::string other = both;
          other[i] = static_cast<char>(other[i] ^ 0x40);
          REQUIRE(!made.Equal(other.substr(0, at), other.substr(at), room));
        }
        if (at > 0) REQUIRE(!made.Equal(both.substr(0, at - 1), both.substr(at - 1), room));
        if (at < n) REQUIRE(!made.Equal(both.substr(0, at + 1), both.substr(at + 1), room));
        REQUIRE(!made.Equal(key, subkey + "x", room));
        if (!subkey.empty()) REQUIRE(!made.Equal(key, subkey.substr(1), room));
      }
    }
  }
}

TEST_CASE("rows are laid out for keys like the first ones, in whole units of 16 bytes") {
  CHECK(EntryRow::RoomFor(0) == 10);
  CHECK(EntryRow::RoomFor(10) == 10);
  CHECK(EntryRow::RoomFor(11) == 26);
  CHECK(EntryRow::RoomFor(42) == 42);
  CHECK(EntryRow::RoomFor(43) == 10);  // no room would do
  for (uint32_t room : {10u, 26u, 42u}) CHECK(EntryRow::ValueOffset(room) % 16 == 0);
}

}  // namespace weir::taskmanager
