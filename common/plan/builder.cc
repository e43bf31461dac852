#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

using batch::Schema;
using batch::SchemaPtr;
using job::Node;
using job::Port;

/// Who an operator takes its rows from.
struct From {
  int op = 0;  // index into Builder::made_
  Port port = Port::kMain;
};

/// An operator before it has a task.
struct Made {
  PlanOperator op;
  int parallelism = 1;
  std::vector<From> inputs;
  bool hash = false;      // its input must be partitioned by
  std::vector<int> keys;  // these columns
  int task = -1;
  int position = -1;  // in the task
};

class Builder {
 public:
  Builder(std::shared_ptr<const job::JobSpec> spec, const job::ConnectorCatalog& catalog,
          const std::vector<TypedNode>& nodes)
      : spec_(std::move(spec)), catalog_(catalog), nodes_(nodes) {}

  ExecutionPlan Build(const std::vector<int>& order) {
    for (const int i : order) Make(i);
    plan_.spec = spec_;
    plan_.max_parallelism = spec_->max_parallelism;
    plan_.bounded = true;
    for (size_t i = 0; i < made_.size(); ++i) Place(static_cast<int>(i));
    for (Task& task : plan_.tasks) {
      task.name = NameOf(task, 0);
      plan_.slots = std::max(plan_.slots, task.parallelism);
      for (const PlanOperator& op : task.operators) {
        if (op.kind == OperatorKind::kSource) plan_.bounded &= op.bounded;
      }
    }
    for (const Edge& edge : plan_.edges) {
      plan_.tasks[edge.to_task].inputs.push_back(edge.index);
      plan_.tasks[edge.from_task].outputs.push_back(edge.index);
    }
    return std::move(plan_);
  }

 private:
  Made NewOperator(int node, OperatorKind kind, std::string suffix) const {
    const TypedNode& typed = nodes_[node];
    Made made;
    made.op.name = spec_->nodes[node].name + suffix;
    made.op.kind = kind;
    made.op.node = node;
    made.op.input = typed.input;
    made.op.output = typed.output;
    made.op.input_has_times = typed.input_times;
    made.op.output_has_times = typed.output_times;
    made.op.errors_used = typed.errors_used;
    made.op.on_error = spec_->nodes[node].on_error;
    made.parallelism = spec_->ParallelismOf(spec_->nodes[node]);
    return made;
  }

  int Add(Made made) {
    const bool fails = made.op.kind != OperatorKind::kUnion && made.op.kind != OperatorKind::kSink;
    const int index = static_cast<int>(made_.size());
    if (fails) errors_[spec_->nodes[made.op.node].name].push_back({index, Port::kErrors});
    made_.push_back(std::move(made));
    return index;
  }

  void Make(int i) {
    const Node& node = spec_->nodes[i];
    if (node.kind == job::NodeKind::kSource) {
      Made source = NewOperator(i, OperatorKind::kSource, "");
      source.op.input = nullptr;
      source.op.bounded = catalog_.Find(node.type)->Bounded(node);
      source.op.on_error = node.format.on_error;
      main_[node.name] = Add(std::move(source));
      return;
    }
    std::vector<From> inputs;
    for (const job::InputRef& ref : node.inputs) {
      for (const From& from : Resolve(ref)) inputs.push_back(from);
    }
    const bool is_union = node.operator_type() == job::OperatorType::kUnion;
    if (is_union || inputs.size() > 1) {
      Made made = NewOperator(i, OperatorKind::kUnion, is_union ? "" : ".union");
      made.op.output = made.op.input;
      made.op.output_has_times = made.op.input_has_times;
      made.inputs = std::move(inputs);
      inputs = {{Add(std::move(made)), Port::kMain}};
    }
    if (is_union) {
      main_[node.name] = inputs[0].op;
    } else if (node.operator_type() == job::OperatorType::kWindowAggregate) {
      MakeWindow(i, inputs[0]);
    } else {
      const OperatorKind kind = node.kind == job::NodeKind::kSink ? OperatorKind::kSink
                                : node.operator_type() == job::OperatorType::kFilter
                                    ? OperatorKind::kFilter
                                    : OperatorKind::kSelect;
      Made made = NewOperator(i, kind, "");
      made.inputs = inputs;
      made.op.where = nodes_[i].where;
      made.op.fields = nodes_[i].fields;
      main_[node.name] = Add(std::move(made));
    }
  }

