#include "taskmanager/operator/rank/order_bytes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <optional>

#include "common/base/rng.h"

namespace weir::taskmanager {
namespace {

using batch::Column;
using batch::DataType;
using batch::TypeKind;

template <typename T>
Column Make(DataType type, const std::vector<std::optional<T>>& values) {
  Column column = Column::Allocate(type, static_cast<int64_t>(values.size()));
  batch::StringArena arena;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) column.EnsureValidity()[i] = 0;
    if constexpr (std::is_same_v<T, std::string>) {
      column.mutable_data<batch::StringRef>()[i] = batch::StringRef(values[i] ? arena.Copy(*values[i]) : "");
    } else {
      column.mutable_data<T>()[i] = values[i].value_or(T{});
    }
  }
  column.AddHeaps(arena.buffers());
  return column;
}

/// Rows in the order of their bytes; the first bytes must never say otherwise.
std::vector<size_t> Sorted(const OrderBytes& order, const std::vector<Column>& columns) {
  const int64_t rows = columns[0].size();
  std::vector<std::string> bytes(static_cast<size_t>(rows));
  std::vector<uint64_t> prefixes;
  order.Prefixes(columns, rows, &prefixes);
  std::vector<size_t> sorted;
  for (size_t i = 0; i < bytes.size(); ++i) {
    order.Append(columns, static_cast<int64_t>(i), &bytes[i]);
    sorted.push_back(i);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) { return bytes[a] < bytes[b]; });
  for (size_t a = 0; a < bytes.size(); ++a) {
    CHECK(prefixes[a] <= OrderBytes::PrefixOf(bytes[a]));
    for (size_t b = 0; b < bytes.size(); ++b) {
      if (bytes[a] < bytes[b]) CHECK(prefixes[a] <= prefixes[b]);
      if (bytes[a] == bytes[b]) CHECK(prefixes[a] == prefixes[b]);
      // None begins another: what follows them cannot change their order.
      if (bytes[a] != bytes[b]) CHECK_FALSE(bytes[b].starts_with(bytes[a]));
    }
  }
  return sorted;
}

using Order = std::vector<size_t>;

TEST_CASE("OrderBytes: every type in both directions, NULLs last", "[operator][rank]") {
  const auto check = [](DataType type, const Column& column, const Order& ascending, const Order& descending) {
    CHECK(Sorted(OrderBytes({{type, false}}), {column}) == ascending);
    CHECK(Sorted(OrderBytes({{type, true}}), {column}) == descending);
  };
  const DataType bigint{.kind = TypeKind::kBigint};
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max(), kMin = std::numeric_limits<int64_t>::min();
  check(bigint, Make<int64_t>(bigint, {5, std::nullopt, kMin, -1, kMax, 0}), {2, 3, 5, 0, 4, 1}, {4, 0, 5, 3, 2, 1});
  const DataType integer{.kind = TypeKind::kInt, .nullable = false};
  check(integer, Make<int32_t>(integer, {5, -7, 0}), {1, 2, 0}, {0, 2, 1});
  const DataType boolean{.kind = TypeKind::kBoolean};
  check(boolean, Make<uint8_t>(boolean, {1, std::nullopt, 0}), {2, 0, 1}, {0, 2, 1});
  const DataType real{.kind = TypeKind::kDouble};
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  check(real, Make<double>(real, {nan, -0.0, 0.0, -inf, inf, 1e-300, -2.5}), {3, 6, 1, 2, 5, 4, 0},
        {0, 4, 5, 1, 2, 6, 3});
  const DataType decimal{.kind = TypeKind::kDecimal, .precision = 38, .scale = 2};
  const batch::Decimal big = batch::Decimal{1} << 100;
  check(decimal, Make<batch::Decimal>(decimal, {big, -big, 0, -1, 1, std::nullopt}), {1, 3, 2, 4, 0, 5},
        {0, 4, 2, 3, 1, 5});
  const DataType text{.kind = TypeKind::kString};
  check(text,
        Make<std::string>(text, {"b", "", std::string("a\0b", 3), "a", std::nullopt, "a long text, longer than ten",
                                 std::string("a\0", 2), "\xff"}),
        {1, 3, 6, 2, 5, 0, 7, 4}, {7, 0, 5, 2, 6, 3, 1, 4});
}

TEST_CASE("OrderBytes: several keys compare one after another", "[operator][rank]") {
  Rng rng(7);
  for (int run = 0; run < 60; ++run) {
    const bool nullable = rng.Below(2) == 0;
    const DataType text{.kind = TypeKind::kString, .nullable = nullable};
    const DataType integer{.kind = TypeKind::kInt, .nullable = nullable};
    const DataType bigint{.kind = TypeKind::kBigint, .nullable = nullable};
    std::vector<std::optional<std::string>> s;
    std::vector<std::optional<int32_t>> n;
    std::vector<std::optional<int64_t>> b;
    const auto null = [&] { return nullable && rng.Below(4) == 0; };
    for (int i = 0; i < 40; ++i) {
      std::string word;
      for (uint64_t c = rng.Below(11); c > 0; --c) word += static_cast<char>(rng.Below(2) == 0 ? 0 : 'a');
      s.push_back(null() ? std::nullopt : std::optional(word));
      n.push_back(null() ? std::nullopt : std::optional(static_cast<int32_t>(rng.Below(3)) - 1));
      b.push_back(null() ? std::nullopt : std::optional(static_cast<int64_t>(rng.Below(3)) - 1));
    }
    const std::vector<Column> columns = {Make(integer, n), Make(text, s), Make(bigint, b)};
    const bool d0 = rng.Below(2) == 0, d1 = rng.Below(2) == 0, d2 = rng.Below(2) == 0;
    const auto compare = [](const auto& x, const auto& y, bool descending) {
      if (x.has_value() != y.has_value()) return x ? -1 : 1;
      if (!x || *x == *y) return 0;
      return (*x < *y) != descending ? -1 : 1;
    };
    Order expected(40);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = i;
    std::stable_sort(expected.begin(), expected.end(), [&](size_t x, size_t y) {
      if (const int c = compare(n[x], n[y], d0)) return c < 0;
      if (const int c = compare(s[x], s[y], d1)) return c < 0;
      return compare(b[x], b[y], d2) < 0;
    });
    CHECK(Sorted(OrderBytes({{integer, d0}, {text, d1}, {bigint, d2}}), columns) == expected);
  }
}

}  // namespace
}  // namespace weir::taskmanager
