#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/types.h"
#include "common/config/diagnostics.h"
#include "common/expression/expression.h"
#include "common/job/connector_descriptor.h"
#include "common/job/job_spec.h"

namespace weir::plan {

enum class OperatorKind : uint8_t {
  kSource,
  kFilter,
  kSelect,
  kUnion,  // passes on what any of its inputs sends; also made in front of a node with several
           // inputs
  kLocalAggregate,  // partial aggregates per (key, slice), in front of the hash exchange
  kWindowAggregate,
  kLocalTopN,  // rows that can still be among the first of their window, in front of the exchange
  kTopN,
  kDeduplicate,
  kWindowJoin,
  kIntervalJoin,
  kLookupJoin,
  kSink,
};
std::string_view ToString(OperatorKind kind);

/// A computed column: of a select, or a key.
struct NamedExpression {
  std::string name;
  expression::BoundExpression expression;  // bound to the operator's input
};

/// One aggregate of a window.
struct Aggregate {
  std::string name;
  std::string text;  // as written
  expression::AggregateFunction function = expression::AggregateFunction::kCountStar;
  expression::BoundExpression argument;  // not ok(): count(*)
  expression::BoundExpression filter;    // not ok(): none
  batch::DataType argument_type;         // means nothing for count(*)
  batch::DataType result_type;
  /// What a local aggregate sends instead of rows, types by function:
  ///   count: [bigint not null]; sum of int or bigint: [decimal(38,0)], exact, checked against
  ///   bigint only in the end; sum of decimal(p,s): [decimal(38,s)]; sum of double: [double]; avg:
  ///   [the sum as before, bigint not null]; min, max: [the argument's type]. A sum, min or max of
  ///   no value is NULL.
  /// Empty for count(distinct), which has no local form.
  std::vector<batch::DataType> partials;
};

/// What kLocalAggregate and kWindowAggregate do. The expressions are bound to the rows of the
/// node's input: in a kWindowAggregate whose input is `partial` they serve for types only.
struct WindowSpec {
  std::vector<NamedExpression> keys;
  std::vector<Aggregate> aggregates;
  job::Window::Kind kind = job::Window::Kind::kTumbling;  // not kInput
  bool processing_time = false;
  job::Micros size = 0;   // kSession: the gap
  job::Micros slide = 0;  // = size but for sliding windows
  job::Micros slice = 0;  // greatest common divisor of both
  job::Micros allowed_lateness = 0;
  /// The kWindowAggregate's input is what a kLocalAggregate sends: schema WireSchema(), no event
  /// times.
  bool partial = false;
};
/// Columns of a batch between kLocalAggregate and kWindowAggregate: the keys by name (prefix
/// `$k.`), `$slice_end` (timestamp not null), then every partial (`$a<aggregate>.<partial>`).
batch::Schema WireSchema(const WindowSpec& window);

struct OrderKey {
  expression::BoundExpression expression;
  bool descending = false;
};

/// What kTopN and kLocalTopN do: the first `limit` rows per key (and window) in order of `order`,
/// NULLs last, ties broken by the canonical bytes of the row's first `columns` columns.
/// Output: those columns, window_start and window_end (kTumbling), `rank`.
struct TopNSpec {
  enum class Window : uint8_t { kNone, kTumbling, kInput };
  std::vector<NamedExpression> keys;
  std::vector<OrderKey> order;
  int64_t limit = 1;
  bool ties = false;  // rows equal to the last one by `order` too; ranks as SQL's RANK()
  std::string rank;   // the column's name; empty: none
  Window window = Window::kNone;
  job::Micros size = 0;        // kTumbling
  int window_end_column = -1;  // kInput: of the input
  job::Micros ttl = 0;         // kNone; 0: never
};

/// What kDeduplicate does: the first or last row per key by event time.
struct DeduplicateSpec {
  std::vector<NamedExpression> keys;
  bool keep_last = true;
  job::Micros ttl = 0;  // 0: never
};

/// What kWindowJoin and kIntervalJoin do. The keys are bound each to its side's rows, pairwise of
/// equal types; `fields` to `joined`: left's columns as `LEFTNODE.column` (without computed keys),
/// then right's, then window_start and window_end (kWindowJoin). Semi and anti: left's columns and
/// the window's.
struct JoinSpec {
  job::JoinType type = job::JoinType::kInner;
  std::vector<NamedExpression> left_keys, right_keys;
  /// Rows of the sides as they arrive: computed keys behind the first `…_columns` columns.
  batch::SchemaPtr left, right;
  int left_columns = 0, right_columns = 0;
  batch::SchemaPtr joined;
  std::vector<NamedExpression> fields;
  job::Micros size = 0, slide = 0, slice = 0;  // kWindowJoin
  job::Micros before = 0, after = 0;           // kIntervalJoin
};

/// What kLookupJoin does: `fields` are bound to `joined`: the input's columns as `NODE.column`,
/// then the table's as `table.column`. Path, format and schema of the table are the node's.
struct LookupSpec {
  job::JoinType type = job::JoinType::kInner;  // kInner, kLeft
  std::vector<NamedExpression> input_keys, table_keys;
  batch::SchemaPtr table, joined;
  std::vector<NamedExpression> fields;
  bool reload_on_change = false;
};

/// An operator of a task.
struct PlanOperator {
  std::string name;  // unique in the plan and stable: the node's, or node.union, node.keys,
                     // node.local for made ones
  OperatorKind kind = OperatorKind::kSource;
  int node = -1;  // index into spec->nodes of the node it belongs to
  /// Who feeds it inside the task: index into Task::operators, and the port there. -1: a source, or
  /// the task's head.
  int parent = -1;
  job::Port parent_port = job::Port::kMain;
  batch::SchemaPtr input;  // null for a source
  batch::SchemaPtr
      output;  // main port; null for a sink. A source's has only the columns that the job uses
  bool input_has_times = false;
  bool output_has_times = false;
  /// Of the port `.late`: the first columns of `input`, which may have computed keys behind them.
  /// Null: not a window.
  batch::SchemaPtr late;
  /// Somebody consumes that port; where nobody does, rows are only counted.
  bool late_used = false;
  bool errors_used = false;
  job::OnError on_error = job::OnError::kFail;
  bool stateful = false;  // has keyed state
  bool bounded = false;   // sources: ends by itself
  /// What its state looks like, as text that is compared on restore; empty for stateless ones.
  std::string state_layout;

