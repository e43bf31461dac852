#include "common/job/proto/job_proto.h"
#include "tests/unit/plan/plan_support.h"

// Nodes that rank, deduplicate and join, and the newer windows: what lint says of them, what the
// plan and explain make of them.

namespace weir::plan {
namespace {

/// Sources `tx` and `users`, and the rest.
std::string TwoSources(std::string_view rest) {
  return JobFile(
      "  users: {type: file, path: /u, schema: {name: string, id: bigint not null, born: timestamp "
      "not null},\n          event_time: {field: born}}\n" +
      std::string(rest));
}

std::string ExplainOf(const std::string& yaml) {
  const auto plan = PlanOf(yaml);
  // What the JobManager gets of the job makes the same plan.
  const auto sent = job::Deserialize(job::Serialize(*plan->spec));
  REQUIRE(sent.ok());
  CHECK(*sent == *plan->spec);
  const auto theirs = MakePlan(std::make_shared<job::JobSpec>(*sent), testing::TestCatalog());
  REQUIRE(theirs.ok());
  CHECK((*theirs)->digest == plan->digest);
  const std::string text = Explain(*plan, testing::TestCatalog());
  return text.substr(text.find("task 0"));
}

TEST_CASE("plan: top_n of windows takes the first rows before the exchange, too") {
  const std::string text = ExplainOf(JobFile(R"(operators:
  w: {type: top_n, input: tx, key_by: [user], order_by: [amount desc, ts], limit: 3, rank: place,
      window: {tumbling: 1m}}
sinks: {out: {type: print, input: w}}
)"));
  CHECK_THAT(text, Catch::Contains(
                       "    w.local: local top_n 3 by amount desc, ts, key user, tumbling 1m\n"));
  CHECK_THAT(text, Catch::Contains("  <- exchange 0 from task 0 w.local: hash by user\n"
                                   "  w: top_n 3 by amount desc, ts, key user, tumbling 1m\n"));
  CHECK_THAT(text, Catch::Contains("window_end timestamp not null, place bigint not null)"));
  CHECK_THAT(text, Catch::Contains(
                       "state   `w`: at most 3 rows per key, removed when its window has fired"));
}

TEST_CASE("plan: top_n without a key is one subtask") {
  const std::string text = ExplainOf(JobFile(R"(operators:
  c: {type: window_aggregate, input: tx, key_by: [user], window: {session: 10s}, aggregate: {n: count(*)}}
  w: {type: top_n, input: c, order_by: [n desc], limit: 1, ties: true, window: input}
sinks: {out: {type: print, input: w}}
)"));
  CHECK_THAT(
      text,
      Catch::Contains(
          "c: window_aggregate session gap 10s, key user, n = count(*), late rows are counted"));
  CHECK_THAT(text, Catch::Contains(
                       "task 2  w  (parallelism 1)\n"
                       "  <- exchange 1 from task 1 w.local: all to one subtask\n"
                       "  w: top_n 1 with ties by n desc, one group, per window of the input\n"));
}

TEST_CASE("plan: updating results stay in the order in which they replace each other") {
  // No key: one subtask, and so its select, the union and the sinks behind.
  const auto one = PlanOf(JobFile(R"(operators:
  w: {type: top_n, input: tx, order_by: [amount desc], limit: 3, rank: place}
  s: {type: select, input: w, fields: {place: place, user: user}}
  v: {type: top_n, input: tx, order_by: [n], limit: 1, rank: place}
  x: {type: select, input: v, fields: {place: place, user: user}, parallelism: 1}
  u: {type: union, inputs: [s, x]}
sinks: {out: {type: print, input: u}}
)"));
  for (const char* name : {"w", "s", "out"}) {
    INFO(name);
    for (const Task& task : one->tasks) {
      for (const PlanOperator& op : task.operators) {
        if (op.name == name) CHECK(task.parallelism == 1);
      }
    }
  }
  CHECK(one->Find("w")->updating);
  CHECK(one->Find("s")->updating);
  for (const Edge& edge : one->edges) CHECK(edge.kind != EdgeKind::kRebalance);

  const std::string twice = R"(operators:
  w: {type: deduplicate, input: tx, key_by: [user], parallelism: 3}
sinks: {out: {type: print, input: w)";
  const auto three = PlanOf(JobFile(twice + "}}\n"));
  CHECK(three->tasks.back().parallelism == 3);
  CHECK(PlanOf(JobFile(twice + ", parallelism: 3}}\n"))->tasks.back().parallelism == 3);
  CHECK_THAT(PlanErrors(JobFile(twice + ", parallelism: 2}}\n")),
             Catch::Contains("12:9: `out` takes updating results") && Catch::Contains("is 3"));
}

TEST_CASE("lint: what cannot take updating results says so") {
  const std::string errors = PlanErrors(TwoSources(R"(operators:
  w: {type: top_n, input: tx, key_by: [user], order_by: [amount desc], limit: 2, rank: place}
  f: {type: filter, input: w, where: place = 1}
  c: {type: window_aggregate, input: w, key_by: [user], window: {tumbling: 1s}, aggregate: {n: count(*)}}
  d: {type: deduplicate, input: w, key_by: [user]}
  t: {type: top_n, input: w, order_by: [place], limit: 1, rank: r}
  j: {type: window_join, left: w, right: users, on: {user: name}, window: {tumbling: 1s}, fields: {a: w.place}}
  l: {type: lookup_join, input: w, table: {path: s.csv, format: csv, schema: {key: int}}, on: {n: key},
      fields: {u: w.user}}
sinks: {o1: {type: print, input: f}, o2: {type: print, input: c}, o3: {type: print, input: d},
        o4: {type: print, input: t}, o5: {type: print, input: j}, o6: {type: print, input: l}}
)"));
  CHECK(std::count(errors.begin(), errors.end(), '\n') == 5);
  for (const char* one : {"14:28: the input of `f` has updating results", "15:38: the input of `c`",
                          "16:33: the input of `d`", "17:27: the input of `t`",
                          "18:32: the input of `j`", "19:33: the input of `l`"}) {
    CHECK_THAT(errors, Catch::Contains(one));
  }
}

TEST_CASE("plan: joins hash both sides by the same values") {
  const std::string window = ExplainOf(TwoSources(R"(operators:
  w: {type: window_join, left: users, right: tx, on: {upper(name): user}, join: left, window: {tumbling: 10s},
      fields: {id: users.id, amount: tx.amount, from: window_start}}
sinks: {out: {type: print, input: w}}
)"));
  CHECK_THAT(window, Catch::Contains("w.left.keys: keys $k.on0 = upper(name)"));
  CHECK_THAT(window, Catch::Contains("w.left.keys: hash by $k.on0, left\n"));
  CHECK_THAT(window, Catch::Contains("tx: hash by user, right\n"));
  CHECK_THAT(window,
             Catch::Contains("  w: window_join left, tumbling 10s, fields id, amount, from\n"
                             "      columns (id bigint not null, amount decimal(12,2), from "
                             "timestamp not null)\n"));

  const std::string interval = ExplainOf(TwoSources(R"(operators:
  w: {type: interval_join, left: tx, right: users, on: {user: name}, within: {before: 10s, after: 5s},
      join: left, fields: {id: users.id, n: tx.n}}
sinks: {out: {type: print, input: w}}
)"));
  CHECK_THAT(interval, Catch::Contains(
                           "  w: interval_join left, within 10s before and 5s after, fields id, n\n"
                           "      columns (id bigint, n int)\n"));

  const std::string lookup = ExplainOf(JobFile(R"(operators:
  w: {type: lookup_join, input: tx, table: {path: side.csv, format: csv, schema: {key: int not null, value: string}},
      on: {n % 10: key}, fields: {u: tx.user, value: table.value}}
sinks: {out: {type: print, input: w}}
)"));
  CHECK_THAT(lookup, Catch::Contains("task 0  tx -> w -> out  (parallelism 2)"));
  CHECK_THAT(lookup, Catch::Contains("state   `w`: the digest of the table"));
}

TEST_CASE("plan: a window of processing time has no late rows") {
  CHECK_THAT(ExplainOf(JobFile(R"(operators:
  w: {type: window_aggregate, input: tx, key_by: [user], window: {tumbling: 10s, time: processing},
      aggregate: {n: count(*)}}
sinks: {out: {type: print, input: w}}
)")),
             Catch::Contains(
                 "w: window_aggregate tumbling 10s of processing time, key user, n = count(*)\n"));
}

TEST_CASE("lint: mistakes in nodes that rank and join are said where they are") {
  const std::string errors = PlanErrors(TwoSources(R"(operators:
  w: {type: top_n, input: tx, order_by: [amount desc], limit: 0}
  d: {type: deduplicate, input: tx, keep: lst}
  j: {type: window_join, left: tx, right: tx, on: {user: n}, window: {session: 10s}, fields: {u: tx.usr}}
  i: {type: interval_join, left: tx, right: users, on: {user: id}, within: {before: 10s}, join: full, fields: {u: tx.user}}
  l: {type: lookup_join, input: tx, table: {pth: x}, on: {n: key}, fields: {u: tx.user}}
  p: {type: window_aggregate, input: tx, window: {session: 10s, time: processing}, aggregate: {n: count(*)}}
  t: {type: top_n, input: tx, order_by: [nothing desc, "amount decs"], limit: 2, rank: user, window: {sliding: 2s, slide: 1s}}
  v: {type: top_n, input: tx, order_by: [amount], limit: 2, window: input}
  x: {type: top_n, input: tx, order_by: [amount], limit: 2, rank: user, window: {tumbling: 1s}}
  k: {type: window_join, left: tx, inputs: [tx], on: [user], window: {tumbling: 1s}, fields: {a: tx.amount}}
sinks: {o: {type: print, input: w}, o2: {type: print, input: d}, o3: {type: print, input: j}, o4: {type: print, input: i},
        o5: {type: print, input: l}, o6: {type: print, input: p}, o7: {type: print, input: t},
        o8: {type: print, input: v}, o9: {type: print, input: x}, o10: {type: print, input: k}}
)"));
  INFO(errors);
  for (const char* one :
       {"13:63: `limit` must be between 1 and 10000, not `0`",
        "14:3: key `key_by` is missing in operator `d`",
        "14:43: `keep` must be one of first, last, not `lst` (did you mean `last`?)",
        "15:43: `left` and `right` of `j` are the same node",
        "15:58: `user` is string not null and `n` is int: both sides of a key must have one type",
        "15:70: a window_join has tumbling or sliding windows",
        "15:98: unknown column `tx.usr`; did you mean `tx.user`?",
        "16:97: `join` must be one of inner, left, not `full`",
        "17:45: unknown key `pth` in `table` of `l` (did you mean `path`?)",
        "18:50: session windows of processing time are not supported yet",
        "19:42: unknown column `nothing`",
        "19:56: expected an operator or the end of the expression",
        "19:102: the window of a top_n is {tumbling: D} or `input`",
        "20:69: `window: input` needs the columns window_start and window_end",
        "21:3: `x` adds a column `user`, and its input has one of that name",
        "22:3: operator `k` needs `left` and `right`",
        "22:36: unknown key `inputs` in operator `k`"}) {
    CHECK_THAT(errors, Catch::Contains(one));
  }
}

}  // namespace
}  // namespace weir::plan
