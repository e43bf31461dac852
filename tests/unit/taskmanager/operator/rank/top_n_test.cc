#include "common/base/rng.h"
#include "tests/unit/taskmanager/operator/rank/rank_harness.h"

// top_n: windows, updating results, the local half.

namespace weir::taskmanager {
namespace {

using plan::OperatorKind;

/// A row as the sink would see it.
std::string Line(const RankRow& row, const std::string& more) {
  const auto text = [](const std::optional<int64_t>& v) { return v ? std::to_string(*v) : std::string("NULL"); };
  return text(row.k) + "|" + text(row.v) + "|" + row.s + "|" + batch::TimestampToString(row.ts) + more;
}

TEST_CASE("top_n: a window's first rows with their ranks, once", "[operator][rank]") {
  RankRun run("type: top_n, key_by: [k], order_by: [v desc, s], limit: 2, rank: n, window: {tumbling: 10s}",
              OperatorKind::kTopN);
  run.Feed({{1, 5, "a", 1}, {1, 7, "b", 2}, {2, 1, "c", 3}, {1, std::nullopt, "d", 4}, {1, 6, "e", 10 * kSecond}});
  run.Restart();
  run.Feed({{1, 7, "a", 5}, {1, 1, "z", 6}});
  run.Advance(10 * kSecond - 1);
  CHECK(run.Take().empty());
  run.Advance(10 * kSecond);
  const std::string window = "|1970-01-01 00:00:00|1970-01-01 00:00:10|";
  CHECK(run.TakeSorted() == Lines{Line({1, 7, "a", 5}, window + "1"), Line({1, 7, "b", 2}, window + "2"),
                                  Line({2, 1, "c", 3}, window + "1")});
  CHECK(run.times == std::vector<int64_t>(3, 10 * kSecond - 1000));
  run.Feed({{1, 9, "late", 5}});
  CHECK(run.counters.late_rows == 1);
  run.Restart();
  run.Advance(batch::kMaxTimestamp);
  CHECK(run.Take() == Lines{Line({1, 6, "e", 10 * kSecond}, "|1970-01-01 00:00:10|1970-01-01 00:00:20|1")});
}

TEST_CASE("top_n: ties share a rank, and all of them are kept", "[operator][rank]") {
  RankRun run("type: top_n, order_by: [v desc], limit: 2, ties: true, rank: n, window: {tumbling: 10s}",
              OperatorKind::kTopN);
  run.Feed({{1, 5, "a", 1}, {2, 5, "b", 2}, {3, 4, "c", 3}, {4, 5, "d", 3}});
  run.Advance(batch::kMaxTimestamp);
  const auto rows = run.TakeSorted();
  REQUIRE(rows.size() == 3);
  for (const std::string& row : rows) CHECK(row.ends_with("|1"));
}

TEST_CASE("top_n: a rank's rows replace each other", "[operator][rank]") {
  RankRun run("type: top_n, key_by: [k], order_by: [v desc], limit: 2, rank: n", OperatorKind::kTopN);
  run.Feed({{1, 5, "a", 1}});
  CHECK(run.Take() == Lines{"+" + Line({1, 5, "a", 1}, "|1")});
  run.Feed({{1, 7, "b", 2}, {2, 1, "c", 3}});
  CHECK(run.TakeSorted() == Lines{"+" + Line({1, 5, "a", 1}, "|2"), "+" + Line({2, 1, "c", 3}, "|1"),
                                  "~" + Line({1, 7, "b", 2}, "|1")});
  CHECK(run.times == std::vector<int64_t>{1, 2, 1, 3});
  run.Restart();
  run.Feed({{1, 6, "d", 4}, {1, 4, "e", 5}, {1, std::nullopt, "f", 6}});
  CHECK(run.Take() == Lines{"~" + Line({1, 6, "d", 4}, "|2")});
  run.Feed({{1, 6, "d", 4}});  // equal to the last one
  CHECK(run.Take().empty());
  run.Feed({{std::nullopt, 1, "g", 7}});  // NULL is a key as any other
  CHECK(run.Take() == Lines{"+" + Line({std::nullopt, 1, "g", 7}, "|1")});
}

TEST_CASE("top_n: a key is forgotten ttl past its last row", "[operator][rank]") {
  RankRun run("type: top_n, key_by: [k], order_by: [v desc], limit: 1, rank: n, ttl: 10s", OperatorKind::kTopN);
  run.Feed({{1, 5, "a", kSecond}, {2, 5, "a", kSecond}});
  CHECK(run.Take().size() == 2);
  run.Advance(8 * kSecond);
  run.Feed({{1, 1, "b", 8 * kSecond}});  // not among the first, but its key lives on
  CHECK(run.Take().empty());
  run.Advance(11 * kSecond);
  run.Restart();
  run.Feed({{1, 2, "c", 12 * kSecond}, {2, 2, "c", 12 * kSecond}});
  CHECK(run.Take() == Lines{"+" + Line({2, 2, "c", 12 * kSecond}, "|1")});
  run.Feed({{1, 9, "d", kSecond}});
  CHECK(run.counters.late_rows == 1);
  run.Feed({{1, 9, "d", kSecond + 1}});  // behind the watermark, but not by as much
  CHECK(run.Take() == Lines{"~" + Line({1, 9, "d", kSecond + 1}, "|1")});
  run.Advance(23 * kSecond);
  run.Feed({{1, 1, "e", 23 * kSecond}});
  CHECK(run.Take() == Lines{"+" + Line({1, 1, "e", 23 * kSecond}, "|1")});
}

TEST_CASE("top_n: rows whose order cannot be computed go the way of on_error", "[operator][rank]") {
  const std::string node = "type: top_n, order_by: [100 / v], limit: 2, window: {tumbling: 10s}, on_error: ";
  RankRun fail(node + "fail", OperatorKind::kTopN);
  CHECK(absl::IsInvalidArgument(fail.TryFeed({{1, 0, "a", 1}})));
  RankRun skip(node + "skip", OperatorKind::kTopN);
  skip.Feed({{1, 0, "a", 1}, {1, 10, "b", 1}, {1, 50, "c", 1}, {1, 20, "d", 1}});
  CHECK(skip.counters.skipped_rows == 1);
  skip.Advance(batch::kMaxTimestamp);
  const auto rows = skip.Take();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].starts_with("1|50|c"));
  CHECK(rows[1].starts_with("1|20|d"));
}

