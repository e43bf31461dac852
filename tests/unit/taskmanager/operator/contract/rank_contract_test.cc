#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/contract/contract.h"

// top_n and deduplicate keep the contract of stateful operators.

namespace weir::taskmanager::contract {
namespace {

constexpr char kOut[] =
    "sinks:\n  out: {type: file, path: /y, format: {type: json}, input: w, parallelism: 1}\n";
/// Of updating results, which stay in the subtasks that made them.
constexpr char kUpdatingOut[] =
    "sinks:\n  out: {type: file, path: /y, format: {type: json}, input: w}\n";

struct Keys {
  std::string yaml;
  std::function<std::string(const Row&)> text;
};
const Keys& RandomKeys(Rng& rng) {
  static const auto& all = *new std::vector<Keys>{
      {"key_by: [k]", [](const Row& r) { return Text(r.k); }},
      {"key_by: [s, k]", [](const Row& r) { return Text(r.s) + "|" + Text(r.k); }},
      {"key_by: {twice: v * 2}", [](const Row& r) { return Text(r.v); }},
  };
  return all[rng.Below(all.size())];
}

/// What `keys` make of a row that was written.
std::string KeyOf(const Keys& keys, const std::string& text) {
  const std::vector<std::string> values = Values(text);
  if (keys.yaml == "key_by: [k]") return values[1];
  return keys.yaml == "key_by: [s, k]" ? values[2] + "|" + values[1] : values[3];
}

/// -1, 0, 1; NULL is last in both directions.
template <typename T>
int Compare(const std::optional<T>& a, const std::optional<T>& b, bool descending) {
  if (!a || !b) return static_cast<int>(!a) - static_cast<int>(!b);
  if (*a == *b) return 0;
  return (*a < *b) != descending ? -1 : 1;
}

struct Order {
  std::string yaml;
  std::function<int(const Row&, const Row&)> compare;
};
const Order& RandomOrder(Rng& rng) {
  static const auto& all = *new std::vector<Order>{
      {"order_by: [v desc]", [](const Row& a, const Row& b) { return Compare(a.v, b.v, true); }},
      {"order_by: [v, ts desc]",
       [](const Row& a, const Row& b) {
         const int c = Compare(a.v, b.v, false);
         return c != 0 ? c : Compare(std::optional(a.ts), std::optional(b.ts), true);
       }},
      {"order_by: [s desc, \"v * -1\"]",
       [](const Row& a, const Row& b) {
         const int c = Compare(a.s, b.s, true);
         return c != 0 ? c : Compare(a.v, b.v, true);
       }},
      {"order_by: [s, id desc]",
       [](const Row& a, const Row& b) {
         const int c = Compare(a.s, b.s, false);
         return c != 0 ? c : Compare(std::optional(a.id), std::optional(b.id), true);
       }},
  };
  return all[rng.Below(all.size())];
}

struct Ranked {
  const Row* row;
  int64_t rank;
};
/// The first `limit` rows, in order.
std::vector<Ranked> First(std::vector<const Row*> rows, const Order& order, int64_t limit,
                          bool ties) {
  std::sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) {
    const int c = order.compare(*a, *b);
    return c != 0 ? c < 0 : CanonicalBytes(*a) < CanonicalBytes(*b);
  });
  std::vector<Ranked> first;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto place = static_cast<int64_t>(i) + 1;
    if (ties && i > 0 && order.compare(*rows[i - 1], *rows[i]) == 0) place = first.back().rank;
    if (place > limit) break;
    first.push_back({rows[i], place});
  }
  return first;
}

