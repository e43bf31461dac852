#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/batch/batch.h"
#include "tests/unit/taskmanager/operator/operator_harness.h"

// Rows of both sides of a join, and what it gives, found by looking at every pair. Shares no code with the operators.

namespace weir::taskmanager::model {

struct JoinRow {
  std::optional<int64_t> k;
  std::optional<std::string> s;
  std::optional<int64_t> n;
  std::string text;
  int64_t ts = 0;
  int64_t seen_at = 0;  // the watermark when it came
};

inline JoinRow RandomJoinRow(Rng& rng, int64_t now, int64_t spread, int keys) {
  JoinRow row;
  if (rng.Below(8) > 0) row.k = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(keys)));
  if (rng.Below(8) > 0) row.s = rng.Below(2) == 0 ? "a" : "a key of more than twelve bytes";
  if (rng.Below(6) > 0) row.n = static_cast<int64_t>(rng.Below(1000));
  row.text = std::string(rng.Below(30), 'x') + std::to_string(rng.Below(100000));
  row.ts = now - spread / 2 + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(spread)));
  return row;
}

inline batch::Batch MakeBatch(const batch::SchemaPtr& schema, const std::vector<JoinRow>& rows) {
  BatchOf batch(schema, static_cast<int64_t>(rows.size()));
  auto at = [&](int64_t r) -> const JoinRow& { return rows[static_cast<size_t>(r)]; };
  batch.Set<int64_t>("k", [&](int64_t r) { return at(r).k; });
  batch.Set<std::string>("s", [&](int64_t r) { return at(r).s; });
  batch.Set<int64_t>("n", [&](int64_t r) { return at(r).n; });
  batch.Set<std::string>("text", [&](int64_t r) { return std::optional(at(r).text); });
  batch.Set<int64_t>("ts", [&](int64_t r) { return std::optional(at(r).ts); });
  batch.SetTimes([&](int64_t r) { return at(r).ts; });
  return batch.Finish();
}

/// How a job joins: `on` of its file, and the same here.
struct KeySet {
  const char* on;
  std::optional<std::string> (*left)(const JoinRow&);
  std::optional<std::string> (*right)(const JoinRow&);
};
inline const std::vector<KeySet>& JoinKeySets() {
  static const auto* const sets = new std::vector<KeySet>{
      {"[k]", [](const JoinRow& r) { return r.k ? std::optional(std::to_string(*r.k)) : std::nullopt; },
       [](const JoinRow& r) { return r.k ? std::optional(std::to_string(*r.k)) : std::nullopt; }},
      {"{k: k, s: s}",
       [](const JoinRow& r) { return r.k && r.s ? std::optional(std::to_string(*r.k) + *r.s) : std::nullopt; },
       [](const JoinRow& r) { return r.k && r.s ? std::optional(std::to_string(*r.k) + *r.s) : std::nullopt; }},
      {"{k: n % 7}", [](const JoinRow& r) { return r.k ? std::optional(std::to_string(*r.k)) : std::nullopt; },
       [](const JoinRow& r) { return r.n ? std::optional(std::to_string(*r.n % 7)) : std::nullopt; }},
  };
  return *sets;
}

inline std::string Show(const std::optional<int64_t>& v) { return v ? std::to_string(*v) : "NULL"; }
/// The columns of one side that the jobs of these tests select; null: a side of NULLs.
inline std::string Show(const JoinRow* row) {
  return row == nullptr ? "NULL|NULL|NULL" : Show(row->n) + "|" + row->text + "|" + (row->s ? *row->s : "NULL");
}

}  // namespace weir::taskmanager::model
