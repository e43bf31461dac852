#include "tests/unit/taskmanager/operator/contract/random_query.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::taskmanager::contract {
namespace {

enum class Type { kInt, kText, kTime };
struct Column {
  std::string name;
  Type type;
};
/// What an operator gives.
struct Relation {
  std::string name;
  std::vector<Column> columns;
  bool windowed = false;  // has window_start and window_end
};

class Maker {
 public:
  explicit Maker(Rng& rng) : rng_(rng) {}

  RandomQuery Make(int depth) {
    RandomQuery query;
    Relation result = From(depth);
    if (OneIn(5)) result = Updating(result, &query.key);
    if (ops_.empty()) result = Filter(result);
    query.nodes = absl::StrCat(
        "operators:\n", ops_,
        "sinks:\n  out: {type: file, path: /y, format: {type: json}, input: ", result.name, "}\n");
    query.sources.assign(sources_.begin(), sources_.end());
    return query;
  }

 private:
  bool OneIn(uint64_t n) { return rng_.Below(n) == 0; }
  template <typename T>
  const T& Any(const std::vector<T>& all) {
    return all[rng_.Below(all.size())];
  }
  std::string Fresh(const char* prefix) { return absl::StrCat(prefix, ++names_); }
  Column Int(const Relation& from) {
    std::vector<Column> ints;
    for (const Column& column : from.columns) {
      if (column.type == Type::kInt) ints.push_back(column);
    }
    return Any(ints);
  }
  /// Names of up to `most` columns but those of windows, different ones.
  std::vector<std::string> Keys(const Relation& from, size_t most) {
    std::set<std::string> names;
    for (size_t i = rng_.Below(most) + 1; i > 0; --i) {
      const Column& column = Any(from.columns);
      if (column.type != Type::kTime) names.insert(column.name);
    }
    if (names.empty()) names.insert(Int(from).name);
    return {names.begin(), names.end()};
  }
  static std::string List(const std::vector<std::string>& names) {
    return absl::StrCat("[", absl::StrJoin(names, ", "), "]");
  }
  /// Adds an operator.
  Relation Add(const std::string& name, const std::string& text, std::vector<Column> columns,
               bool windowed = false) {
    absl::StrAppend(&ops_, "  ", name, ": {", text, "}\n");
    return {name, std::move(columns), windowed};
  }

  Relation Source() {
    const std::string name = OneIn(3) ? "b" : "a";
    sources_.insert(name);
    return {name,
            {{"id", Type::kInt},
             {"k", Type::kInt},
             {"s", Type::kText},
             {"v", Type::kInt},
             {"ts", Type::kTime}}};
  }

  Relation From(int depth) {
    if (depth == 0) return Source();
    switch (rng_.Below(11)) {
      case 0:
        return Filter(From(depth - 1));
      case 1:
        return Select(From(depth - 1));
      case 2:
      case 3:
      case 4:
        return Aggregate(From(depth - 1));
      case 5:
        return TopN(From(depth - 1));
      case 6:
        return First(From(depth - 1));
      case 7:
        return WindowJoin(From(depth - 1),
                          From(static_cast<int>(rng_.Below(static_cast<uint64_t>(depth)))));
      case 8:
        return IntervalJoin(From(depth - 1),
                            From(static_cast<int>(rng_.Below(static_cast<uint64_t>(depth)))));
      case 9:
        return Lookup(From(depth - 1));
      default:
        return Union(From(depth - 1));
    }
  }

  std::string Predicate(const Relation& from) {
    const Column column = Any(from.columns);
    if (column.type == Type::kInt) {
      return column.name + Any<std::string>({" % 3 <> 1", " > 0", " is not null",
                                             " <> 2 or " + column.name + " is null"});
    }
    return column.name + (column.type == Type::kText
                              ? Any<std::string>({" = 'short'", " like '%1'", " is null"})
                              : " is not null");
  }
  Relation Filter(const Relation& from) {
    return Add(
        Fresh("n"),
        absl::StrCat("type: filter, input: ", from.name, ", where: \"", Predicate(from), "\""),
        from.columns, from.windowed);
  }