  expression::BoundExpression where;    // kFilter
  std::vector<NamedExpression> fields;  // kSelect
  /// kSelect made in front of an exchange: input columns pass through, `fields` are appended.
  bool append_fields = false;
  /// Rows of the main port may replace earlier ones: batches carry row kinds.
  bool updating = false;
  /// Of `input`, those before computed keys.
  int columns = 0;
  std::optional<WindowSpec> window;  // kLocalAggregate, kWindowAggregate
  std::optional<TopNSpec> top_n;     // kLocalTopN, kTopN
  std::optional<DeduplicateSpec> deduplicate;
  std::optional<JoinSpec> join;  // kWindowJoin, kIntervalJoin; `input` is null
  std::optional<LookupSpec> lookup;
};

enum class EdgeKind : uint8_t {
  kForward,    // subtask s to subtask s
  kHash,       // by key, all to all; no key columns: everything to subtask 0
  kRebalance,  // round robin by batch, all to all
};
std::string_view ToString(EdgeKind kind);

/// An exchange between two tasks.
struct Edge {
  int index = 0;
  int from_task = 0;
  int from_operator = 0;  // index into the task's operators
  job::Port from_port = job::Port::kMain;
  int to_task = 0;  // its head, operators[0]
  int to_side = 0;  // of a join: 0 left, 1 right
  EdgeKind kind = EdgeKind::kForward;
  std::vector<int> keys;  // kHash: columns of `schema`
  batch::SchemaPtr schema;
  bool has_times = false;
};

/// Operators that run in one thread, by direct call.
struct Task {
  int index = 0;
  std::string name;  // `transactions -> per_user.local`
  int parallelism = 1;
  std::vector<PlanOperator>
      operators;  // topological; [0] is the head: a source, or fed by the task's input edges
  std::vector<int> inputs;   // indices of edges with to_task = this, ascending
  std::vector<int> outputs;  // indices of edges with from_task = this, ascending
};

/// What is deployed: tasks after chaining and the exchanges between them. The same on every machine
/// for the same JobSpec and build.
///
/// Thread:  immutable, shared.
/// Shape:   tasks in topological order; `digest` stands for all that subtasks must agree on.
struct ExecutionPlan {
  std::shared_ptr<const job::JobSpec> spec;
  std::vector<Task> tasks;
  std::vector<Edge> edges;
  int max_parallelism = 128;
  int slots = 1;         // highest parallelism: what the job needs
  bool bounded = false;  // all sources end by themselves
  std::string digest;

  const job::Node& node(const PlanOperator& op) const { return spec->nodes[op.node]; }
  /// The operator of that name; null when there is none.
  const PlanOperator* Find(std::string_view name) const;
};

/// Schema of every `.errors` port: raw bytes, error string not null, origin string not null.
batch::SchemaPtr ErrorsSchema();

/// Validates the job and compiles it. Everything that is wrong goes into `diagnostics`; nothing is
/// returned then.
std::shared_ptr<const ExecutionPlan> MakePlan(std::shared_ptr<const job::JobSpec> spec,
                                              const job::ConnectorCatalog& catalog,
                                              config::Diagnostics* diagnostics);
/// The same; kInvalidArgument with all messages.
absl::StatusOr<std::shared_ptr<const ExecutionPlan>> MakePlan(
    std::shared_ptr<const job::JobSpec> spec, const job::ConnectorCatalog& catalog);

/// (stable name, state layout) of the operators that have keyed state, for manifests.
std::vector<std::pair<std::string, std::string>> StateLayouts(const ExecutionPlan& plan);

/// The plan as an indented text: tasks, parallelism, key, exchange, state, guarantee, and when a
/// result becomes visible.
std::string Explain(const ExecutionPlan& plan, const job::ConnectorCatalog& catalog);

}  // namespace weir::plan
