#include <set>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/contract/contract.h"

// window_aggregate keeps the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

struct Keys {
  std::string yaml;
  std::function<std::string(const Row&)> text;
};
const Keys& RandomKeys(Rng& rng) {
  static const auto& all = *new std::vector<Keys>{
      {"key_by: [k]", [](const Row& r) { return Text(r.k) + "|"; }},
      {"key_by: [k, s]", [](const Row& r) { return Text(r.k) + "|" + Text(r.s) + "|"; }},
      {"key_by: {twice: v * 2}",
       [](const Row& r) { return Text(r.v ? std::optional(*r.v * 2) : std::nullopt) + "|"; }},
      {"", [](const Row&) { return std::string(); }},
  };
  return all[rng.Below(all.size())];
}

/// count(*), sum(v), min(s), count(distinct v).
std::string Aggregates(const std::vector<const Row*>& rows, bool distinct) {
  std::optional<int64_t> sum;
  std::optional<std::string> low;
  std::set<int64_t> values;
  for (const Row* row : rows) {
    if (row->v) sum = sum.value_or(0) + *row->v;
    if (row->v) values.insert(*row->v);
    if (row->s && (!low || *row->s < *low)) low = row->s;
  }
  return absl::StrCat("|", rows.size(), "|", Text(sum), "|", Text(low),
                      distinct ? absl::StrCat("|", values.size()) : "");
}

std::string Nodes(const std::string& keys, const std::string& window, const std::string& more,
                  bool distinct) {
  return absl::StrCat("operators:\n  w:\n    type: window_aggregate\n    input: a\n    ", keys,
                      "\n    window: ", window, "\n", more,
                      "    aggregate: {n: count(*), total: sum(v), low: min(s)",
                      distinct ? ", d: count(distinct v)" : "", "}\nsinks:\n",
                      "  out: {type: file, path: /y, format: {type: json}, input: w}\n");
}

Contract Slices(Rng& rng) {
  static constexpr std::pair<int64_t, int64_t> kWindows[] = {
      {10, 10}, {2, 2}, {10, 2}, {10, 5}, {12, 1}};
  const auto [size, slide] = kWindows[rng.Below(std::size(kWindows))];
  const int64_t lateness = rng.Below(3) == 0 ? 4 : 0;
  const Keys& keys = RandomKeys(rng);
  const bool distinct = rng.Below(3) == 0;
  Contract contract;
  contract.nodes =
      Nodes(keys.yaml,
            size == slide ? absl::StrCat("{tumbling: ", size, "s}")
                          : absl::StrCat("{sliding: ", size, "s, slide: ", slide, "s}"),
            absl::StrCat("    allowed_lateness: ", lateness, "s\n"), distinct);
  // The last result of a window stands.
  if (lateness > 0) contract.nodes.insert(contract.nodes.rfind('}'), ", parallelism: 1");
  if (lateness > 0)
    contract.key = [distinct](const std::string& text) {
      return WithoutLast(text, distinct ? 4 : 3);
    };
  contract.model = [=, size = size * kSecond, slide = slide * kSecond,
                    lateness = lateness * kSecond](const History& history) {
    Expected expected;
    std::map<std::pair<std::string, int64_t>, std::vector<const Row*>> windows;
    for (const Fed& fed : history) {
      bool counts = false;
      for (int64_t start = FloorTo(fed.row().ts, slide); start + size > fed.row().ts;
           start -= slide) {
        if (fed.watermark != batch::kMinTimestamp && start + size + lateness <= fed.watermark)
          continue;
        windows[{keys.text(fed.row()), start}].push_back(&fed.row());
        counts = true;
      }
      if (!counts) ++expected.late;
    }
    for (const auto& [window, rows] : windows) {
      expected.rows.push_back(absl::StrCat(window.first, TimeText(window.second), "|",
                                           TimeText(window.second + size),
                                           Aggregates(rows, distinct)));
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: tumbling and sliding windows", "[contract][window]") { KeepAll(Slices, 60); }

}  // namespace
}  // namespace weir::taskmanager::contract
