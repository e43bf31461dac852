#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/contract/contract.h"

// Joins keep the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

constexpr char kOut[] = "sinks:\n  out: {type: file, path: /y, format: {type: json}, input: w}\n";

struct On {
  std::string yaml;
  std::function<bool(const Row&, const Row&)> match;
};
const On& RandomOn(Rng& rng) {
  static const auto& all = *new std::vector<On>{
      {"on: {k: k}", [](const Row& a, const Row& b) { return a.k && a.k == b.k; }},
      {"on: [k]", [](const Row& a, const Row& b) { return a.k && a.k == b.k; }},
      {"on: [s, k]",
       [](const Row& a, const Row& b) { return a.s && a.k && a.s == b.s && a.k == b.k; }},
      {"on: {v * 2: v + v, s: s}",
       [](const Row& a, const Row& b) { return a.v && a.s && a.v == b.v && a.s == b.s; }},
  };
  return all[rng.Below(all.size())];
}

std::string Part(const Row* row) {
  return row == nullptr ? "NULL|NULL" : absl::StrCat(row->id, "|", Text(row->s));
}

Contract WindowJoin(Rng& rng) {
  static constexpr const char* kTypes[] = {"inner", "left", "right", "full", "semi", "anti"};
  const std::string type = kTypes[rng.Below(std::size(kTypes))];
  const bool one_sided = type == "semi" || type == "anti";
  const int64_t size = 10 * kSecond, slide = rng.Below(3) == 0 ? 5 * kSecond : size;
  const On& on = RandomOn(rng);
  Contract contract;
  contract.sources = {"a", "b"};
  contract.nodes = absl::StrCat(
      "operators:\n  w:\n    type: window_join\n    left: a\n    right: b\n    join: ", type,
      "\n    ", on.yaml,
      "\n    window: ", slide == size ? "{tumbling: 10s}" : "{sliding: 10s, slide: 5s}",
      "\n    fields: {i: a.id, s: a.s, ", one_sided ? "" : "j: b.id, t: b.s, ",
      "from: window_start, to: window_end}\n", kOut);
  contract.model = [=](const History& history) {
    Expected expected;
    std::map<int64_t, std::pair<std::vector<const Row*>, std::vector<const Row*>>> windows;
    for (const Fed& fed : history) {
      bool counts = false;
      for (int64_t start = FloorTo(fed.row().ts, slide); start + size > fed.row().ts;
           start -= slide) {
        if (fed.watermark != batch::kMinTimestamp && start + size <= fed.watermark) continue;
        (fed.event->source == "a" ? windows[start].first : windows[start].second)
            .push_back(&fed.row());
        counts = true;
      }
      if (!counts) ++expected.late;
    }
    for (const auto& [start, sides] : windows) {
      const std::string bounds = absl::StrCat("|", TimeText(start), "|", TimeText(start + size));
      for (const Row* left : sides.first) {
        bool matched = false;
        for (const Row* right : sides.second) {
          if (!on.match(*left, *right)) continue;
          matched = true;
          if (!one_sided) expected.rows.push_back(Part(left) + "|" + Part(right) + bounds);
        }
        if (type == "semi" && matched) expected.rows.push_back(Part(left) + bounds);
        if (type == "anti" && !matched) expected.rows.push_back(Part(left) + bounds);
        if ((type == "left" || type == "full") && !matched)
          expected.rows.push_back(Part(left) + "|" + Part(nullptr) + bounds);
      }
      if (type != "right" && type != "full") continue;
      for (const Row* right : sides.second) {
        bool matched = false;
        for (const Row* left : sides.first) matched |= on.match(*left, *right);
        if (!matched) expected.rows.push_back(Part(nullptr) + "|" + Part(right) + bounds);
      }
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: window_join", "[contract][join]") { KeepAll(WindowJoin, 60); }

bool IsLate(const Fed& fed) { return fed.is_behind(fed.row().ts + 1); }

Contract IntervalJoin(Rng& rng) {
  static constexpr std::pair<int64_t, int64_t> kBounds[] = {
      {5, 5}, {0, 10}, {10, 0}, {0, 0}, {12, 3}};
  const auto [before, after] = kBounds[rng.Below(std::size(kBounds))];
  const bool outer = rng.Below(2) == 0;
  const On& on = RandomOn(rng);
  Contract contract;
  contract.sources = {"a", "b"};
  contract.nodes = absl::StrCat(
      "operators:\n  w:\n    type: interval_join\n    left: a\n    right: b\n    join: ",
      outer ? "left" : "inner", "\n    ", on.yaml, "\n    within: {before: ", before,
      "s, after: ", after, "s}\n    fields: {i: a.id, s: a.s, j: b.id, t: b.s}\n", kOut);
  contract.model = [=, before = before * kSecond, after = after * kSecond](const History& history) {
    Expected expected;
    // What is behind the watermark is counted and joined with nothing, also in the outer join.
    for (const Fed& fed : history) expected.late += IsLate(fed) ? 1 : 0;
    for (const Fed& left : history) {
      if (left.event->source != "a" || IsLate(left)) continue;
      bool matched = false;
      for (const Fed& right : history) {
        if (right.event->source != "b" || IsLate(right)) continue;
        if (!on.match(left.row(), right.row())) continue;
        if (right.row().ts < left.row().ts - before || right.row().ts > left.row().ts + after)
          continue;
        matched = true;
        expected.rows.push_back(Part(&left.row()) + "|" + Part(&right.row()));
      }
      if (outer && !matched) expected.rows.push_back(Part(&left.row()) + "|" + Part(nullptr));
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: interval_join", "[contract][join]") { KeepAll(IntervalJoin, 60); }

/// A job with a lookup_join on the world's table.
std::string LookupNodes(const std::string& type, const std::string& more) {
  return absl::StrCat(
      "operators:\n  w:\n    type: lookup_join\n    input: a\n    table: {path: /t.json, format: "
      "json, schema: "
      "{k: bigint, name: string}",
      more, "}\n    on: {k: k}\n    join: ", type, "\n    fields: {i: a.id, name: table.name}\n",
      kOut);
}

const std::vector<std::pair<int64_t, std::string>>& LookupTable() {
  static const auto& table =
      *new std::vector<std::pair<int64_t, std::string>>{{-1, "zero"},
                                                        {1'000'002, "one"},
                                                        {1'000'002, "another one"},
                                                        {3'000'008, "three"},
                                                        {17, "never"}};
  return table;
}

Contract LookupJoin(Rng& rng) {
  const bool outer = rng.Below(2) == 0;
  Contract contract;
  contract.nodes =
      LookupNodes(outer ? "left" : "inner", rng.Below(2) == 0 ? ", on_change: reload" : "");
  contract.table = LookupTable();
  contract.model = [outer](const History& history) {
    Expected expected;
    for (const Fed& fed : history) {
      const size_t before = expected.rows.size();
      for (const auto& [key, name] : LookupTable()) {
        if (fed.row().k == key) expected.rows.push_back(absl::StrCat(fed.row().id, "|", name));
      }
      if (outer && expected.rows.size() == before)
        expected.rows.push_back(absl::StrCat(fed.row().id, "|NULL"));
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: lookup_join", "[contract][join]") { KeepAll(LookupJoin, 40); }

TEST_CASE("contract: a job goes on with the table it began with, unless told otherwise",
          "[contract][join]") {
  for (const bool reload : {false, true}) {
    INFO((reload ? "reload" : "fail"));
    std::vector<Event> events;
    for (int64_t id = 0; id < 12; ++id) {
      events.push_back({"a", static_cast<int32_t>(id % 3), {id, id % 2 == 0 ? -1 : 7, "s", 1, id}});
    }
    World world(std::move(events), 1);
    world.table = {{-1, "old"}, {5, "other"}};
    world.table_digest = "first";
    Cluster cluster;
    const auto job = [&](int parallelism) {
      return absl::StrCat("version: 1\nname: t\nparallelism: ", parallelism,
                          "\nstate: {backend: memory}\nsources:\n", SourceYaml("a"),
                          LookupNodes("inner", reload ? ", on_change: reload" : ""));
    };
    std::optional<Completed> saved;
    {
      JobRun run(&world, &cluster, job(2), std::nullopt);
      world.Release(6);
      run.Settle();
      saved = run.Checkpoint();
    }
    {
      // The digest goes from checkpoint to checkpoint, also through subtasks that saw no row.
      absl::Status refused;
      JobRun run(&world, &cluster, job(3), saved, &refused);
      REQUIRE_STATUS(refused);
      run.Settle();
      saved = run.Checkpoint();
    }
    world.table = {{-1, "new"}};
    world.table_digest = "second";
    for (const int parallelism : {1, 2, 3}) {
      absl::Status refused;
      JobRun run(&world, &cluster, job(parallelism), saved, &refused);
      INFO(refused);
      CHECK(refused.ok() == reload);
      if (reload) continue;
      CHECK(absl::IsFailedPrecondition(refused));
      CHECK_THAT(std::string(refused.message()), Catch::Contains("LOOKUP_TABLE_CHANGED"));
    }
    if (!reload) {  // the former file is put back
      world.table = {{-1, "old"}, {5, "other"}};
      world.table_digest = "first";
    }
    JobRun run(&world, &cluster, job(1), saved);
    world.Release(12);
    run.Settle();
    run.Checkpoint();
    std::vector<std::string> rows;
    for (const Written& written : world.Visible("out")) rows.push_back(written.text);
    std::sort(rows.begin(), rows.end());
    const std::string then = reload ? "|new" : "|old";
    CHECK(rows ==
          std::vector<std::string>{"0|old", "10" + then, "2|old", "4|old", "6" + then, "8" + then});
  }
}

}  // namespace
}  // namespace weir::taskmanager::contract
