#include <set>

#include "common/base/rng.h"
#include "tests/unit/taskmanager/operator/rank/rank_harness.h"

namespace weir::taskmanager {
namespace {

using plan::OperatorKind;

TEST_CASE("deduplicate: the last row of a key replaces the one before", "[operator][rank]") {
  RankRun run("type: deduplicate, key_by: [k], keep: last", OperatorKind::kDeduplicate);
  run.Feed({{1, 1, "a", 5}, {1, 2, "b", 4}, {2, 3, "c", 0}, {1, 4, "d", 6}});
  CHECK(run.Take() == Lines{"+1|1|a|1970-01-01 00:00:00.000005", "+2|3|c|1970-01-01 00:00:00",
                            "~1|4|d|1970-01-01 00:00:00.000006"});
  CHECK(run.times == std::vector<int64_t>{5, 0, 6});
  run.Restart();
  run.Feed({{1, 5, "e", 5}, {2, 6, "f", -1}, {std::nullopt, 7, "g", 1}});
  CHECK(run.Take() == Lines{"+NULL|7|g|1970-01-01 00:00:00.000001"});
  run.Advance(batch::kMaxTimestamp);
  CHECK(run.Take().empty());
}

TEST_CASE("deduplicate: of equal times one row stands, whatever their order", "[operator][rank]") {
  for (const char* keep : {"first", "last"}) {
    const std::string node = std::string("type: deduplicate, key_by: [k], keep: ") + keep;
    std::vector<RankRow> rows = {{1, 1, "a", 5}, {1, 2, "b", 5}, {1, 3, "c", 5}, {1, 4, "d", 5}};
    std::set<std::string> results;
    do {
      RankRun run(node, OperatorKind::kDeduplicate);
      for (const RankRow& row : rows) run.Feed({row});
      run.Advance(batch::kMaxTimestamp);
      results.insert(run.Take().back().substr(std::string(keep) == "last" ? 1 : 0));
      std::rotate(rows.begin(), rows.begin() + 1, rows.end());
    } while (rows[0].v != 1);
    CHECK(results.size() == 1);
  }
}

TEST_CASE("deduplicate: a key is forgotten ttl past its last row", "[operator][rank]") {
  RankRun run("type: deduplicate, key_by: [k], keep: last, ttl: 10s", OperatorKind::kDeduplicate);
  run.Feed({{1, 1, "a", kSecond}, {2, 1, "a", kSecond}});
  run.Feed({{2, 2, "b", 9 * kSecond}, {3, 1, "a", 40 * kSecond}});
  run.Take();
  run.Advance(11 * kSecond);
  run.Restart();
  run.Feed({{1, 3, "c", 2 * kSecond}, {2, 3, "c", 10 * kSecond}, {3, 3, "c", 39 * kSecond}, {1, 4, "d", kSecond}});
  CHECK(run.TakeSorted() ==
        Lines{"+1|3|c|1970-01-01 00:00:02", "~2|3|c|1970-01-01 00:00:10"});
  CHECK(run.counters.late_rows == 1);
  run.Advance(60 * kSecond);
  run.Feed({{3, 4, "d", 60 * kSecond}});
  CHECK(run.Take() == Lines{"+3|4|d|1970-01-01 00:01:00"});
}

TEST_CASE("deduplicate: the first row comes out when the watermark has passed it", "[operator][rank]") {
  RankRun run("type: deduplicate, key_by: [k], keep: first", OperatorKind::kDeduplicate);
  run.Feed({{1, 1, "a", 500}, {2, 2, "b", 400}, {1, 3, "c", 600}});
  run.Advance(400);
  CHECK(run.Take().empty());
  run.Feed({{1, 4, "d", 450}});
  run.Advance(401);
  CHECK(run.Take() == Lines{"2|2|b|1970-01-01 00:00:00.000400"});
  run.Restart();
  run.Feed({{1, 5, "e", 449}, {2, 5, "e", 700}, {3, 6, "f", 400}});
  CHECK(run.counters.late_rows == 1);
  run.Advance(kSecond);
  CHECK(run.Take() == Lines{"1|5|e|1970-01-01 00:00:00.000449"});
  run.Feed({{1, 7, "g", kSecond}, {2, 7, "g", kSecond}, {3, 7, "g", 2 * kSecond}});
  run.Advance(batch::kMaxTimestamp);
  CHECK(run.Take() == Lines{"3|7|g|1970-01-01 00:00:02"});
}

TEST_CASE("deduplicate: random rows, restarts and watermarks against a map", "[operator][rank]") {
  Rng rng(5);
  for (int round = 0; round < 40; ++round) {
    const bool last = rng.Below(2) == 0;
    RankRun run(std::string("type: deduplicate, key_by: {h: k / 2}, keep: ") + (last ? "last" : "first"),
                OperatorKind::kDeduplicate, rng.Below(4) == 0 ? "rocksdb" : "memory", 2);
    // The keys of a computed key lie behind the columns.
    REQUIRE(run.plan().columns == 4);
    std::map<int64_t, int64_t> expected, actual;
    int64_t watermark = 0;
    auto collect = [&] {
      for (const batch::Batch& batch : run.collector.batches[kMainPort]) {
        REQUIRE(batch.columns.size() == 4);
        for (int64_t i = 0; i < batch.rows; ++i) {
          const int64_t key = batch.columns[0].at<int64_t>(i) / 2, time = batch.times()[i];
          CHECK(batch.columns[3].at<int64_t>(i) == time);
          if (last) {
            CHECK((batch.kind(i) == batch::RowKind::kInsert) == !actual.contains(key));
          } else {
            CHECK_FALSE(actual.contains(key));
            CHECK(time < watermark);
          }
          actual[key] = time;
        }
      }
      run.collector.batches.clear();
    };
    for (int b = 0; b < 30; ++b) {
      const auto count = static_cast<int64_t>(1 + rng.Below(30));
      std::vector<RankRow> rows;
      for (int64_t i = 0; i < count; ++i) {
        const auto k = static_cast<int64_t>(rng.Below(400));
        const int64_t ts = watermark + static_cast<int64_t>(rng.Below(400'000)) - (last ? 200'000 : 0);
        rows.push_back({k, 0, "x", ts});
      }
      std::vector<int64_t> keys;
      for (const RankRow& row : rows) {
        keys.push_back(*row.k / 2);
        const auto [at, made] = expected.emplace(*row.k / 2, row.ts);
        if (!made && (last ? row.ts > at->second : row.ts < at->second)) at->second = row.ts;
      }
      BatchOf batch(run.plan().input, count);
      auto at = [&](int64_t i) -> const RankRow& { return rows[static_cast<size_t>(i)]; };
      batch.Set<int64_t>("k", [&](int64_t i) { return at(i).k; });
      batch.Set<int64_t>("v", [&](int64_t i) { return at(i).v; });
      batch.Set<std::string>("s", [&](int64_t i) { return std::optional(at(i).s); });
      batch.Set<int64_t>("ts", [&](int64_t i) { return std::optional(at(i).ts); });
      batch.Set<int64_t>("$k.h", [&](int64_t i) { return std::optional(keys[static_cast<size_t>(i)]); });
      batch.SetTimes([&](int64_t i) { return at(i).ts; });
      REQUIRE_STATUS(run.op().Process(batch.Finish(), run.collector));
      collect();
      if (rng.Below(2) == 0) {
        watermark += static_cast<int64_t>(rng.Below(150'000));
        run.Advance(watermark);
        collect();
      }
      if (rng.Below(5) == 0) run.Restart();
    }
    watermark = batch::kMaxTimestamp;
    run.Advance(watermark);
    collect();
    CHECK(actual == expected);
    CHECK(run.counters.late_rows == 0);
  }
}

}  // namespace
}  // namespace weir::taskmanager
