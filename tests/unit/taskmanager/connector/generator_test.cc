#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "taskmanager/connector/generator/generator_source.h"

namespace weir::taskmanager::generator {
namespace {

job::Node MakeNode(std::vector<std::pair<std::string, std::string>> fields, int64_t rows = -1) {
  job::Node node;
  node.name = "numbers";
  node.type = "generator";
  std::vector<config::MapEntry> entries;
  for (auto& [name, text] : fields) entries.push_back({name, {}, config::Value::Plain(text)});
  std::vector<config::MapEntry> options = {{"fields", {}, config::Value::Map(entries)}};
  if (rows >= 0) options.push_back({"rows", {}, config::Value::Int(rows)});
  options.push_back({"seed", {}, config::Value::Int(7)});
  node.options = config::Value::Map(options);
  return node;
}

/// Reads all splits of a source cut for `parallelism` by one reader, from `positions` on, at most `reads` times.
std::map<int64_t, std::string> ReadRows(const job::Node& node, int32_t parallelism, int64_t max_rows, bool resume) {
  SourceContext context;
  context.node = &node;
  config::Diagnostics diagnostics;
  context.schema = std::make_shared<const batch::Schema>(*Descriptor()->OutputSchema(node, &diagnostics));
  const auto splits = GeneratorEnumerator(node.name).Enumerate(parallelism);
  REQUIRE(splits.ok());
  std::vector<std::string> positions(splits->size());
  std::vector<bool> ended(splits->size());
  std::map<int64_t, std::string> rows;
  for (bool done = false; !done;) {
    auto options = ReadOptions(node);
    REQUIRE(options.ok());
    GeneratorReader reader(context, *options);
    for (size_t i = 0; i < splits->size(); ++i) {
      if (!ended[i]) REQUIRE(reader.AddSplit(static_cast<int32_t>(i), (*splits)[i], positions[i]).ok());
    }
    for (;;) {
      auto result = reader.Read(max_rows);
      REQUIRE(result.ok());
      done = result->kind == ReadResult::Kind::kEnded;
      if (done) break;
      for (int64_t row = 0; row < result->batch.rows; ++row) {
        const bool fresh =
            rows.emplace(result->batch.columns[0].at<int64_t>(row), RowToString(result->batch, row)).second;
        REQUIRE(fresh);
      }
      positions[result->split] = reader.Position(result->split);
      ended[result->split] = result->split_ended;
      if (resume) break;
    }
  }
  return rows;
}

TEST_CASE("generated rows depend on nothing but their number", "[generator]") {
  const job::Node node =
      MakeNode({{"n", "sequence()"}, {"r", "random_int(1, 1000000)"}, {"s", "random_string(20)"}}, 1003);
  const auto rows = ReadRows(node, 1, 4096, false);
  REQUIRE(rows.size() == 1003);
  CHECK(rows.begin()->first == 0);
  CHECK(rows.rbegin()->first == 1002);
  CHECK(ReadRows(node, 4, 100, false) == rows);
  CHECK(ReadRows(node, 3, 17, true) == rows);
}

TEST_CASE("generator: fewer rows than splits, none at all", "[generator]") {
  CHECK(ReadRows(MakeNode({{"n", "sequence()"}}, 2), 5, 10, false).size() == 2);
  CHECK(ReadRows(MakeNode({{"n", "sequence()"}}, 0), 2, 10, false).empty());
}

TEST_CASE("generator: a row that cannot be computed is named", "[generator]") {
  const job::Node node = MakeNode({{"n", "10 / (3 - sequence())"}}, 10);
  SourceContext context;
  context.node = &node;
  config::Diagnostics diagnostics;
  context.schema = std::make_shared<const batch::Schema>(*Descriptor()->OutputSchema(node, &diagnostics));
  GeneratorReader reader(context, *ReadOptions(node));
  REQUIRE(reader.AddSplit(0, (*GeneratorEnumerator("numbers").Enumerate(1))[0], "").ok());
  const auto result = reader.Read(100);
  CHECK(result.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(result.status().message().find("numbers.fields.n, row 3: ") == 0);
}

TEST_CASE("generator: wrong expressions are reported with their places", "[generator]") {
  config::Diagnostics diagnostics;
  const auto schema =
      Descriptor()->OutputSchema(MakeNode({{"a", "sequenze()"}, {"b", "1 +"}, {"c", "1"}}), &diagnostics);
  CHECK(!schema);
  CHECK(diagnostics.errors().size() == 2);
  CHECK(!Descriptor()->Bounded(MakeNode({{"a", "1"}})));
  CHECK(Descriptor()->Bounded(MakeNode({{"a", "1"}}, 5)));
}

}  // namespace
}  // namespace weir::taskmanager::generator
