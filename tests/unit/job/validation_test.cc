#include "common/job/validation.h"

#include <catch2/catch.hpp>

#include "tests/support/test_connectors.h"

namespace weir::job {
namespace {

InputRef From(std::string node, Port port = Port::kMain) { return {std::move(node), port, {}}; }

Node Source(std::string name) {
  Node node;
  node.name = std::move(name);
  node.kind = NodeKind::kSource;
  node.type = "file";
  node.options = Value::Map({{"path", {}, Value::String("/p")}});
  node.format.type = FormatType::kJson;
  node.schema = {{"a", {.kind = batch::TypeKind::kBigint}, {}}};
  return node;
}
Node Filter(std::string name, std::vector<InputRef> inputs) {
  Node node;
  node.name = std::move(name);
  node.kind = NodeKind::kOperator;
  node.type = "filter";
  node.inputs = std::move(inputs);
  node.where.text = "a > 1";
  return node;
}
Node Sink(std::string name, std::vector<InputRef> inputs) {
  Node node;
  node.name = std::move(name);
  node.kind = NodeKind::kSink;
  node.type = "print";
  node.options = Value::Map({});
  node.inputs = std::move(inputs);
  return node;
}

JobSpec Job() {
  JobSpec spec;
  spec.name = "job";
  spec.nodes = {Source("in"), Filter("some", {From("in")}), Sink("out", {From("some")})};
  return spec;
}

std::string Errors(const JobSpec& spec) {
  config::Diagnostics diagnostics;
  Validate(spec, testing::TestCatalog(), &diagnostics);
  return std::string(diagnostics.ToStatus().message());
}

TEST_CASE("validation: a good job has no errors") { CHECK(Errors(Job()).empty()); }

TEST_CASE("validation: a dangling input names the nearest node, and an unused node is named") {
  JobSpec spec = Job();
  spec.nodes[2].inputs = {From("sme")};
  CHECK(Errors(spec) ==
        "no source or operator is called `sme` (did you mean `some`?)\noperator `some` is not "
        "used: no node has it as `input`");
}

TEST_CASE("validation: cycles are reported in the direction of the rows") {
  JobSpec spec = Job();
  spec.nodes.push_back(Filter("a", {From("c")}));
  spec.nodes.push_back(Filter("b", {From("a")}));
  spec.nodes.push_back(Filter("c", {From("b")}));
  CHECK(Errors(spec) == "the nodes feed themselves: a -> b -> c -> a");
  spec = Job();
  spec.nodes[1].inputs = {From("in"), From("some")};
  CHECK(Errors(spec) == "the nodes feed themselves: some -> some");
}

TEST_CASE("validation: names, numbers and settings are checked, whoever made the spec") {
  JobSpec spec = Job();
  spec.name = "../x";
  spec.parallelism = 0;
  spec.guarantee = Guarantee::kAtMostOnce;
  spec.checkpoint.storage = "s3://x";
  spec.checkpoint.interval = 0;
  spec.nodes[1].parallelism = 129;
  spec.nodes[0].name = "a.b";
  const std::string errors = Errors(spec);
  for (const char* part :
       {"job name `../x`", "parallelism 0 must be at least 1", "at_most_once is not supported yet",
        "s3://x", "checkpoint settings are out of range",
        "`some`: parallelism 129 is above max_parallelism 128", "`a.b` is no name for a node"}) {
    CHECK_THAT(errors, Catch::Contains(part));
  }
  JobSpec twice = Job();
  twice.nodes.push_back(twice.nodes[0]);
  CHECK_THAT(Errors(twice), Catch::Contains("two nodes are called `in`"));
  CHECK_THAT(Errors(JobSpec{}), Catch::Contains("the job has no source"));
}

TEST_CASE("validation: outputs that are not there are refused") {
  JobSpec spec = Job();
  spec.nodes[2].inputs = {From("some", Port::kLate), From("some", Port::kErrors), From("out"),
                          From("some"), From("some")};
  const std::string errors = Errors(spec);
  CHECK_THAT(errors, Catch::Contains("only a window_aggregate or a top_n per window has late rows: `some` is a filter"));
  CHECK_THAT(errors, Catch::Contains(
                         "`some.errors` would never have rows: `some` needs `on_error: route`"));
  CHECK_THAT(errors, Catch::Contains("`out` is a sink and gives no rows"));
  CHECK_THAT(errors, Catch::Contains("input `some` is given twice"));
}

TEST_CASE("validation: connectors, their options and formats are checked") {
  JobSpec spec = Job();
  spec.nodes[0].options = Value::Map({{"pth", {}, Value::String("/p")}});
  spec.nodes[0].schema.clear();
  spec.nodes[2].format.type = FormatType::kCsv;
  const std::string errors = Errors(spec);
  CHECK_THAT(errors, Catch::Contains("unknown key `pth` in source `in` (did you mean `path`?)"));
  CHECK_THAT(errors, Catch::Contains("key `path` is missing in source `in`"));
  CHECK_THAT(errors, Catch::Contains("key `schema` is missing in source `in`"));
  CHECK_THAT(errors, Catch::Contains("a print sink has no `format`"));
  spec = Job();
  spec.nodes[0].type = "print";
  CHECK(Errors(spec) == "`print` cannot be a source, only a sink");
  spec.nodes[2].type = "prnt";
  CHECK_THAT(
      Errors(spec),
      Catch::Contains("no sink is of type `prnt` (did you mean `print`?); there are file, print"));
}

TEST_CASE("validation: windows must be whole") {
  JobSpec spec = Job();
  Node& window = spec.nodes[1];
  window.type = "window_aggregate";
  window.aggregates = {{"n", {"count(*)", {}}, {}}};
  auto errors = [&](Micros size, Micros slide) {
    window.window = Window{Window::Kind::kSliding, size, slide, {}};
    return Errors(spec);
  };
  CHECK(errors(60'000'000, 20'000'000).empty());
  CHECK_THAT(errors(60'000'000, 25'000'000),
             Catch::Contains("the window of 1m must be a multiple of its slide of 25s"));
  CHECK_THAT(errors(1'000'000, 2'000'000), Catch::Contains("rows between windows would be lost"));
  CHECK_THAT(errors(86'400'000'000, 1000), Catch::Contains("more than 10000 windows"));
  CHECK_THAT(errors(0, 0), Catch::Contains("must be positive"));
  window.key_by = {{"n", {"n", {}}, {}}, {"window_end", {"a", {}}, {}}};
  const std::string names = errors(60'000'000, 60'000'000);
  CHECK_THAT(names, Catch::Contains("`window_end` is a column that every window has"));
  CHECK_THAT(names, Catch::Contains("`n` is already the name of a key"));
  window.window.reset();
  CHECK_THAT(Errors(spec), Catch::Contains("key `window` is missing in operator `some`"));
}

TEST_CASE("validation: inputs come first in the topological order, whatever the order of nodes") {
  JobSpec spec = Job();
  std::swap(spec.nodes[0], spec.nodes[2]);
  CHECK(TopologicalOrder(spec) == std::vector<int>{2, 1, 0});
}

}  // namespace
}  // namespace weir::job
