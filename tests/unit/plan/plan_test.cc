#include "common/plan/plan.h"

#include "common/job/proto/job_proto.h"
#include "tests/unit/plan/plan_support.h"

namespace weir::plan {
namespace {

std::vector<std::string> TaskNames(const ExecutionPlan& plan) {
  std::vector<std::string> names;
  for (const Task& task : plan.tasks)
    names.push_back(task.name + " x" + std::to_string(task.parallelism));
  return names;
}
using Names = std::vector<std::string>;

const std::string kFraud = R"yaml(operators:
  per_user:
    type: window_aggregate
    input: tx
    key_by: [user]
    window: {tumbling: 1m}
    aggregate: {tx_count: count(*), total: sum(amount)}
  suspicious: {type: filter, input: per_user, where: tx_count > 10}
  alert: {type: select, input: suspicious, fields: {user: user, window_start: window_start, tx_count: tx_count}}
sinks:
  alerts: {type: file, input: alert, path: /out}
)yaml";

TEST_CASE("plan: the fraud job becomes two tasks with a hash exchange of partial aggregates") {
  const auto plan = PlanOf(JobFile(kFraud));
  CHECK(TaskNames(*plan) ==
        Names{"tx -> per_user.local x2", "per_user -> suspicious -> alert -> alerts x2"});
  REQUIRE(plan->edges.size() == 1);
  const Edge& edge = plan->edges[0];
  CHECK(edge.kind == EdgeKind::kHash);
  CHECK(edge.keys == std::vector<int>{0});
  CHECK(edge.from_operator == 1);
  CHECK_FALSE(edge.has_times);
  CHECK(batch::ToString(*edge.schema) ==
        "($k.user string not null, $slice_end timestamp not null, $a0.0 bigint not null, $a1.0 "
        "decimal(38,2))");
  CHECK(plan->tasks[1].inputs == std::vector<int>{0});
  CHECK(plan->tasks[0].outputs == std::vector<int>{0});
  CHECK(plan->tasks[1].operators[0].window->partial);
  CHECK(plan->tasks[1].operators[0].parent == -1);
  CHECK(plan->tasks[1].operators[3].parent == 2);
  CHECK(plan->slots == 2);
  CHECK(plan->bounded);
  REQUIRE(StateLayouts(*plan).size() == 1);
  CHECK(StateLayouts(*plan)[0].first == "per_user");
  CHECK(StateLayouts(*plan)[0].second ==
        "window_aggregate size 60000000us slide 60000000us keys [string not null] aggregates "
        "[count(*) -> bigint not null, "
        "sum decimal(12,2) -> decimal(38,2)]");
}

TEST_CASE("plan: its digest is the same behind protobuf, and another for another job") {
  const auto plan = PlanOf(JobFile(kFraud));
  const auto spec = job::Deserialize(job::Serialize(*plan->spec));
  REQUIRE(spec.ok());
  const auto again = MakePlan(std::make_shared<job::JobSpec>(*spec), testing::TestCatalog());
  REQUIRE(again.ok());
  CHECK((*again)->digest == plan->digest);
  CHECK(plan->digest.size() == 16);
  CHECK(PlanOf(JobFile(kFraud, "parallelism: 3\n"))->digest != plan->digest);
  std::string other = JobFile(kFraud);
  other.replace(other.find("> 10"), 4, "> 11");
  CHECK(PlanOf(other)->digest != plan->digest);
}

TEST_CASE("plan: the states do not depend on parallelism; one subtask needs no exchange") {
  const auto one = PlanOf(JobFile(kFraud, "parallelism: 1\n"));
  const auto many = PlanOf(JobFile(kFraud, "parallelism: 7\n"));
  CHECK(TaskNames(*one) == Names{"tx -> per_user -> suspicious -> alert -> alerts x1"});
  CHECK(one->edges.empty());
  REQUIRE(many->edges.size() == 1);
  CHECK(many->edges[0].kind == EdgeKind::kHash);
  CHECK(StateLayouts(*one) == StateLayouts(*many));
}

TEST_CASE("plan: other parallelism means an exchange, and no key means one subtask") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  f: {type: filter, input: tx, where: n > 1, parallelism: 3}
  all: {type: window_aggregate, input: f, window: {tumbling: 1m}, aggregate: {c: count(*)}}
sinks: {out: {type: print, input: all, parallelism: 1}}
)yaml"));
  CHECK(TaskNames(*plan) == Names{"tx x2", "f -> all.local x3", "all -> out x1"});
  CHECK(plan->edges[0].kind == EdgeKind::kRebalance);
  CHECK(plan->edges[0].has_times);
  CHECK(plan->edges[1].kind == EdgeKind::kHash);
  CHECK(plan->edges[1].keys.empty());
  CHECK(plan->slots == 3);
}

TEST_CASE("plan: several consumers make a tree, several inputs a union") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  a: {type: filter, input: tx, where: n > 1}
  b: {type: filter, input: tx, where: n < 1}
  u: {type: union, inputs: [a, b]}
sinks:
  out: {type: print, input: u}
  both: {type: print, inputs: [a, u]}
)yaml"));
  CHECK(TaskNames(*plan) == Names{"tx -> (a, b) x2", "u -> out x2", "both.union -> both x2"});
  REQUIRE(plan->edges.size() == 4);
  for (const Edge& edge : plan->edges) CHECK(edge.kind == EdgeKind::kForward);
  CHECK(plan->tasks[2].inputs == std::vector<int>{2, 3});
  CHECK(plan->tasks[0].outputs == std::vector<int>{0, 1, 2});
  CHECK(plan->Find("both.union")->kind == OperatorKind::kUnion);
}

