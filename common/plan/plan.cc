#include "common/plan/plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/batch/key.h"
#include "common/job/validation.h"
#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

using batch::Schema;
using batch::TypeKind;

std::string SchemaText(const batch::SchemaPtr& schema) {
  return schema == nullptr ? "-" : batch::ToString(*schema);
}
std::string ExpressionText(const expression::BoundExpression& e) {
  return e.ok() ? absl::StrCat("`", e.text(), "` ", batch::ToString(e.type())) : "-";
}

void DescribeAll(std::string_view what, const std::vector<NamedExpression>& entries,
                 std::string* out) {
  for (const NamedExpression& e : entries) {
    absl::StrAppend(out, "    ", std::string(what), " ", e.name, " = ",
                    ExpressionText(e.expression), "\n");
  }
}

/// Of top_n, deduplicate and joins; their state layouts say the rest.
void DescribeSpecs(const PlanOperator& op, std::string* out) {
  if (op.top_n) {
    DescribeAll("key", op.top_n->keys, out);
    absl::StrAppend(out, "    rank ", op.top_n->rank, " window ",
                    static_cast<int>(op.top_n->window), " ", op.top_n->window_end_column, " ttl ",
                    op.top_n->ttl, "\n");
    for (const OrderKey& key : op.top_n->order) {
      absl::StrAppend(out, "    order ", ExpressionText(key.expression), key.descending, "\n");
    }
  }
  if (op.deduplicate) {
    DescribeAll("key", op.deduplicate->keys, out);
    absl::StrAppend(out, "    ttl ", op.deduplicate->ttl, "\n");
  }
  if (op.join) {
    DescribeAll("left", op.join->left_keys, out);
    DescribeAll("right", op.join->right_keys, out);
    DescribeAll("field", op.join->fields, out);
    absl::StrAppend(out, "    joined ", SchemaText(op.join->joined), "\n");
  }
  if (op.lookup) {
    DescribeAll("input", op.lookup->input_keys, out);
    DescribeAll("table", op.lookup->table_keys, out);
    DescribeAll("field", op.lookup->fields, out);
    absl::StrAppend(out, "    joined ", SchemaText(op.lookup->joined), " ",
                    static_cast<int>(op.lookup->type), op.lookup->reload_on_change, "\n");
  }
}

void Describe(const PlanOperator& op, std::string* out) {
  absl::StrAppend(out, "  ", op.name, " ", std::string(ToString(op.kind)), " parent ", op.parent,
                  ".", static_cast<int>(op.parent_port), " in ", SchemaText(op.input),
                  op.input_has_times, " out ", SchemaText(op.output), op.output_has_times, " late ",
                  op.late_used, " errors ", op.errors_used, " ",
                  std::string(job::ToString(op.on_error)), " state ", op.state_layout, " where ",
                  ExpressionText(op.where), " append ", op.append_fields, "\n");
  for (const NamedExpression& field : op.fields)
    absl::StrAppend(out, "    ", field.name, " = ", ExpressionText(field.expression), "\n");
  DescribeSpecs(op, out);
  absl::StrAppend(out, "    columns ", op.columns, " updating ", op.updating, "\n");
  if (!op.window) return;
  const WindowSpec& w = *op.window;
  absl::StrAppend(out, "    window ", w.size, " ", w.slide, " ", w.slice, " ", w.allowed_lateness,
                  " ", w.partial, " ", static_cast<int>(w.kind), w.processing_time, "\n");
  for (const NamedExpression& key : w.keys)
    absl::StrAppend(out, "    key ", key.name, " = ", ExpressionText(key.expression), "\n");
  for (const Aggregate& a : w.aggregates) {
    absl::StrAppend(out, "    ", a.name, " = ", a.text, " -> ", batch::ToString(a.result_type),
                    " of ", ExpressionText(a.argument), " if ", ExpressionText(a.filter), "\n");
  }
}

/// Hash of a text that has everything in it that subtasks must agree on.
std::string DigestOf(const ExecutionPlan& plan) {
  std::string text = absl::StrCat("max ", plan.max_parallelism, " guarantee ",
                                  std::string(job::ToString(plan.spec->guarantee)), " backend ",
                                  std::string(job::ToString(plan.spec->backend)), "\n");
  for (const Task& task : plan.tasks) {
    absl::StrAppend(&text, "task ", task.index, " ", task.name, " ", task.parallelism, "\n");
    for (const PlanOperator& op : task.operators) Describe(op, &text);
  }
  for (const Edge& edge : plan.edges) {
    absl::StrAppend(&text, "edge ", edge.from_task, ".", edge.from_operator, ".",
                    static_cast<int>(edge.from_port), " ", edge.to_task, " ",
                    std::string(ToString(edge.kind)), " side ", edge.to_side, " [",
                    absl::StrJoin(edge.keys, ","), "] ", SchemaText(edge.schema), edge.has_times,
                    "\n");
  }
  return absl::StrFormat("%016x", batch::HashKey(text));
}

}  // namespace