  std::string Scalar(const Column& column) {
    const std::string& c = column.name;
    if (column.type == Type::kInt)
      return Any<std::string>({c, c, c + " + 1", c + " % 5", "coalesce(" + c + ", 7)",
                               "if(" + c + " > 0, 1, " + c + ")"});
    if (column.type == Type::kText)
      return Any<std::string>(
          {c, c, "upper(" + c + ")", c + " || '!'", "coalesce(" + c + ", 'none')"});
    return c;
  }
  Relation Select(const Relation& from) {
    std::vector<Column> columns;
    std::vector<std::string> fields;
    const auto field = [&](const Column& column) {
      columns.push_back({Fresh("c"), column.type});
      fields.push_back(absl::StrCat(columns.back().name, ": \"", Scalar(column), "\""));
    };
    field(Int(from));
    for (uint64_t i = rng_.Below(4); i > 0; --i) field(Any(from.columns));
    const bool windowed = from.windowed && OneIn(2);
    if (windowed) {
      for (const char* bound : {"window_start", "window_end"}) {
        columns.push_back({bound, Type::kTime});
        fields.push_back(absl::StrCat(bound, ": ", bound));
      }
    }
    return Add(Fresh("n"),
               absl::StrCat("type: select, input: ", from.name, ", fields: {",
                            absl::StrJoin(fields, ", "), "}"),
               std::move(columns), windowed);
  }

  std::string Sliced() {
    return Any<std::string>({"{tumbling: 10s}", "{tumbling: 3s}", "{sliding: 10s, slide: 5s}",
                             "{sliding: 6s, slide: 2s}"});
  }
  Relation Aggregate(const Relation& from) {
    std::vector<Column> columns;
    std::string keys;
    if (!OneIn(4)) {
      const std::vector<std::string> names = Keys(from, 2);
      keys = absl::StrCat(", key_by: ", List(names));
      for (const Column& column : from.columns) {
        for (const std::string& name : names) {
          if (column.name == name) columns.push_back(column);
        }
      }
      // In the order of the key.
      std::sort(columns.begin(), columns.end(),
                [](const Column& x, const Column& y) { return x.name < y.name; });
    }
    columns.push_back({"window_start", Type::kTime});
    columns.push_back({"window_end", Type::kTime});
    std::vector<std::string> aggregates;
    const auto aggregate = [&](const std::string& text, Type type) {
      columns.push_back({Fresh("c"), type});
      aggregates.push_back(absl::StrCat(columns.back().name, ": \"", text, "\""));
    };
    aggregate("count(*)", Type::kInt);
    for (uint64_t i = rng_.Below(4); i > 0; --i) {
      const Column column = Any(from.columns);
      switch (rng_.Below(4)) {
        case 0:
          aggregate("sum(" + Int(from).name + ")", Type::kInt);
          break;
        case 1:
          aggregate("count(distinct " + column.name + ")", Type::kInt);
          break;
        case 2:
          aggregate("min(" + column.name + ")", column.type);
          break;
        default:
          aggregate("max(" + column.name + ")", column.type);
          break;
      }
    }
    const std::string window =
        OneIn(3) ? Any<std::string>({"{session: 2s}", "{session: 7s}"}) : Sliced();
    return Add(Fresh("n"),
               absl::StrCat("type: window_aggregate, input: ", from.name, keys, ", window: ",
                            window, ", aggregate: {", absl::StrJoin(aggregates, ", "), "}"),
               std::move(columns), /*windowed=*/true);
  }

  std::string Order(const Relation& from) {
    std::vector<std::string> order;
    for (uint64_t i = 1 + rng_.Below(2); i > 0; --i)
      order.push_back(Any(from.columns).name + (OneIn(2) ? " desc" : ""));
    return absl::StrCat(", order_by: ", List(order), ", limit: ", 1 + rng_.Below(4));
  }
  Relation TopN(const Relation& from) {
    std::vector<Column> columns = from.columns;
    if (!from.windowed) {
      columns.push_back({"window_start", Type::kTime});
      columns.push_back({"window_end", Type::kTime});
    }
    std::string rank;
    if (OneIn(2)) {
      columns.push_back({Fresh("c"), Type::kInt});
      rank = ", rank: " + columns.back().name;
    }
    return Add(Fresh("n"),
               absl::StrCat("type: top_n, input: ", from.name,
                            OneIn(3) ? "" : ", key_by: " + List(Keys(from, 2)), Order(from), rank,
                            OneIn(3) ? ", ties: true" : "",
                            ", window: ", from.windowed ? "input" : "{tumbling: 5s}"),
               std::move(columns), /*windowed=*/true);
  }
  Relation First(const Relation& from) {
    return Add(Fresh("n"),
               absl::StrCat("type: deduplicate, input: ", from.name,
                            ", key_by: ", List(Keys(from, 2)), ", keep: first"),
               from.columns, from.windowed);
  }

