#include "common/job/yaml/job_reader.h"

#include <catch2/catch.hpp>

#include "common/config/yaml/document.h"
#include "common/job/validation.h"
#include "tests/support/test_connectors.h"

namespace weir::job {
namespace {

constexpr char kJob[] = R"yaml(version: 1
name: fraud-alert
parallelism: 2
guarantee: at_least_once
checkpoint: {interval: 200ms, storage: file:///tmp/c}
restart: {strategy: fixed, initial_delay: 2s}
state: {backend: memory}
sources:
  tx:
    type: file
    path: "${env:DIR:-/data}/*.jsonl"
    format: {type: json, on_error: route}
    schema: {user: string not null, shop.name: string, amount: "decimal(12,2)", ts: timestamp not null}
    event_time: {field: ts, max_delay: 5s, idle_after: 10s}
    rate: 20000/s
operators:
  per_user:
    type: window_aggregate
    input: tx
    key_by: [user]
    window: {sliding: 1m, slide: 20s}
    allowed_lateness: 3s
    aggregate: {n: count(*), total: sum(amount)}
    parallelism: 4
  some: {type: filter, inputs: [per_user, other.late], where: n > 10}
sinks:
  out: {type: file, input: some, path: /out, format: {type: json, timestamps: rfc3339}}
  seen: {type: print, input: tx.errors}
)yaml";

JobSpec Read(std::string_view yaml, const config::Environment& environment = {}) {
  config::Diagnostics diagnostics;
  std::optional<JobSpec> spec = ReadJob(yaml, environment, testing::TestCatalog(), &diagnostics);
  INFO(diagnostics.ToStatus().message());
  REQUIRE(diagnostics.ok());
  return *std::move(spec);
}

/// Messages with their places, as one text.
std::string Errors(std::string_view yaml) {
  config::Diagnostics diagnostics;
  ReadJob(yaml, {}, testing::TestCatalog(), &diagnostics);
  return std::string(diagnostics.ToStatus().message());
}

TEST_CASE("job reader: a whole job file is read, with its places") {
  const JobSpec spec = Read(kJob, {{"DIR", "/in"}});
  CHECK(spec.name == "fraud-alert");
  CHECK(spec.parallelism == 2);
  CHECK(spec.guarantee == Guarantee::kAtLeastOnce);
  CHECK(spec.checkpoint.interval == 200'000);
  CHECK(spec.checkpoint.storage == "file:///tmp/c");
  CHECK(spec.restart.strategy == RestartStrategy::kFixed);
  CHECK(spec.restart.initial_delay == 2'000'000);
  CHECK(spec.backend == StateBackend::kMemory);
  REQUIRE(spec.nodes.size() == 5);
  const Node& tx = spec.nodes[0];
  CHECK(tx.kind == NodeKind::kSource);
  CHECK(tx.options.Find("path")->text == "/in/*.jsonl");
  CHECK(tx.options.entries.size() == 1);
  CHECK(tx.format.on_error == OnError::kRoute);
  REQUIRE(tx.schema.size() == 4);
  CHECK(tx.schema[1].name == "shop.name");
  CHECK(batch::ToString(tx.schema[2].type) == "decimal(12,2)");
  CHECK(tx.event_time->field.text == "ts");
  CHECK(tx.event_time->max_delay == 5'000'000);
  CHECK(tx.event_time->idle_after == 10'000'000);
  CHECK(tx.rate == 20000);
  CHECK(tx.location == Location{9, 3});
  const Node& window = spec.nodes[1];
  CHECK(window.operator_type() == OperatorType::kWindowAggregate);
  CHECK(window.parallelism == 4);
  CHECK(window.window->kind == Window::Kind::kSliding);
  CHECK(window.window->size == 60'000'000);
  CHECK(window.window->slide == 20'000'000);
  CHECK(window.allowed_lateness == 3'000'000);
  REQUIRE(window.aggregates.size() == 2);
  CHECK(window.aggregates[1].name == "total");
  CHECK(window.aggregates[1].value.text == "sum(amount)");
  CHECK(window.aggregates[1].value.location == Location{23, 37});
  CHECK(spec.nodes[2].inputs[1].port == Port::kLate);
  CHECK(spec.nodes[3].format.timestamps == TimestampFormat::kRfc3339);
  CHECK(spec.nodes[4].inputs[0].port == Port::kErrors);
  CHECK(spec.nodes[4].format.type == FormatType::kNone);
}

TEST_CASE("job reader: what is absent has the default of the contract") {
  const JobSpec spec = Read(
      "version: 1\nname: a\nsources: {s: {type: file, path: /p}}\nsinks: {t: {type: file, input: "
      "s, path: /q}}\n");
  CHECK(spec.parallelism == 1);
  CHECK(spec.max_parallelism == 128);
  CHECK(spec.guarantee == Guarantee::kExactlyOnce);
  CHECK(spec.checkpoint == CheckpointSettings{});
  CHECK(spec.restart == RestartSettings{});
  CHECK(spec.backend == StateBackend::kRocksdb);
  CHECK(spec.nodes[0].format.type == FormatType::kJson);
  CHECK(spec.nodes[1].format.type == FormatType::kJson);
}

TEST_CASE("job reader: what is not supported yet is refused where it stands") {
  const std::string errors = Errors(
      "version: 1\nname: a\nguarantee: at_most_once\ncheckpoint: {storage: s3://b/c}\nsources: {s: "
      "{type: file, path: /p}}\n"
      "operators: {w: {type: window_aggregate, input: s, window: {session: 1m}, aggregate: {n: "
      "count(*)}}}\n"
      "sinks: {t: {type: print, input: w}}\n");
  CHECK_THAT(errors, Catch::Contains("3:12: guarantee at_most_once is not supported yet"));
  CHECK_THAT(errors, Catch::Contains("4:23: checkpoint storage `s3://b/c` is not supported yet"));
}

TEST_CASE("job reader: mistakes in shape are reported, each once") {
  const std::string errors = Errors(R"yaml(version: 2
name: a
parallelism: 200
sources:
  s: {type: file, path: /p, schema: {a: decimel, b: [int]}, event_time: {max_delay: 5}}
  x: file
operators:
  f: {type: filter, input: s, wher: a > 1}
  g: {type: select, input: s.erors, fields: [a]}
  h: {type: window_aggregate, input: f, inputs: [f], window: {tumbling: 1m, slide: 1s}, aggregate: {n: }}
sinks:
  s: {type: print, input: h}
)yaml");
  CHECK(errors ==
        "1:10: `version` must be 1, not 2\n"
        "3:14: parallelism 200 is above max_parallelism 128\n"
        "5:41: `decimel` is no type for column `a` (did you mean `decimal`?): boolean, int, "
        "bigint, double, decimal(p,s), "
        "string, bytes, timestamp, date, each optionally `not null`\n"
        "5:53: `` is no type for column `b`: boolean, int, bigint, double, decimal(p,s), string, "
        "bytes, timestamp, date, "
        "each optionally `not null`\n"
        "5:85: `max_delay` must be a duration such as 250ms, 10s or 1m, not `5`\n"
        "5:73: key `field` is missing in `event_time`\n"
        "6:3: source `x` must be a map with a `type`\n"
        "8:31: unknown key `wher` in operator `f` (did you mean `where`?)\n"
        "8:3: key `where` is missing in operator `f`\n"
        "9:45: `fields` must be a map of names to expressions, not a list\n"
        "9:28: no node has an output `erors` (did you mean `errors`?): there are NODE, NODE.late "
        "and NODE.errors\n"
        "10:49: either `input` or `inputs`, not both\n"
        "10:84: a tumbling window has no `slide`: {sliding: D, slide: D}\n"
        "10:101: `n` in `aggregate` has no expression\n"
        "12:3: two nodes are called `s` (the first is the source in line 5)");
}

TEST_CASE("job reader: keys are a name, a list of names, or a map of names to expressions") {
  const auto keys = [](const std::string& written) {
    const JobSpec spec = Read(
        "version: 1\nname: a\nsources: {s: {type: file, path: /p, format: json}}\n"
        "operators: {d: {type: deduplicate, input: s, key_by: " +
        written +
        "}}\n"
        "sinks: {t: {type: print, input: d}}\n");
    std::string text;
    for (const NamedText& key : spec.nodes[1].key_by) text += key.name + "=" + key.value.text + ";";
    return text;
  };
  CHECK(keys("a") == "a=a;");
  CHECK(keys("[a, b]") == "a=a;b=b;");
  CHECK(keys("{a: b + 1}") == "a=b + 1;");
  const std::string errors = Errors(
      "version: 1\nname: a\nsources: {s: {type: file, path: /p, format: json}}\n"
      "operators: {d: {type: deduplicate, input: s, key_by: [a, [b]]},\n"
      "  j: {type: window_join, inputs: [s, d], window: {tumbling: 1s}, fields: {a: s.a}, on: [a, "
      "[b]]}}\n"
      "sinks: {t: {type: print, input: j}}\n");
  CHECK_THAT(errors,
             Catch::Contains("4:58: `key_by` must hold columns, or a map of names to expressions"));
  CHECK_THAT(errors,
             Catch::Contains("`on` must hold names, or a map of left to right expressions"));
}

TEST_CASE("job reader: what a lookup's table lacks is reported once, also by the validation") {
  const auto errors = [](const std::string& table) {
    config::Diagnostics diagnostics;
    const std::optional<JobSpec> spec = ReadJob(
        "version: 1\nname: a\nsources: {s: {type: file, path: /p, format: json, schema: {a: "
        "int}}}\n"
        "operators: {j: {type: lookup_join, input: s, on: a, fields: {a: s.a}" +
            table +
            "}}\n"
            "sinks: {t: {type: print, input: j}}\n",
        {}, testing::TestCatalog(), &diagnostics);
    if (spec) Validate(*spec, testing::TestCatalog(), &diagnostics);
    return std::string(diagnostics.ToStatus().message());
  };
  CHECK(errors(", table: {path: /t, schema: {a: int}}").empty());
  CHECK(errors("") == "4:13: key `table` is missing in operator `j`");
  CHECK(errors(", table: {schema: {a: int}}") == "4:78: key `path` is missing in `table` of `j`");
  CHECK(errors(", table: {path: /t}") == "4:78: key `schema` is missing in `table` of `j`");
  CHECK(errors(", table: {path: /t, format: raw, schema: {a: int}}") ==
        "4:97: the table of `j` must be json or csv");
  CHECK(errors(", table: 5") == "4:78: `table` must be a map, not `5`");
  CHECK(errors(", table: []") == "4:78: `table` must be a map, not a list");
  CHECK(errors(", table:") == "4:71: `table` must be a map, not nothing");
  CHECK(errors(", table: {path: /t, schema: 5}") == "4:97: `schema` must be a map, not `5`");
  CHECK(errors(", table: {path: /t, schema: }") == "4:89: `schema` must be a map, not nothing");
  CHECK(errors(", table: {path: [], schema: {a: int}}") ==
        "4:85: `path` must be a string, not a list");
  CHECK(errors(", table: {path: /t, schema: {a: int}, format: []}") ==
        "4:115: `format` must be a map, not a list");
}

TEST_CASE("job reader: what is no map, no YAML, or empty is one error") {
  CHECK_THAT(Errors(""), Catch::Contains("a job file is a map of keys, not nothing"));
  CHECK_THAT(Errors("[1, 2]"), Catch::Contains("a job file is a map"));
  CHECK_THAT(Errors("name: [\n"), Catch::Contains("not YAML"));
  CHECK(Errors("version: 1\nname: x\nsources: 5\nsinks: []\noperators:\n") ==
        "3:10: `sources` must be a map, not `5`\n4:8: `sinks` must be a map, not a list\n"
        "5:1: `operators` must be a map, not nothing");
}

TEST_CASE("job reader: the short format and inputs as a scalar are taken") {
  const JobSpec spec = Read(
      "version: 1\nname: a\nsources: {s: {type: file, path: /p, format: csv}}\nsinks: {t: {type: "
      "print, inputs: s}}\n");
  CHECK(spec.nodes[0].format.type == FormatType::kCsv);
  CHECK(spec.nodes[1].inputs[0].node == "s");
}

}  // namespace
}  // namespace weir::job