std::string_view ToString(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::kSource:
      return "source";
    case OperatorKind::kFilter:
      return "filter";
    case OperatorKind::kSelect:
      return "select";
    case OperatorKind::kUnion:
      return "union";
    case OperatorKind::kLocalAggregate:
      return "local_aggregate";
    case OperatorKind::kWindowAggregate:
      return "window_aggregate";
    case OperatorKind::kLocalTopN:
      return "local_top_n";
    case OperatorKind::kTopN:
      return "top_n";
    case OperatorKind::kDeduplicate:
      return "deduplicate";
    case OperatorKind::kWindowJoin:
      return "window_join";
    case OperatorKind::kIntervalJoin:
      return "interval_join";
    case OperatorKind::kLookupJoin:
      return "lookup_join";
    case OperatorKind::kSink:
      return "sink";
  }
  return "";
}

std::string_view ToString(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kForward:
      return "forward";
    case EdgeKind::kHash:
      return "hash";
    case EdgeKind::kRebalance:
      return "rebalance";
  }
  return "";
}

Schema WireSchema(const WindowSpec& window) {
  Schema schema;
  for (const NamedExpression& key : window.keys)
    schema.fields.push_back({"$k." + key.name, key.expression.type()});
  schema.fields.push_back({"$slice_end", {.kind = TypeKind::kTimestamp, .nullable = false}});
  for (size_t a = 0; a < window.aggregates.size(); ++a) {
    const std::vector<batch::DataType>& partials = window.aggregates[a].partials;
    for (size_t p = 0; p < partials.size(); ++p)
      schema.fields.push_back({absl::StrCat("$a", a, ".", p), partials[p]});
  }
  return schema;
}

batch::SchemaPtr ErrorsSchema() {
  static const auto* const schema = new batch::SchemaPtr(std::make_shared<const Schema>(
      Schema{{{"raw", {.kind = TypeKind::kBytes}},
              {"error", {.kind = TypeKind::kString, .nullable = false}},
              {"origin", {.kind = TypeKind::kString, .nullable = false}}}}));
  return *schema;
}

const PlanOperator* ExecutionPlan::Find(std::string_view name) const {
  for (const Task& task : tasks) {
    for (const PlanOperator& op : task.operators) {
      if (op.name == name) return &op;
    }
  }
  return nullptr;
}

std::shared_ptr<const ExecutionPlan> MakePlan(std::shared_ptr<const job::JobSpec> spec,
                                              const job::ConnectorCatalog& catalog,
                                              config::Diagnostics* diagnostics) {
  job::Validate(*spec, catalog, diagnostics);
  const std::vector<int> order = job::TopologicalOrder(*spec);
  std::vector<TypedNode> nodes = TypeNodes(*spec, catalog, order, {}, diagnostics);
  diagnostics->Sort();
  if (!diagnostics->ok()) return nullptr;
  // Once more with the columns that are used: every index is one of a narrower row then.
  config::Diagnostics none;
  std::vector<TypedNode> narrow =
      TypeNodes(*spec, catalog, order, UsedColumns(*spec, nodes, order), &none);
  if (none.ok()) nodes = std::move(narrow);
  auto plan = std::make_shared<ExecutionPlan>(BuildTasks(std::move(spec), catalog, order, nodes));
  plan->digest = DigestOf(*plan);
  return plan;
}

absl::StatusOr<std::shared_ptr<const ExecutionPlan>> MakePlan(
    std::shared_ptr<const job::JobSpec> spec, const job::ConnectorCatalog& catalog) {
  config::Diagnostics diagnostics;
  std::shared_ptr<const ExecutionPlan> plan = MakePlan(std::move(spec), catalog, &diagnostics);
  if (plan == nullptr) return diagnostics.ToStatus();
  return plan;
}

std::vector<std::pair<std::string, std::string>> StateLayouts(const ExecutionPlan& plan) {
  std::vector<std::pair<std::string, std::string>> layouts;
  for (const Task& task : plan.tasks) {
    for (const PlanOperator& op : task.operators) {
      if (op.stateful) layouts.emplace_back(op.name, op.state_layout);
    }
  }
  return layouts;
}

}  // namespace weir::plan
