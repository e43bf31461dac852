#include "tests/simulation/oracle/queries.h"

#include <algorithm>
#include <set>

#include "catch2/catch.hpp"
#include "tests/simulation/oracle/windows.h"

// The references of the workloads: that they see a missing, a doubled and a misplaced record.

namespace weir::sim {
namespace {

int64_t Number(const std::string& row, const std::string& name) {
  return std::stoll(row.substr(row.find("\"" + name + "\":") + name.size() + 3));
}

const Ranges kAll = {{0, {0, 300}}, {1, {0, 300}}};
const Ranges kOneLess = {{0, {0, 300}}, {1, {0, 299}}};
const Ranges kHalf = {{0, {0, 150}}, {1, {0, 150}}};

int64_t Passing(const Ranges& records, bool passes) {
  int64_t count = 0;
  for (const auto& [split, range] : records) {
    for (int64_t seq = range.from; seq < range.to; ++seq)
      count += ContentOf(split, seq).passes == passes ? 1 : 0;
  }
  return count;
}

TEST_CASE("sessions have each record once and lie a gap apart") {
  const auto rows = SessionsOf(kAll);
  int64_t counted = 0, joined = 0;
  std::map<int64_t, std::vector<std::pair<int64_t, int64_t>>> by_key;
  for (const std::string& row : rows) {
    counted += Number(row, "c");
    joined += Number(row, "c") > 1 ? 1 : 0;
    by_key[Number(row, "k")].emplace_back(Number(row, "b"), Number(row, "e"));
  }
  CHECK(counted == Passing(kAll, true));
  CHECK(joined > 10);
  for (auto& [key, sessions] : by_key) {
    std::sort(sessions.begin(), sessions.end());
    for (size_t i = 1; i < sessions.size(); ++i) CHECK(sessions[i].first >= sessions[i - 1].second);
  }
  CHECK(CheckSameRows(rows, rows, "out").empty());
  CHECK(CheckSameRows(rows, SessionsOf(kHalf), "out").size() == 1);
}

TEST_CASE("the top of each window is its most frequent keys, and no more of them than asked for") {
  const auto rows = TopOf(kAll);
  std::map<int64_t, std::vector<int64_t>> by_window;
  for (const std::string& row : rows) {
    auto& counts = by_window[Number(row, "b")];
    CHECK(Number(row, "r") == static_cast<int64_t>(counts.size()) + 1);
    CHECK((counts.empty() || Number(row, "c") <= counts.back()));
    counts.push_back(Number(row, "c"));
  }
  CHECK(by_window.size() >= 4);
  for (const auto& [window, counts] : by_window)
    CHECK(counts.size() <= static_cast<size_t>(kTopRows));
  CHECK(CheckSameRows(rows, TopOf(kHalf), "out").size() == 1);
}

TEST_CASE("the join has each passing record, alone or with others of its key") {
  const auto rows = JoinOf(kAll);
  std::set<std::pair<int64_t, int64_t>> left;
  int64_t alone = 0;
  for (const std::string& row : rows) {
    const RecordId id{static_cast<int32_t>(Number(row, "p")), Number(row, "s")};
    left.insert({id.split, id.seq});
    CHECK(ContentOf(id.split, id.seq).passes);
    if (row.find("null") != std::string::npos) {
      ++alone;
      continue;
    }
    const Content other = ContentOf(static_cast<int32_t>(Number(row, "x")), Number(row, "y"));
    CHECK_FALSE(other.passes);
    CHECK(other.key == Number(row, "k"));
  }
  CHECK(static_cast<int64_t>(left.size()) == Passing(kAll, true));
  CHECK(alone > 10);
  CHECK(alone < static_cast<int64_t>(rows.size()) - 10);
  CHECK(CheckSameRows(rows, JoinOf(kOneLess), "out").size() == 1);
}

TEST_CASE("the first of each group, of whichever split") {
  CHECK(FirstsOf({{0, {0, 3}}}).size() == 1);
  const auto rows = FirstsOf(kAll);
  CHECK(rows.size() == 100);
  CHECK(FirstsOf({{0, {0, 300}}}) != rows);  // a record that only the other split has
  CHECK(CheckSameRows(rows, FirstsOf(kHalf), "out").size() == 1);
}

}  // namespace
}  // namespace weir::sim
