#include "tests/simulation/oracle/exact.h"

#include "catch2/catch.hpp"
#include "tests/simulation/oracle/windows.h"

namespace weir::sim {
namespace {

const Ranges kExpected = {{0, {2, 5}}, {1, {0, 2}}};

std::vector<RecordId> AllOf() { return {{1, 1}, {0, 2}, {0, 4}, {0, 3}, {1, 0}}; }

TEST_CASE("exactly the expected records are right in any order") {
  CHECK(CheckExact(kExpected, AllOf(), "out").empty());
  CHECK(CheckExact({}, {}, "out").empty());
}

TEST_CASE("a missing record is named") {
  auto output = AllOf();
  output.erase(output.begin() + 2);
  const Violations found = CheckExact(kExpected, output, "out");
  REQUIRE(found.size() == 1);
  CHECK(found[0].oracle == "O1");
  CHECK(found[0].what == "out: 1 missing: 0/4 (4 rows, 5 expected)");
}

TEST_CASE("a doubled record is named") {
  auto output = AllOf();
  output.push_back({1, 0});
  REQUIRE(CheckExact(kExpected, output, "out").size() == 1);
  CHECK(CheckExact(kExpected, output, "out")[0].what == "out: 1 doubled: 1/0 (6 rows, 5 expected)");
  CHECK(CheckNothingTwice(kExpected, output, "out").size() == 1);
}

TEST_CASE("a record that must not be there yet is named") {
  auto output = AllOf();
  output.push_back({0, 5});
  output.push_back({7, 1});
  REQUIRE(CheckExact(kExpected, output, "out").size() == 1);
  CHECK(CheckExact(kExpected, output, "out")[0].what == "out: 2 unexpected: 0/5, 7/1 (7 rows, 5 expected)");
  CHECK(CheckNothingTwice(kExpected, output, "out").size() == 1);
}

TEST_CASE("many wrong records are one short line") {
  const Violations found = CheckExact({{0, {0, 1000}}}, {}, "out");
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == "out: 1000 missing: 0/0, 0/1, 0/2, 0/3, 0/4, … (0 rows, 1000 expected)");
}

TEST_CASE("a job that failed honestly may lack records") {
  CHECK(CheckNothingTwice(kExpected, {{0, 3}}, "out").empty());
}

TEST_CASE("rows are compared as a multiset") {
  CHECK(CheckSameRows({"a", "b", "b"}, {"b", "a", "b"}, "out").empty());
  CHECK(CheckSameRows({"a", "b"}, {"b", "a", "b"}, "out").size() == 1);
  CHECK(CheckSameRows({"a", "b"}, {"b"}, "out").size() == 1);
  CHECK(CheckSameRows({"a"}, {"c"}, "out").size() == 1);
}

TEST_CASE("order counts within a split") {
  CHECK(CheckOrder({{0, 1}, {1, 0}, {0, 2}, {1, 5}}, "out").empty());
  CHECK(CheckOrder({{0, 1}, {1, 0}, {0, 3}, {0, 2}}, "out").size() == 1);
  CHECK(CheckOrder({{0, 1}, {0, 1}}, "out").size() == 1);
}

TEST_CASE("records are read from what a sink wrote") {
  RecordId id;
  REQUIRE(ParseRecord(R"({"k":4,"p":2,"s":1234,"t":1700000000000})", &id));
  CHECK(id == RecordId{2, 1234});
  CHECK_FALSE(ParseRecord(R"({"k":4,"s":1234})", &id));
  CHECK_FALSE(ParseRecord("", &id));
}

TEST_CASE("the reference counts what passes the filter, once, by window and key") {
  const Ranges records = {{0, {0, 500}}, {3, {100, 700}}};
  int64_t passing = 0;
  for (const auto& [split, range] : records) {
    for (int64_t seq = range.from; seq < range.to; ++seq) passing += ContentOf(split, seq).passes ? 1 : 0;
  }
  CHECK(passing > 800);
  CHECK(passing < 1100);
  int64_t counted = 0;
  for (const std::string& row : WindowsOf(records)) counted += std::stoll(row.substr(row.find("\"c\":") + 4));
  CHECK(counted == passing);
  // What two halves make is not what the whole makes where a window lies across.
  auto halves = WindowsOf({{0, {0, 125}}});
  for (std::string& row : WindowsOf({{0, {125, 500}}})) halves.push_back(std::move(row));
  CHECK(CheckSameRows(WindowsOf({{0, {0, 500}}}), halves, "out").size() == 1);
}

}  // namespace
}  // namespace weir::sim