  std::vector<From> Resolve(const job::InputRef& ref) const {
    if (ref.port == Port::kErrors) return errors_.at(ref.node);
    return {{main_.at(ref.node), ref.port}};
  }

  void MakeWindow(int i, From input) {
    const TypedNode& typed = nodes_[i];
    WindowSpec window = *typed.window;
    Made made = NewOperator(i, OperatorKind::kWindowAggregate, "");
    made.hash = true;
    made.op.late = typed.input;
    made.op.late_used = typed.late_used;
    made.op.stateful = true;
    made.op.state_layout = LayoutOf(window);
    if (window.keys.empty()) made.parallelism = 1;
    // Late rows must arrive as rows, not as partials, when somebody reads them.
    const bool local =
        !typed.late_used && std::all_of(window.aggregates.begin(), window.aggregates.end(),
                                        [](const Aggregate& a) { return !a.partials.empty(); });
    const bool computed =
        std::any_of(window.keys.begin(), window.keys.end(),
                    [](const NamedExpression& key) { return key.expression.ColumnIndex() < 0; });
    const int upstream_parallelism = made_[input.op].parallelism;
    if (local) {
      Made partial = NewOperator(i, OperatorKind::kLocalAggregate, ".local");
      partial.parallelism = upstream_parallelism;
      partial.inputs = {input};
      partial.op.window = window;
      partial.op.output = std::make_shared<const Schema>(WireSchema(window));
      partial.op.output_has_times = false;
      made.op.input = partial.op.output;
      made.op.input_has_times = false;
      window.partial = true;
      input = {Add(std::move(partial)), Port::kMain};
      for (size_t k = 0; k < window.keys.size(); ++k) made.keys.push_back(static_cast<int>(k));
    } else if (computed) {
      input = {Add(KeysOperator(i, input, upstream_parallelism, &window)), Port::kMain};
      made.op.input = made_[input.op].op.output;
      for (const NamedExpression& key : window.keys)
        made.keys.push_back(key.expression.ColumnIndex());
    } else {
      for (const NamedExpression& key : window.keys)
        made.keys.push_back(key.expression.ColumnIndex());
    }
    made.inputs = {input};
    made.op.window = std::move(window);
    main_[spec_->nodes[i].name] = Add(std::move(made));
  }

  /// Computes the keys in front of the exchange, as columns behind the input's; the window's keys
  /// become those columns.
  Made KeysOperator(int i, From input, int parallelism, WindowSpec* window) const {
    Made keys = NewOperator(i, OperatorKind::kSelect, ".keys");
    keys.parallelism = parallelism;
    keys.inputs = {input};
    keys.op.append_fields = true;
    keys.op.output_has_times = keys.op.input_has_times;
    auto extended = std::make_shared<Schema>(*keys.op.input);
    for (const NamedExpression& key : window->keys) {
      if (key.expression.ColumnIndex() >= 0) continue;
      keys.op.fields.push_back({"$k." + key.name, key.expression});
      extended->fields.push_back({keys.op.fields.back().name, key.expression.type()});
    }
    for (NamedExpression& key : window->keys) {
      const int column = key.expression.ColumnIndex();
      const std::string name = column >= 0 ? keys.op.input->fields[column].name : "$k." + key.name;
      absl::StatusOr<expression::BoundExpression> bound =
          expression::Compile(expression::QuoteName(name), *extended);
      WEIR_CHECK(bound.ok());
      key.expression = *std::move(bound);
    }
    keys.op.output = std::move(extended);
    return keys;
  }