Contract WindowedTopN(Rng& rng) {
  const Keys& keys = RandomKeys(rng);
  const Order& order = RandomOrder(rng);
  const bool one_group = rng.Below(5) == 0, ties = rng.Below(2) == 0, ranked = rng.Below(2) == 0;
  const int64_t limit = rng.Below(3) == 0 ? 1 : 1 + static_cast<int64_t>(rng.Below(6));
  Contract contract;
  contract.nodes = absl::StrCat(
      "operators:\n  w:\n    type: top_n\n    input: a\n    ", one_group ? "" : keys.yaml, "\n    ",
      order.yaml, "\n    limit: ", limit, "\n    ties: ", ties ? "true" : "false", "\n",
      ranked ? "    rank: place\n" : "", "    window: {tumbling: 10s}\n", kOut);
  contract.late_sink = rng.Below(2) == 0;
  if (contract.late_sink)
    contract.nodes += "  late: {type: file, path: /z, format: {type: json}, input: w.late}\n";
  contract.model = [=](const History& history) {
    Expected expected;
    std::map<std::pair<int64_t, std::string>, std::vector<const Row*>> groups;
    for (const Fed& fed : history) {
      const int64_t start = FloorTo(fed.row().ts, 10 * kSecond);
      if (fed.is_behind(start + 10 * kSecond)) {
        ++expected.late;
        expected.late_rows.push_back(Text(fed.row()));
      } else {
        groups[{start, one_group ? "" : keys.text(fed.row())}].push_back(&fed.row());
      }
    }
    for (const auto& [group, rows] : groups) {
      for (const Ranked& one : First(rows, order, limit, ties)) {
        expected.rows.push_back(absl::StrCat(Text(*one.row), "|", TimeText(group.first), "|",
                                             TimeText(group.first + 10 * kSecond),
                                             ranked ? absl::StrCat("|", one.rank) : ""));
      }
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: top_n of tumbling windows", "[contract][rank]") { KeepAll(WindowedTopN, 40); }

/// The second half of a query that wants the most frequent keys of each window.
Contract TopNOfWindows(Rng& rng) {
  const bool ties = rng.Below(2) == 0;
  const int64_t limit = 1 + static_cast<int64_t>(rng.Below(3));
  Contract contract;
  contract.judge = "c";
  contract.nodes = absl::StrCat(R"y(operators:
  c: {type: window_aggregate, input: a, key_by: [k], window: {sliding: 10s, slide: 5s}, aggregate: {n: count(*)}}
  w: {type: top_n, input: c, order_by: [n desc, k], limit: )y",
                                limit, ", ties: ", ties ? "true" : "false",
                                ", rank: place, window: input}\n", kOut);
  contract.model = [=](const History& history) {
    Expected expected;
    std::map<int64_t, std::map<std::string, int64_t>> windows;
    for (const Fed& fed : history) {
      bool counts = false;
      for (int64_t start = FloorTo(fed.row().ts, 5 * kSecond); start + 10 * kSecond > fed.row().ts;
           start -= 5 * kSecond) {
        if (fed.watermark != batch::kMinTimestamp && start + 10 * kSecond <= fed.watermark)
          continue;
        ++windows[start][fed.row().k ? absl::StrCat(*fed.row().k) : "NULL"];
        counts = true;
      }
      if (!counts) ++expected.late;
    }
    for (const auto& [start, counts] : windows) {
      // (count, key) is unique: ties change nothing.
      std::vector<std::tuple<int64_t, bool, int64_t, std::string>> order;
      for (const auto& [key, n] : counts)
        order.push_back({-n, key == "NULL", key == "NULL" ? 0 : std::stoll(key), key});
      std::sort(order.begin(), order.end());
      for (size_t i = 0; i < order.size() && i < static_cast<size_t>(limit); ++i) {
        expected.rows.push_back(absl::StrCat(std::get<3>(order[i]), "|", TimeText(start), "|",
                                             TimeText(start + 10 * kSecond), "|",
                                             -std::get<0>(order[i]), "|", i + 1));
      }
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: top_n of the windows of its input", "[contract][rank]") {
  KeepAll(TopNOfWindows, 30);
}

Contract UpdatingTopN(Rng& rng) {
  const Keys& keys = RandomKeys(rng);
  const Order& order = RandomOrder(rng);
  const int64_t limit = rng.Below(3) == 0 ? 1 : 1 + static_cast<int64_t>(rng.Below(6));
  Contract contract;
  contract.nodes =
      absl::StrCat("operators:\n  w:\n    type: top_n\n    input: a\n    ", keys.yaml, "\n    ",
                   order.yaml, "\n    limit: ", limit, "\n    rank: place\n", kUpdatingOut);
  contract.counts_late = false;  // no row is late
  contract.row_kinds = true;
  // The result's key: key_by and rank; rows are unique by their id, so the key is found from the
  // row.
  contract.key = [keys](const std::string& text) {
    return KeyOf(keys, text) + "|" + Values(text).back();
  };
  contract.model = [=](const History& history) {
    Expected expected;
    std::map<std::string, std::vector<const Row*>> groups;
    for (const Fed& fed : history) groups[keys.text(fed.row())].push_back(&fed.row());
    for (const auto& [key, rows] : groups) {
      for (const Ranked& one : First(rows, order, limit, false)) {
        expected.rows.push_back(absl::StrCat(Text(*one.row), "|", one.rank));
      }
    }
    return expected;
  };
  return contract;
}

TEST_CASE("contract: top_n that replaces its rows", "[contract][rank]") {
  KeepAll(UpdatingTopN, 40);
}

/// In the order in which deduplicate has the rows of a key.
bool IsBefore(const Row& a, const Row& b) {
  const auto order = [](const Row& row) {
    return std::make_pair(row.ts, batch::HashKey(CanonicalBytes(row)));
  };
  return order(a) < order(b);
}

Contract Deduplicate(Rng& rng) {
  const bool last = rng.Below(2) == 0;
  const Keys& keys = RandomKeys(rng);
  Contract contract;
  contract.nodes =
      absl::StrCat("operators:\n  w:\n    type: deduplicate\n    input: a\n    ", keys.yaml,
                   "\n    keep: ", last ? "last" : "first", "\n", last ? kUpdatingOut : kOut);
  if (last) {
    contract.row_kinds = true;
    contract.key = [keys](const std::string& text) { return KeyOf(keys, text); };
  }
  contract.model = [=](const History& history) {
    Expected expected;
    std::map<std::string, const Row*> kept;
    for (const Fed& fed : history) {
      // The first is given away when the watermark has passed it: what comes later is late.
      if (!last && fed.is_behind(fed.row().ts + 1)) {
        ++expected.late;
        continue;
      }
      const Row*& best = kept[keys.text(fed.row())];
      if (best == nullptr || (last ? IsBefore(*best, fed.row()) : IsBefore(fed.row(), *best)))
        best = &fed.row();
    }
    for (const auto& [key, row] : kept) expected.rows.push_back(Text(*row));
    return expected;
  };
  return contract;
}

TEST_CASE("contract: deduplicate", "[contract][rank]") { KeepAll(Deduplicate, 40); }

}  // namespace
}  // namespace weir::taskmanager::contract
