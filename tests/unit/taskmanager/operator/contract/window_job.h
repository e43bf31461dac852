#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/contract/contract.h"

// What the contracts of all kinds of windows have in common.

namespace weir::taskmanager::contract {

struct Keys {
  std::string yaml;
  std::function<std::string(const Row&)> text;
};
inline const Keys& RandomKeys(Rng& rng) {
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
inline std::string Aggregates(const std::vector<const Row*>& rows, bool distinct) {
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

inline std::string Nodes(const std::string& keys, const std::string& window,
                         const std::string& more, bool distinct) {
  return absl::StrCat("operators:\n  w:\n    type: window_aggregate\n    input: a\n    ", keys,
                      "\n    window: ", window, "\n", more,
                      "    aggregate: {n: count(*), total: sum(v), low: min(s)",
                      distinct ? ", d: count(distinct v)" : "", "}\nsinks:\n",
                      "  out: {type: file, path: /y, format: {type: json}, input: w}\n");
}

}  // namespace weir::taskmanager::contract