  static std::string LayoutOf(const WindowSpec& window) {
    std::vector<std::string> keys, aggregates;
    for (const NamedExpression& key : window.keys)
      keys.push_back(batch::ToString(key.expression.type()));
    for (const Aggregate& a : window.aggregates) {
      const bool star = a.function == expression::AggregateFunction::kCountStar;
      aggregates.push_back(absl::StrCat(
          std::string(expression::ToString(a.function)), star ? "" : " ",
          star ? "" : batch::ToString(a.argument_type), " -> ", batch::ToString(a.result_type)));
    }
    return absl::StrCat("window_aggregate size ", window.size, "us slide ", window.slide,
                        "us keys [", absl::StrJoin(keys, ", "), "] aggregates [",
                        absl::StrJoin(aggregates, ", "), "]");
  }

  /// Chains an operator to the one it takes its rows from, or gives it a task with exchanges in
  /// front.
  void Place(int index) {
    Made& made = made_[index];
    const bool alone =
        made.inputs.size() == 1 && made.op.kind != OperatorKind::kUnion && !made.hash;
    if (alone && made_[made.inputs[0].op].parallelism == made.parallelism) {
      const Made& parent = made_[made.inputs[0].op];
      made.task = parent.task;
      made.op.parent = parent.position;
      made.op.parent_port = made.inputs[0].port;
    } else {
      made.task = static_cast<int>(plan_.tasks.size());
      Task task;
      task.index = made.task;
      task.parallelism = made.parallelism;
      plan_.tasks.push_back(std::move(task));
      for (const From& from : made.inputs) Connect(from, made);
    }
    Task& task = plan_.tasks[made.task];
    made.position = static_cast<int>(task.operators.size());
    task.operators.push_back(made.op);
  }

  void Connect(const From& from, const Made& to) {
    const Made& sender = made_[from.op];
    Edge edge;
    edge.index = static_cast<int>(plan_.edges.size());
    edge.from_task = sender.task;
    edge.from_operator = sender.position;
    edge.from_port = from.port;
    edge.to_task = to.task;
    edge.kind = to.hash                                ? EdgeKind::kHash
                : sender.parallelism == to.parallelism ? EdgeKind::kForward
                                                       : EdgeKind::kRebalance;
    edge.keys = to.keys;
    edge.schema = from.port == Port::kMain   ? sender.op.output
                  : from.port == Port::kLate ? sender.op.late
                                             : ErrorsSchema();
    edge.has_times =
        from.port == Port::kMain ? sender.op.output_has_times : from.port == Port::kLate;
    plan_.edges.push_back(std::move(edge));
  }

  static std::string NameOf(const Task& task, int at) {
    std::vector<std::string> children;
    for (size_t i = at + 1; i < task.operators.size(); ++i) {
      if (task.operators[i].parent == at) children.push_back(NameOf(task, static_cast<int>(i)));
    }
    const std::string& name = task.operators[at].name;
    if (children.empty()) return name;
    if (children.size() == 1) return absl::StrCat(name, " -> ", children[0]);
    return absl::StrCat(name, " -> (", absl::StrJoin(children, ", "), ")");
  }

  std::shared_ptr<const job::JobSpec> spec_;
  const job::ConnectorCatalog& catalog_;
  const std::vector<TypedNode>& nodes_;
  std::vector<Made> made_;
  std::map<std::string, int> main_;                  // node to the operator with its output
  std::map<std::string, std::vector<From>> errors_;  // node to all that can send errors in its name
  ExecutionPlan plan_;
};

}  // namespace

ExecutionPlan BuildTasks(std::shared_ptr<const job::JobSpec> spec,
                         const job::ConnectorCatalog& catalog, const std::vector<int>& order,
                         const std::vector<TypedNode>& nodes) {
  return Builder(std::move(spec), catalog, nodes).Build(order);
}

}  // namespace weir::plan
