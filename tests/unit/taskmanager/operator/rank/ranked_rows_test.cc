#include "taskmanager/operator/rank/ranked_rows.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>

#include "common/base/rng.h"

namespace weir::taskmanager {
namespace {

/// Order is the first letter, the row is the rest.
std::vector<RankedRow> RowsOf(const std::vector<std::string>& texts) {
  static auto& kept = *new std::deque<std::string>;  // rows point into them
  std::vector<RankedRow> rows;
  for (const std::string& text : texts) rows.push_back({kept.emplace_back(text), 1});
  return rows;
}

std::string TextOf(const RankedRows& rows) {
  std::string out;
  for (const RankedRow& row : rows.rows()) out += std::string(row.bytes) + " ";
  return out;
}

TEST_CASE("RankedRows: keeps the first, tells whether anything changed", "[operator][rank]") {
  RankedRows rows(2, false);
  CHECK_FALSE(rows.full());
  CHECK(rows.Merge(RowsOf({"c1"})));
  CHECK(rows.Merge(RowsOf({"b2", "b1"})));
  CHECK(TextOf(rows) == "b1 b2 ");
  CHECK(rows.full());
  CHECK_FALSE(rows.Merge(RowsOf({"b3", "c0"})));
  CHECK_FALSE(rows.Merge(RowsOf({"b2"})));  // equal to one that is there: the copy falls off
  CHECK(rows.Merge(RowsOf({"b1"})));        // two of the same row are two rows
  CHECK(TextOf(rows) == "b1 b1 ");
}

TEST_CASE("RankedRows: ties with the last one stay", "[operator][rank]") {
  RankedRows rows(2, true);
  CHECK(rows.Merge(RowsOf({"b1", "b2", "b3", "c1"})));
  CHECK(TextOf(rows) == "b1 b2 b3 ");
  CHECK(rows.Merge(RowsOf({"a1"})));
  CHECK(TextOf(rows) == "a1 b1 b2 b3 ");
  CHECK(rows.Merge(RowsOf({"a2"})));
  CHECK(TextOf(rows) == "a1 a2 ");
}

TEST_CASE("RankedRows: bytes and back; damaged bytes are refused", "[operator][rank]") {
  RankedRows rows(5, false);
  rows.Merge(RowsOf({"b1", "a", "ccc"}));
  std::string bytes;
  rows.Serialize(&bytes);
  RankedRows again(5, false);
  REQUIRE(again.Parse(bytes));
  CHECK(TextOf(again) == TextOf(rows));
  CHECK(again.rows()[0].row().empty());
  CHECK(again.Parse(""));
  CHECK(again.rows().empty());
  for (size_t cut = 1; cut < bytes.size(); ++cut) CHECK_FALSE(again.Parse(std::string_view(bytes).substr(0, cut)));
  CHECK_FALSE(again.Parse(bytes + "x"));
}

TEST_CASE("RankedRows: the same, however the rows are cut", "[operator][rank]") {
  Rng rng(3);
  for (int run = 0; run < 200; ++run) {
    const auto limit = static_cast<int64_t>(1 + rng.Below(6));
    const bool ties = rng.Below(2) == 0;
    std::vector<std::string> all;
    RankedRows rows(limit, ties);
    for (uint64_t b = rng.Below(6); b > 0; --b) {
      std::vector<std::string> fed;
      for (uint64_t n = rng.Below(8); n > 0; --n) {
        fed.push_back({static_cast<char>('a' + rng.Below(4)), static_cast<char>('a' + rng.Below(4))});
      }
      all.insert(all.end(), fed.begin(), fed.end());
      const std::string before = TextOf(rows);
      const bool changed = rows.Merge(RowsOf(fed));
      CHECK(changed == (TextOf(rows) != before));
    }
    std::sort(all.begin(), all.end());
    std::string expected;
    for (size_t i = 0; i < all.size(); ++i) {
      const bool tie = ties && i >= static_cast<size_t>(limit) && all[i][0] == all[static_cast<size_t>(limit) - 1][0];
      if (i < static_cast<size_t>(limit) || tie) expected += all[i] + " ";
    }
    CHECK(TextOf(rows) == expected);
  }
}

}  // namespace
}  // namespace weir::taskmanager
