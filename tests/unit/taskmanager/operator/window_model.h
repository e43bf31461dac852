#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/rng.h"
#include "common/batch/batch.h"

// What a window aggregation gives, computed in the simplest way there is: every window keeps its
// rows. Shares no code with the operators; only values are printed by the same functions.

namespace weir::taskmanager::model {

struct Row {
  std::optional<std::string> k;
  std::optional<int32_t> i;
  std::optional<int64_t> n;
  std::optional<batch::Decimal> d;  // decimal(12,2)
  std::optional<double> x;
  std::optional<std::string> s;
  std::optional<int64_t> t2;
  std::optional<int32_t> day;
  std::optional<uint8_t> b;
  int64_t ts = 0;
};
using Rows = std::vector<Row>;

inline std::string Text(const std::optional<std::string>& v) { return v ? *v : "NULL"; }
inline std::string Text(const std::optional<int32_t>& v) { return v ? std::to_string(*v) : "NULL"; }
inline std::string Text(const std::optional<int64_t>& v) { return v ? std::to_string(*v) : "NULL"; }
inline std::string Text(const std::optional<uint8_t>& v) {
  return v ? (*v ? "true" : "false") : "NULL";
}
inline std::string Text(const std::optional<double>& v) {
  if (!v) return "NULL";
  return batch::ValueToString(
      batch::Column::Constant(batch::DataType{batch::TypeKind::kDouble}, 1, *v), 0);
}
inline std::string DecimalText(const std::optional<batch::Decimal>& v, int scale) {
  return v ? batch::DecimalToString(*v, scale) : "NULL";
}
inline std::string TimeText(const std::optional<int64_t>& v) {
  return v ? batch::TimestampToString(*v) : "NULL";
}
inline std::string DateText(const std::optional<int32_t>& v) {
  return v ? batch::DateToString(*v) : "NULL";
}

/// The values of a column that are not NULL, in rows that `filter` lets through.
template <typename T>
std::vector<T> Values(const Rows& rows, std::optional<T> Row::*column,
                      const std::function<bool(const Row&)>& filter = nullptr) {
  std::vector<T> values;
  for (const Row& row : rows) {
    if ((!filter || filter(row)) && row.*column) values.push_back(*(row.*column));
  }
  return values;
}
template <typename T>
std::optional<T> Least(const std::vector<T>& values) {
  return values.empty() ? std::nullopt
                        : std::optional<T>(*std::min_element(values.begin(), values.end()));
}
template <typename T>
std::optional<T> Greatest(const std::vector<T>& values) {
  return values.empty() ? std::nullopt
                        : std::optional<T>(*std::max_element(values.begin(), values.end()));
}
template <typename S, typename T>
std::optional<S> Sum(const std::vector<T>& values) {
  if (values.empty()) return std::nullopt;
  S sum = 0;
  for (const T v : values) sum += v;
  return sum;
}
template <typename T>
std::string Distinct(const std::vector<T>& values) {
  return std::to_string(std::set<T>(values.begin(), values.end()).size());
}

struct Aggregate {
  std::string text;
  bool distinct;
  std::function<std::string(const Rows&)> value;
};

inline const std::vector<Aggregate>& Aggregates() {
  static const auto& positive =
      *new std::function<bool(const Row&)>([](const Row& r) { return r.i && *r.i > 0; });
  static const auto& flagged =
      *new std::function<bool(const Row&)>([](const Row& r) { return r.b && *r.b != 0; });
  static const auto& all = *new std::vector<Aggregate>{
      {"count(*)", false, [](const Rows& r) { return std::to_string(r.size()); }},
      {"count(*) filter (where i > 0)", false,
       [](const Rows& r) { return std::to_string(std::count_if(r.begin(), r.end(), positive)); }},
      {"count(s)", false, [](const Rows& r) { return std::to_string(Values(r, &Row::s).size()); }},
      {"count(x) filter (where b)", false,
       [](const Rows& r) { return std::to_string(Values(r, &Row::x, flagged).size()); }},
      {"sum(i)", false, [](const Rows& r) { return Text(Sum<int64_t>(Values(r, &Row::i))); }},
      {"sum(n)", false, [](const Rows& r) { return Text(Sum<int64_t>(Values(r, &Row::n))); }},
      {"sum(n * 2) filter (where i > 0)", false,
       [](const Rows& r) {
         const auto sum = Sum<int64_t>(Values(r, &Row::n, positive));
         return Text(sum ? std::optional<int64_t>(*sum * 2) : std::nullopt);
       }},
      {"sum(d)", false,
       [](const Rows& r) { return DecimalText(Sum<batch::Decimal>(Values(r, &Row::d)), 2); }},
      {"sum(x)", false, [](const Rows& r) { return Text(Sum<double>(Values(r, &Row::x))); }},
      {"avg(i)", false,
       [](const Rows& r) {
         const auto v = Values(r, &Row::i);
         const auto sum = Sum<int64_t>(v);
         return Text(
             sum ? std::optional<double>(static_cast<double>(*sum) / static_cast<double>(v.size()))
                 : std::nullopt);
       }},
      {"avg(d) filter (where b)", false,
       [](const Rows& r) {
         const auto v = Values(r, &Row::d, flagged);
         if (v.empty()) return std::string("NULL");
         // Half away from zero at six digits: four more than the argument has.
         const batch::Decimal sum = *Sum<batch::Decimal>(v) * 10000;
         const auto n = static_cast<batch::Decimal>(v.size());
         const batch::Decimal size = ((sum < 0 ? -sum : sum) * 2 + n) / (2 * n);
         return DecimalText(sum < 0 ? -size : size, 6);
       }},
      {"avg(x)", false,
       [](const Rows& r) {
         const auto v = Values(r, &Row::x);
         const auto sum = Sum<double>(v);
         return Text(sum ? std::optional<double>(*sum / static_cast<double>(v.size()))
                         : std::nullopt);
       }},
      {"min(i)", false, [](const Rows& r) { return Text(Least(Values(r, &Row::i))); }},
      {"max(n) filter (where b)", false,
       [](const Rows& r) { return Text(Greatest(Values(r, &Row::n, flagged))); }},
      {"min(d)", false, [](const Rows& r) { return DecimalText(Least(Values(r, &Row::d)), 2); }},
      {"max(x)", false, [](const Rows& r) { return Text(Greatest(Values(r, &Row::x))); }},
      {"min(s)", false, [](const Rows& r) { return Text(Least(Values(r, &Row::s))); }},
      {"max(s) filter (where i > 0)", false,
       [](const Rows& r) { return Text(Greatest(Values(r, &Row::s, positive))); }},
      {"max(t2)", false, [](const Rows& r) { return TimeText(Greatest(Values(r, &Row::t2))); }},
      {"min(day)", false, [](const Rows& r) { return DateText(Least(Values(r, &Row::day))); }},
      {"max(b)", false, [](const Rows& r) { return Text(Greatest(Values(r, &Row::b))); }},
      {"count(distinct n)", true, [](const Rows& r) { return Distinct(Values(r, &Row::n)); }},
      {"count(distinct s) filter (where b)", true,
       [](const Rows& r) { return Distinct(Values(r, &Row::s, flagged)); }},
      {"count(distinct d)", true, [](const Rows& r) { return Distinct(Values(r, &Row::d)); }},
  };
  return all;
}

struct Keys {
  std::string yaml;  // of key_by
  std::function<std::string(const Row&)> text;
};
inline const std::vector<Keys>& KeySets() {
  static const auto& all = *new std::vector<Keys>{
      {"key_by: [k]", [](const Row& r) { return Text(r.k) + "|"; }},
      {"key_by: [k, b]", [](const Row& r) { return Text(r.k) + "|" + Text(r.b) + "|"; }},
      {"key_by: {u: upper(k), i: i}",
       [](const Row& r) {
         std::string up = Text(r.k);
         for (char& c : up) c = static_cast<char>(std::toupper(c));
         return up + "|" + Text(r.i) + "|";
       }},
      {"key_by: {twice: d + d}",
       [](const Row& r) {
         return DecimalText(r.d ? std::optional(*r.d * 2) : std::nullopt, 2) + "|";
       }},
      {"", [](const Row&) { return std::string(); }},
  };
  return all;
}

/// The windows of a job and the rows that count in each.
struct Windows {
  int64_t size = 0, slide = 0, lateness = 0;
  std::map<std::pair<std::string, int64_t>, Rows> rows;  // (key, start)
  std::set<std::pair<std::string, int64_t>> came_before,
      came_after;  // rows came before, after it fired
  int64_t late = 0;

