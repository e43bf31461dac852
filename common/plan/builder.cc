#include <algorithm>
#include <map>
#include <set>

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
  int side = 0;           // of a join
  std::vector<int> keys;  // its hash exchange goes by these columns
};

/// An operator before it has a task.
struct Made {
  PlanOperator op;
  int parallelism = 1;
  std::vector<From> inputs;
  bool hash = false;  // its inputs must be partitioned by their keys
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
    made.op.updating = typed.updating;
    made.op.columns = typed.input == nullptr ? 0 : typed.input->size();
    made.parallelism =
        typed.input_updating ? typed.parallelism : spec_->ParallelismOf(spec_->nodes[node]);
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
    if (node.two_sided()) return MakeJoin(i);
    std::vector<From> inputs;
    for (const job::InputRef& ref : node.inputs) {
      for (const From& from : Resolve(ref)) inputs.push_back(from);
    }
    const bool is_union = node.operator_type() == job::OperatorType::kUnion;
    if (is_union || inputs.size() > 1) {
      Made made = NewOperator(i, OperatorKind::kUnion, is_union ? "" : ".union");
      made.op.output = made.op.input;
      made.op.output_has_times = made.op.input_has_times;
      made.op.updating = nodes_[i].input_updating;
      made.inputs = std::move(inputs);
      inputs = {{Add(std::move(made)), Port::kMain}};
    }
    switch (node.operator_type().value_or(job::OperatorType::kSelect)) {
      case job::OperatorType::kUnion:
        main_[node.name] = inputs[0].op;
        return;
      case job::OperatorType::kWindowAggregate:
        return MakeWindow(i, inputs[0]);
      case job::OperatorType::kTopN:
        return MakeTopN(i, inputs[0]);
      case job::OperatorType::kDeduplicate:
        return MakeDeduplicate(i, inputs[0]);
      default:
        break;
    }
    Made made = NewOperator(i, PlainKind(node), "");
    made.inputs = inputs;
    made.op.where = nodes_[i].where;
    made.op.fields = nodes_[i].fields;
    made.op.lookup = nodes_[i].lookup;
    if (made.op.lookup) {
      // The digest of the table is kept: a restore must not go on with another one.
      made.op.stateful = true;
      made.op.state_layout = "lookup_join";
    }
    main_[node.name] = Add(std::move(made));
  }

  static OperatorKind PlainKind(const Node& node) {
    if (node.kind == job::NodeKind::kSink) return OperatorKind::kSink;
    switch (*node.operator_type()) {
      case job::OperatorType::kFilter:
        return OperatorKind::kFilter;
      case job::OperatorType::kLookupJoin:
        return OperatorKind::kLookupJoin;
      default:
        return OperatorKind::kSelect;
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
    // Late rows must arrive as rows, not as partials, when somebody reads them; a session's and a
    // processing time's window is known to the receiver only.
    const bool local = !Alone(input, made) && !typed.late_used &&
                       window.kind != job::Window::Kind::kSession && !window.processing_time &&
                       std::all_of(window.aggregates.begin(), window.aggregates.end(),
                                   [](const Aggregate& a) { return !a.partials.empty(); });
    if (local) {
      Made partial = NewOperator(i, OperatorKind::kLocalAggregate, ".local");
      partial.parallelism = made_[input.op].parallelism;
      partial.inputs = {input};
      partial.op.window = window;
      partial.op.output = std::make_shared<const Schema>(WireSchema(window));
      partial.op.output_has_times = false;
      made.op.input = partial.op.output;
      made.op.input_has_times = false;
      window.partial = true;
      input = {Add(std::move(partial)), Port::kMain};
      for (size_t k = 0; k < window.keys.size(); ++k) input.keys.push_back(static_cast<int>(k));
    } else {
      input = WithKeys(i, input, made, &window.keys, typed.input, ".keys");
      made.op.input = SchemaOf(input);
    }
    made.inputs = {input};
    made.op.window = std::move(window);
    main_[spec_->nodes[i].name] = Add(std::move(made));
  }

  void MakeTopN(int i, From input) {
    const TypedNode& typed = nodes_[i];
    TopNSpec top_n = *typed.top_n;
    Made made = NewOperator(i, OperatorKind::kTopN, "");
    made.hash = true;
    made.op.late = typed.input;
    made.op.late_used = typed.late_used;
    made.op.stateful = true;
    made.op.state_layout = TopNLayout(top_n, *typed.input);
    if (top_n.keys.empty()) made.parallelism = 1;
    const bool local = top_n.window != TopNSpec::Window::kNone && !Alone(input, made);
    input = WithKeys(i, input, made, &top_n.keys, typed.input, ".keys");
    made.op.input = SchemaOf(input);
    if (local) {
      Made first = NewOperator(i, OperatorKind::kLocalTopN, ".local");
      first.parallelism = made_[input.op].parallelism;
      first.op.input = first.op.output = made.op.input;
      first.op.output_has_times = first.op.input_has_times;
      first.op.top_n = top_n;
      first.inputs = {input};
      input.op = Add(std::move(first));
      input.port = Port::kMain;
    }
    made.inputs = {input};
    made.op.top_n = std::move(top_n);
    main_[spec_->nodes[i].name] = Add(std::move(made));
  }

  void MakeDeduplicate(int i, From input) {
    const TypedNode& typed = nodes_[i];
    DeduplicateSpec spec = *typed.deduplicate;
    Made made = NewOperator(i, OperatorKind::kDeduplicate, "");
    made.hash = true;
    made.op.stateful = true;
    made.op.state_layout =
        absl::StrCat("deduplicate keep ", spec.keep_last ? "last" : "first", " keys [",
                     TypesOf(spec.keys), "] row [", batch::ToString(*typed.input), "]");
    input = WithKeys(i, input, made, &spec.keys, typed.input, ".keys");
    made.op.input = SchemaOf(input);
    made.inputs = {input};
    made.op.deduplicate = std::move(spec);
    main_[spec_->nodes[i].name] = Add(std::move(made));
  }

  void MakeJoin(int i) {
    const Node& node = spec_->nodes[i];
    JoinSpec join = *nodes_[i].join;
    Made made = NewOperator(i,
                            node.operator_type() == job::OperatorType::kWindowJoin
                                ? OperatorKind::kWindowJoin
                                : OperatorKind::kIntervalJoin,
                            "");
    made.hash = true;
    made.op.input_has_times = true;
    made.op.stateful = true;
    std::set<int> stored;  // columns of `joined`
    for (const NamedExpression& field : join.fields) {
      stored.insert(field.expression.columns().begin(), field.expression.columns().end());
    }
    made.op.state_layout =
        absl::StrCat(node.type, " ", std::string(job::ToString(join.type)), " size ", join.size,
                     "us slide ", join.slide, "us before ", join.before, "us after ", join.after,
                     "us keys [", TypesOf(join.left_keys), "] left [", batch::ToString(*join.left),
                     "] right [", batch::ToString(*join.right), "] stored [",
                     absl::StrJoin(stored, ","), "]");
    for (int side = 0; side < 2; ++side) {
      const std::string suffix = side == 0 ? ".left" : ".right";
      batch::SchemaPtr& schema = side == 0 ? join.left : join.right;
      std::vector<From> inputs = Resolve(node.inputs[side]);
      From input = inputs[0];
      if (inputs.size() > 1) {
        Made all = NewOperator(i, OperatorKind::kUnion, suffix);
        all.op.input = all.op.output = schema;
        all.op.columns = schema->size();
        all.op.input_has_times = all.op.output_has_times = true;
        all.inputs = std::move(inputs);
        input = {Add(std::move(all)), Port::kMain};
      }
      input = WithKeys(i, input, made, side == 0 ? &join.left_keys : &join.right_keys, schema,
                       suffix + ".keys");
      input.side = side;
      schema = SchemaOf(input);
      made.inputs.push_back(std::move(input));
    }
    made.op.join = std::move(join);
    main_[node.name] = Add(std::move(made));
  }

  /// Nothing is exchanged in front of `made`: all its rows come from one subtask to one subtask.
  bool Alone(const From& input, const Made& made) const {
    return made.parallelism == 1 && made_[input.op].parallelism == 1;
  }

  batch::SchemaPtr SchemaOf(const From& from) const {
    const PlanOperator& op = made_[from.op].op;
    return from.port == Port::kMain   ? op.output
           : from.port == Port::kLate ? op.late
                                      : ErrorsSchema();
  }

  /// The input with its key columns. Computed keys become columns behind the input's, in front of
  /// the exchange; `keys` become those columns.
  From WithKeys(int i, From input, const Made& made, std::vector<NamedExpression>* keys,
                const batch::SchemaPtr& schema, const std::string& suffix) {
    const bool computed = std::any_of(keys->begin(), keys->end(), [](const NamedExpression& key) {
      return key.expression.ColumnIndex() < 0;
    });
    if (computed) {
      input = {Add(KeysOperator(i, input, made_[input.op].parallelism, keys, schema, suffix)),
               Port::kMain};
    }
    for (const NamedExpression& key : *keys) input.keys.push_back(key.expression.ColumnIndex());
    return input;
  }

  Made KeysOperator(int i, From input, int parallelism, std::vector<NamedExpression>* keys,
                    const batch::SchemaPtr& schema, const std::string& suffix) const {
    Made made = NewOperator(i, OperatorKind::kSelect, suffix);
    made.parallelism = parallelism;
    made.inputs = {input};
    made.op.append_fields = true;
    made.op.updating = nodes_[i].input_updating;
    made.op.input = schema;
    made.op.columns = schema->size();
    if (nodes_[i].join) made.op.input_has_times = true;
    made.op.output_has_times = made.op.input_has_times;
    auto extended = std::make_shared<Schema>(*schema);
    for (const NamedExpression& key : *keys) {
      if (key.expression.ColumnIndex() >= 0) continue;
      made.op.fields.push_back({"$k." + key.name, key.expression});
      extended->fields.push_back({made.op.fields.back().name, key.expression.type()});
    }
    for (NamedExpression& key : *keys) {
      const int column = key.expression.ColumnIndex();
      const std::string name = column >= 0 ? schema->fields[column].name : "$k." + key.name;
      absl::StatusOr<expression::BoundExpression> bound =
          expression::Compile(expression::QuoteName(name), *extended);
      WEIR_CHECK(bound.ok());
      key.expression = *std::move(bound);
    }
    made.op.output = std::move(extended);
    return made;
  }

  static std::string TypesOf(const std::vector<NamedExpression>& entries) {
    return absl::StrJoin(entries, ", ", [](std::string* out, const NamedExpression& e) {
      *out += batch::ToString(e.expression.type());
    });
  }

  static std::string TopNLayout(const TopNSpec& spec, const Schema& input) {
    const std::string order =
        absl::StrJoin(spec.order, ", ", [](std::string* out, const OrderKey& key) {
          absl::StrAppend(out, key.expression.text(), key.descending ? " desc" : "");
        });
    return absl::StrCat("top_n ", spec.limit, spec.ties ? " with ties" : "", " window ",
                        static_cast<int>(spec.window), " size ", spec.size, "us keys [",
                        TypesOf(spec.keys), "] order [", order, "] row [", batch::ToString(input),
                        "]");
  }

  static std::string LayoutOf(const WindowSpec& window) {
    std::vector<std::string> aggregates;
    for (const Aggregate& a : window.aggregates) {
      const bool star = a.function == expression::AggregateFunction::kCountStar;
      aggregates.push_back(absl::StrCat(
          std::string(expression::ToString(a.function)), star ? "" : " ",
          star ? "" : batch::ToString(a.argument_type), " -> ", batch::ToString(a.result_type)));
    }
    const bool session = window.kind == job::Window::Kind::kSession;
    return absl::StrCat("window_aggregate ", session ? "session " : "",
                        window.processing_time ? "processing time " : "", "size ", window.size,
                        "us slide ", window.slide, "us keys [", TypesOf(window.keys),
                        "] aggregates [", absl::StrJoin(aggregates, ", "), "]");
  }

  /// Chains an operator to the one it takes its rows from, or gives it a task with exchanges in
  /// front.
  void Place(int index) {
    Made& made = made_[index];
    // From one subtask to one subtask a hash exchange would only cost.
    const bool chained = made.inputs.size() == 1 && made.op.kind != OperatorKind::kUnion &&
                         (!made.hash || made.parallelism == 1);
    if (chained && made_[made.inputs[0].op].parallelism == made.parallelism) {
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
    edge.keys = from.keys;
    edge.to_side = from.side;
    edge.schema = SchemaOf(from);
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