  /// Some columns of a side of a join, under new names.
  void JoinFields(const Relation& side, std::vector<Column>* columns,
                  std::vector<std::string>* fields) {
    const auto field = [&](const Column& column) {
      columns->push_back({Fresh("c"), column.type});
      fields->push_back(absl::StrCat(columns->back().name, ": ", side.name, ".", column.name));
    };
    field(Int(side));
    for (uint64_t i = rng_.Below(3); i > 0; --i) field(Any(side.columns));
  }
  /// A relation of its own for each side.
  Relation Apart(const Relation& left, Relation right) {
    return left.name == right.name ? Filter(right) : right;
  }
  std::string On(const Relation& left, const Relation& right) {
    return absl::StrCat(", on: {", Int(left).name, ": ", Int(right).name, "}");
  }
  Relation WindowJoin(const Relation& left, const Relation& other) {
    const Relation right = Apart(left, other);
    const std::string type = Any<std::string>({"inner", "left", "right", "full", "semi", "anti"});
    std::vector<Column> columns;
    std::vector<std::string> fields;
    JoinFields(left, &columns, &fields);
    if (type != "semi" && type != "anti") JoinFields(right, &columns, &fields);
    for (const char* bound : {"window_start", "window_end"}) {
      columns.push_back({bound, Type::kTime});
      fields.push_back(absl::StrCat(bound, ": ", bound));
    }
    return Add(Fresh("n"),
               absl::StrCat("type: window_join, left: ", left.name, ", right: ", right.name,
                            ", join: ", type, On(left, right), ", window: ", Sliced(),
                            ", fields: {", absl::StrJoin(fields, ", "), "}"),
               std::move(columns), /*windowed=*/true);
  }
  Relation IntervalJoin(const Relation& left, const Relation& other) {
    const Relation right = Apart(left, other);
    std::vector<Column> columns;
    std::vector<std::string> fields;
    JoinFields(left, &columns, &fields);
    JoinFields(right, &columns, &fields);
    return Add(Fresh("n"),
               absl::StrCat("type: interval_join, left: ", left.name, ", right: ", right.name,
                            OneIn(2) ? ", join: left" : ", join: inner", On(left, right),
                            ", within: {before: ", rng_.Below(4), "s, after: ", rng_.Below(4),
                            "s}, fields: {", absl::StrJoin(fields, ", "), "}"),
               std::move(columns));
  }
  Relation Lookup(const Relation& from) {
    std::vector<Column> columns;
    std::vector<std::string> fields;
    JoinFields(from, &columns, &fields);
    columns.push_back({Fresh("c"), Type::kText});
    fields.push_back(columns.back().name + ": table.name");
    return Add(
        Fresh("n"),
        absl::StrCat(
            "type: lookup_join, input: ", from.name,
            ", table: {path: /t.json, format: json, schema: {k: bigint, name: string}}, on: {",
            Int(from).name, ": k}, join: ", OneIn(2) ? "left" : "inner", ", fields: {",
            absl::StrJoin(fields, ", "), "}"),
        std::move(columns));
  }
  /// Of two parts that may overlap.
  Relation Union(const Relation& from) {
    const Relation one = Filter(from), other = Filter(from);
    return Add(Fresh("n"), absl::StrCat("type: union, inputs: [", one.name, ", ", other.name, "]"),
               from.columns, from.windowed);
  }

  Relation Updating(const Relation& from, std::vector<size_t>* key) {
    const std::vector<std::string> names = Keys(from, 2);
    std::vector<Column> columns = from.columns;
    for (size_t c = 0; c < columns.size(); ++c) {
      if (std::find(names.begin(), names.end(), columns[c].name) != names.end()) key->push_back(c);
    }
    const std::string start = absl::StrCat("input: ", from.name, ", key_by: ", List(names));
    if (OneIn(2))
      return Add(Fresh("n"), absl::StrCat("type: deduplicate, ", start, ", keep: last"), columns);
    columns.push_back({Fresh("c"), Type::kInt});
    key->push_back(columns.size() - 1);
    return Add(Fresh("n"),
               absl::StrCat("type: top_n, ", start, Order(from), ", rank: ", columns.back().name),
               columns);
  }

  Rng& rng_;
  std::string ops_;
  std::set<std::string> sources_;
  int names_ = 0;
};

}  // namespace

std::vector<std::string> RandomQuery::Settled(const std::vector<std::string>& written) const {
  if (key.empty()) return written;
  std::map<std::string, std::string> last;
  for (const std::string& row : written) {
    const std::vector<std::string> values = Values(row);
    std::string of;
    for (const size_t c : key) absl::StrAppend(&of, values[c], "|");
    last[of] = row;
  }
  std::vector<std::string> rows;
  for (const auto& [of, row] : last) rows.push_back(row);
  return rows;
}

RandomQuery MakeRandomQuery(Rng& rng, int depth) { return Maker(rng).Make(depth); }

}  // namespace weir::taskmanager::contract
