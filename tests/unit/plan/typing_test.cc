#include "tests/unit/plan/plan_support.h"

namespace weir::plan {
namespace {

std::string OutputOf(const ExecutionPlan& plan, std::string_view name) {
  const PlanOperator* op = plan.Find(name);
  REQUIRE(op != nullptr);
  return batch::ToString(*op->output);
}

TEST_CASE("typing: a window has its keys, its bounds and its aggregates") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  w:
    type: window_aggregate
    input: tx
    key_by: {u: upper(user), n: n}
    window: {tumbling: 1m}
    aggregate:
      c: count(*)
      d: count(distinct note)
      s: sum(amount) filter (where amount > 0)
      i: sum(n)
      a: avg(n)
      m: max(ts)
sinks: {out: {type: print, input: w}}
)yaml"));
  CHECK(OutputOf(*plan, "w") ==
        "(u string not null, n int, window_start timestamp not null, window_end timestamp not "
        "null, c bigint not null, "
        "d bigint not null, s decimal(38,2), i bigint, a double, m timestamp)");
}

TEST_CASE("typing: mistakes in expressions are reported inside of the scalar") {
  CHECK(PlanErrors(JobFile(R"yaml(operators:
  f: {type: filter, input: tx, where: "n > 1 and amout > 2"}
  g: {type: filter, input: tx, where: n + 1}
  h: {type: select, input: tx, fields: {a: round(amount, 2), b: n}}
  w: {type: window_aggregate, input: tx, window: {tumbling: 1m}, key_by: [upper(user)], aggregate: {x: n, y: sum(user)}}
sinks: {out: {type: print, inputs: [f, g]}, o2: {type: print, input: h}, o3: {type: print, input: w}}
)yaml"))
            .find("11:39") == 0);
  const std::string errors = PlanErrors(JobFile(R"yaml(operators:
  h: {type: select, input: tx, fields: {a: round(amount, 2), b: n}}
  w: {type: window_aggregate, input: tx, window: {tumbling: 1m}, key_by: [upper(user)], aggregate: {x: n}}
sinks: {o2: {type: print, input: h}, o3: {type: print, input: w}}
)yaml"));
  CHECK_THAT(errors, Catch::Contains("must be quoted, or written in block style"));
  CHECK_THAT(errors, Catch::Contains("a computed key needs a name: `key_by: {NAME: upper(user)}`"));
}

TEST_CASE("typing: behind a mistake nothing is judged by types, but syntax is") {
  const std::string errors = PlanErrors(JobFile(R"yaml(operators:
  a: {type: select, input: tx, fields: {x: nowhere}}
  b: {type: filter, input: a, where: x > 'a' + 1}
  c: {type: filter, input: b, where: "x >"}
sinks: {out: {type: print, input: c}}
)yaml"));
  CHECK(std::count(errors.begin(), errors.end(), '\n') == 1);
  CHECK_THAT(errors, Catch::Contains("nowhere") && Catch::Contains("\n13:38: "));
}

TEST_CASE("typing: the event time must be there where it is needed, and be a timestamp") {
  const std::string head =
      "version: 1\nname: j\nsources: {s: {type: file, path: /p, schema: {a: int, time: timestamp}";
  const std::string window =
      "operators: {w: {type: window_aggregate, input: s, window: {tumbling: 1m}, aggregate: {n: "
      "count(*)}}}\n"
      "sinks: {o: {type: print, input: w}}\n";
  CHECK_THAT(PlanErrors(head + "}}\n" + window),
             Catch::Contains("needs rows with an event time: its source has no `event_time`"));
  CHECK_THAT(PlanErrors(head + ", event_time: {field: a}}}\n" + window),
             Catch::Contains("the event time must be a timestamp: `a` is int"));
  CHECK_THAT(PlanErrors(head + ", event_time: {field: tme}}}\n" + window),
             Catch::Contains("(did you mean `time`?)"));
  CHECK(PlanErrors(head + ", event_time: {field: time}}}\n" + window).empty());
}

TEST_CASE("typing: inputs of a union must be equal, but for nullability") {
  auto job = [](std::string_view fields) {
    return JobFile(
        "operators:\n  a: {type: select, input: tx, fields: {u: user, n: n}}\n  b: {type: select, "
        "input: tx, fields: " +
        std::string(fields) +
        "}\n  c: {type: union, inputs: [a, b]}\nsinks: {o: {type: print, input: c}}\n");
  };
  CHECK_THAT(PlanErrors(job("{u: user}")),
             Catch::Contains("`a` and `b` have other columns: only one has `n`"));
  CHECK_THAT(PlanErrors(job("{n: n, u: user}")),
             Catch::Contains("column 1 is `u` in one and `n` in the other"));
  CHECK_THAT(PlanErrors(job("{u: user, n: cast(n as bigint)}")),
             Catch::Contains("`n` is int in one and bigint in the other"));
  const auto plan = PlanOf(job("{u: note, n: n}"));
  CHECK(OutputOf(*plan, "c") == "(u string, n int)");
}

TEST_CASE("typing: a source gives only the columns that somebody reads, and its event time") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  f: {type: filter, input: tx, where: n > 1}
  w: {type: window_aggregate, input: f, key_by: [user], window: {tumbling: 1m}, aggregate: {c: count(*)}}
sinks: {out: {type: print, input: w}}
)yaml"));
  CHECK(OutputOf(*plan, "tx") == "(user string not null, n int, ts timestamp not null)");
  CHECK(plan->Find("f")->where.columns() == std::vector<int>{1});
  const auto whole = PlanOf(JobFile("sinks: {out: {type: print, input: tx}}\n"));
  CHECK(whole->Find("tx")->output->size() == 5);
}

}  // namespace
}  // namespace weir::plan