  static int64_t Floor(int64_t t, int64_t unit) {
    return t >= 0 ? t / unit : -((-t + unit - 1) / unit);
  }

  /// `row` came when the watermark was `watermark`. False: it is late.
  bool Add(const std::string& key, const Row& row, int64_t watermark) {
    bool covered = false, counts = false;
    for (int64_t start = Floor(row.ts, slide) * slide; start + size > row.ts; start -= slide) {
      covered = true;
      if (watermark != batch::kMinTimestamp && start + size + lateness <= watermark) continue;
      counts = true;
      rows[{key, start}].push_back(row);
      (start + size <= watermark ? came_after : came_before).insert({key, start});
    }
    if (covered && !counts) ++late;
    return counts || !covered;
  }
};

inline Row RandomRow(Rng& rng, int64_t around, int64_t jitter, int keys) {
  auto null = [&] { return rng.Below(8) == 0; };
  Row row;
  // A few keys have most of the rows.
  const uint64_t key = rng.Below(2) == 0 ? rng.Below(2) : rng.Below(static_cast<uint64_t>(keys));
  if (!null())
    row.k = (key % 3 == 0 ? "key-" : "a key of more than twelve bytes ") + std::to_string(key);
  if (!null()) row.i = static_cast<int32_t>(rng.Below(7)) - 3;
  if (!null()) row.n = static_cast<int64_t>(rng.Below(40)) * 1'000'000'007 - 20'000'000'000;
  if (!null()) row.d = static_cast<int64_t>(rng.Below(2000)) - 1000;
  if (!null())
    row.x = (static_cast<double>(rng.Below(4000)) - 2000) / 8;  // sums are exact in any order
  if (!null()) row.s = std::string(rng.Below(30), 'a') + std::to_string(rng.Below(50));
  if (!null()) row.t2 = static_cast<int64_t>(rng.Below(1'000'000'000'000)) - 500'000'000'000;
  if (!null()) row.day = static_cast<int32_t>(rng.Below(40000)) - 20000;
  if (!null()) row.b = static_cast<uint8_t>(rng.Below(2));
  row.ts = around - jitter + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(2 * jitter + 1)));
  return row;
}

}  // namespace weir::taskmanager::model