TEST_CASE(
    "plan: without a partial form rows go through the exchange, with computed keys as columns") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  w: {type: window_aggregate, input: tx, key_by: {n: n, u: upper(user)}, window: {sliding: 1m, slide: 20s}, aggregate: {d: count(distinct note)}}
sinks: {out: {type: print, input: w}}
)yaml"));
  CHECK(TaskNames(*plan) == Names{"tx -> w.keys x2", "w -> out x2"});
  const PlanOperator* keys = plan->Find("w.keys");
  CHECK(keys->append_fields);
  CHECK(keys->fields.size() == 1);
  const PlanOperator* window = plan->Find("w");
  CHECK(window->input->size() == keys->input->size() + 1);
  CHECK(window->input->fields.back().name == "$k.u");
  CHECK(plan->edges[0].keys ==
        std::vector<int>{window->input->IndexOf("n"), window->input->IndexOf("$k.u")});
  CHECK(window->window->keys[1].name == "u");
  CHECK(window->window->keys[1].expression.ColumnIndex() == window->input->size() - 1);
  CHECK_FALSE(window->window->partial);
  CHECK(window->window->slice == 20'000'000);
  CHECK(plan->edges[0].has_times);
}

TEST_CASE("plan: late rows that somebody reads arrive as rows") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  w: {type: window_aggregate, input: tx, key_by: {u: upper(user)}, window: {tumbling: 1m}, aggregate: {c: count(*)}}
sinks: {out: {type: print, input: w}, late: {type: print, input: w.late}}
)yaml"));
  CHECK(TaskNames(*plan) == Names{"tx -> w.keys x2", "w -> (out, late) x2"});
  const PlanOperator* window = plan->Find("w");
  CHECK(window->late_used);
  CHECK(window->late->size() == 5);
  CHECK(window->input->size() == 6);
  CHECK(batch::ToString(*plan->Find("late")->input) == batch::ToString(*window->late));
  CHECK(plan->Find("late")->parent_port == job::Port::kLate);
}

TEST_CASE("plan: errors come from every operator that a node was made into") {
  const auto plan = PlanOf(JobFile(R"yaml(operators:
  w: {type: window_aggregate, input: tx, key_by: [user], window: {tumbling: 1m}, aggregate: {s: sum(1 / n)}, on_error: route}
sinks: {out: {type: print, input: w}, bad: {type: print, input: w.errors}}
)yaml"));
  CHECK(TaskNames(*plan) == Names{"tx -> w.local x2", "w -> out x2", "bad.union -> bad x2"});
  CHECK(plan->Find("w.local")->errors_used);
  CHECK(plan->Find("w")->errors_used);
  CHECK(*plan->Find("bad")->input == *ErrorsSchema());
  CHECK_FALSE(plan->Find("bad")->input_has_times);
  REQUIRE(plan->edges.size() == 3);
  CHECK(plan->edges[1].from_port == job::Port::kErrors);
  CHECK(plan->edges[2].from_port == job::Port::kErrors);
}

TEST_CASE("plan: explain shows an expression of several lines in one") {
  const auto plan = PlanOf(JobFile(
      "operators:\n  f:\n    type: filter\n    input: tx\n    where: |\n      n > 1\n"
      "      and amount > 2\nsinks: {out: {type: print, input: f}}\n"));
  CHECK_THAT(Explain(*plan, testing::TestCatalog()),
             Catch::Contains("f: filter where n > 1 and amount > 2\n"));
}

TEST_CASE(
    "plan: explain tells tasks, key, exchange, state, guarantee and when results are visible") {
  const auto plan = PlanOf(JobFile(kFraud));
  CHECK(Explain(*plan, testing::TestCatalog()) ==
        R"text(job job (bounded: ends when its sources end)
  guarantee   exactly_once
  checkpoint  every 10s to the cluster's storage, keeps 3
  state       rocksdb, max_parallelism 128
  restart     exponential, after 100ms to 1m, at most 20 times without a checkpoint
  slots       2

task 0  tx -> per_user.local  (parallelism 2)
  tx: source file, json, bounded, event time ts (max_delay 0s)
      columns (user string not null, amount decimal(12,2), ts timestamp not null)
    per_user.local: local aggregate, tumbling 1m

task 1  per_user -> suspicious -> alert -> alerts  (parallelism 2)
  <- exchange 0 from task 0 per_user.local: hash by user, partial aggregates
  per_user: window_aggregate tumbling 1m, key user, tx_count = count(*), total = sum(amount), late rows are counted
      columns (user string not null, window_start timestamp not null, window_end timestamp not null, tx_count bigint not null, total decimal(38,2))
      state   `per_user`: one row per key and slice of 1m, removed when its last window has fired
    suspicious: filter where tx_count > 10
        columns (user string not null, window_start timestamp not null, window_end timestamp not null, tx_count bigint not null, total decimal(38,2))
      alert: select user, window_start, tx_count
          columns (user string not null, window_start timestamp not null, tx_count bigint not null)
        alerts: sink file, json
            visible exactly once, when a checkpoint completes (every 10s, and at the end)
)text");
}

}  // namespace
}  // namespace weir::plan