TEST_CASE("top_n: large groups, many pages", "[operator][rank]") {
  RankRun run("type: top_n, key_by: [k], order_by: [v], limit: 3000, rank: n, window: {tumbling: 10s}",
              OperatorKind::kTopN);
  std::vector<RankRow> rows;
  for (int i = 0; i < 4000; ++i) rows.push_back({i % 2, i * 7919 % 4001, "s", 1});
  run.Feed(rows);
  run.Feed(rows);
  run.Advance(batch::kMaxTimestamp);
  std::map<std::string, int64_t> next;
  int64_t total = 0;
  for (const std::string& row : run.Take()) {
    const std::string key = row.substr(0, row.find('|'));
    CHECK(row.substr(row.rfind('|') + 1) == std::to_string(++next[key]));
    ++total;
  }
  CHECK(total == 6000);
}

TEST_CASE("top_n: the local half drops only what cannot come in", "[operator][rank]") {
  Rng rng(11);
  for (int round = 0; round < 30; ++round) {
    const bool keyed = rng.Below(2) == 0, ties = rng.Below(2) == 0;
    const auto limit = 1 + rng.Below(4);
    const std::string node = "type: top_n, " + std::string(keyed ? "key_by: [k], " : "") +
                             "order_by: [v desc, s], limit: " + std::to_string(limit) +
                             (ties ? ", ties: true" : "") + ", rank: n, window: {tumbling: 10s}";
    RankRun alone(node, OperatorKind::kTopN), local(node, OperatorKind::kLocalTopN, "memory", 2),
        behind(node, OperatorKind::kTopN, "memory", 2);
    size_t in = 0, out = 0;
    int64_t watermark = 0;
    for (int b = 0; b < 20; ++b) {
      std::vector<RankRow> rows;
      for (uint64_t n = 1 + rng.Below(40); n > 0; --n) {
        rows.push_back({rng.Below(3), rng.Below(20) == 0 ? std::nullopt : std::optional<int64_t>(rng.Below(9)),
                        std::string(rng.Below(3), 'x'),
                        watermark + static_cast<int64_t>(rng.Below(15 * kSecond)) - 2 * kSecond});
      }
      alone.Feed(rows);
      local.Feed(rows);
      in += rows.size();
      for (batch::Batch& batch : local.collector.batches[kMainPort]) {
        out += static_cast<size_t>(batch.rows);
        REQUIRE_STATUS(behind.op().Process(batch, behind.collector));
      }
      local.collector.batches.clear();
      if (rng.Below(3) == 0) {
        watermark += static_cast<int64_t>(rng.Below(8)) * kSecond;
        for (RankRun* run : {&local, &behind, &alone}) run->Advance(watermark);
        CHECK(behind.TakeSorted() == alone.TakeSorted());
      }
      if (rng.Below(6) == 0) local.Restart();
    }
    for (RankRun* run : {&local, &behind, &alone}) run->Advance(batch::kMaxTimestamp);
    CHECK(behind.TakeSorted() == alone.TakeSorted());
    CHECK(out < in);
  }
}

}  // namespace
}  // namespace weir::taskmanager
