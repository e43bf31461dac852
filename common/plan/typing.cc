#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

using batch::DataType;
using batch::Schema;
using batch::SchemaPtr;
using batch::TypeKind;
using config::DidYouMean;
using job::Node;

std::vector<std::string> NamesOf(const Schema& schema) {
  std::vector<std::string> names;
  for (const batch::Field& field : schema.fields) names.push_back(field.name);
  return names;
}

/// A comma inside `{…}` ends an expression in YAML: what is left of it has an open parenthesis.
std::string TornHint(std::string_view text) {
  if (std::count(text.begin(), text.end(), '(') <= std::count(text.begin(), text.end(), ')'))
    return "";
  return " (an expression with commas or braces inside `{…}` must be quoted, or written in block "
         "style)";
}

std::vector<DataType> Partials(expression::AggregateFunction function, const DataType& argument) {
  using F = expression::AggregateFunction;
  const DataType count{.kind = TypeKind::kBigint, .nullable = false};
  DataType sum{.kind = TypeKind::kDouble};
  if (argument.kind != TypeKind::kDouble) {
    sum = {.kind = TypeKind::kDecimal,
           .precision = 38,
           .scale = argument.kind == TypeKind::kDecimal ? argument.scale : uint8_t{0}};
  }
  DataType value = argument;
  value.nullable = true;
  switch (function) {
    case F::kCountStar:
    case F::kCount:
      return {count};
    case F::kCountDistinct:
      return {};
    case F::kSum:
      return {sum};
    case F::kAvg:
      return {sum, count};
    case F::kMin:
    case F::kMax:
      return {value};
  }
  return {};
}

class Typer {
 public:
  Typer(const job::JobSpec& spec, const job::ConnectorCatalog& catalog,
        const std::vector<SchemaPtr>& source_columns, config::Diagnostics* diagnostics)
      : spec_(spec),
        catalog_(catalog),
        source_columns_(source_columns),
        diagnostics_(diagnostics),
        nodes_(spec.nodes.size()) {
    for (size_t i = 0; i < spec.nodes.size(); ++i)
      index_.emplace(spec.nodes[i].name, static_cast<int>(i));
    for (const Node& node : spec.nodes) {
      for (const job::InputRef& ref : node.inputs) {
        const auto from = index_.find(ref.node);
        if (from == index_.end()) continue;
        if (ref.port == job::Port::kLate) nodes_[from->second].late_used = true;
        if (ref.port == job::Port::kErrors) nodes_[from->second].errors_used = true;
      }
    }
  }

  std::vector<TypedNode> Run(const std::vector<int>& order) {
    for (const int i : order) {
      const Node& node = spec_.nodes[i];
      if (node.kind == job::NodeKind::kSource) {
        TypeSource(i);
        continue;
      }
      TypeInput(i);
      if (node.kind == job::NodeKind::kSink) {
        TypeSink(i);
      } else {
        TypeOperator(i);
      }
    }
    return std::move(nodes_);
  }

 private:
  template <typename... Parts>
  void Error(job::Location location, const Parts&... parts) {
    diagnostics_->Error(location, absl::StrCat(parts...));
  }

  void Report(const job::Text& text, const expression::Problem& problem) {
    diagnostics_->ErrorAt(text.location, static_cast<int64_t>(problem.offset),
                          problem.message + TornHint(text.text));
  }

  void TypeSource(int i) {
    const Node& node = spec_.nodes[i];
    TypedNode& typed = nodes_[i];
    const job::ConnectorDescriptor* descriptor = catalog_.Find(node.type);
    if (descriptor == nullptr || descriptor->source() == nullptr) return;
    const size_t before = diagnostics_->errors().size();
    std::optional<Schema> schema = descriptor->OutputSchema(node, diagnostics_);
    typed.output_times = node.event_time.has_value();
    if (!schema || schema->fields.empty() || diagnostics_->errors().size() != before) return;
    if (node.event_time && !node.event_time->field.text.empty()) {
      const job::Text& field = node.event_time->field;
      const int column = schema->IndexOf(field.text);
      if (column < 0) {
        Error(field.location, "source `", node.name, "` has no column `", field.text,
              "` for the event time", DidYouMean(field.text, NamesOf(*schema)));
      } else if (schema->fields[column].type.kind != TypeKind::kTimestamp) {
        Error(field.location, "the event time must be a timestamp: `", field.text, "` is ",
              batch::ToString(schema->fields[column].type));
      }
    }
    typed.output = source_columns_.empty() ? std::make_shared<const Schema>(*std::move(schema))
                                           : source_columns_[i];
  }

  /// Columns of what an input refers to; null when not known (yet: a cycle).
  std::pair<SchemaPtr, bool> OutputOf(const job::InputRef& ref) const {
    const auto from = index_.find(ref.node);
    if (from == index_.end()) return {nullptr, false};
    const TypedNode& typed = nodes_[from->second];
    switch (ref.port) {
      case job::Port::kMain:
        return {typed.output, typed.output_times};
      case job::Port::kLate:
        return {typed.input, typed.input_times};
      case job::Port::kErrors:
        return {ErrorsSchema(), false};
    }
    return {nullptr, false};
  }

  void TypeInput(int i) {
    const Node& node = spec_.nodes[i];
    TypedNode& typed = nodes_[i];
    std::shared_ptr<Schema> all;
    const job::InputRef* first = nullptr;
    bool known = true;
    for (const job::InputRef& ref : node.inputs) {
      const auto [schema, times] = OutputOf(ref);
      if (schema == nullptr) {
        known = false;
      } else if (all == nullptr) {
        all = std::make_shared<Schema>(*schema);
        typed.input_times = times;
        first = &ref;
      } else if (!Merge(*first, ref, *schema, all.get())) {
        known = false;
      } else if (times != typed.input_times) {
        Error(ref.location, "the inputs of `", node.name, "` differ: only one of `",
              job::ToString(*first), "` and `", job::ToString(ref), "` has an event time");
        known = false;
      }
    }
    if (known) typed.input = all;
  }

  /// Columns must be equal by name, type and place; nullable where one is.
  bool Merge(const job::InputRef& first, const job::InputRef& ref, const Schema& schema,
             Schema* all) {
    const std::string both = absl::StrCat("`", job::ToString(first), "` and `", job::ToString(ref),
                                          "` have other columns: ");
    if (schema.size() != all->size()) {
      for (const auto& [a, b] :
           {std::pair(all, &schema),
            std::pair(const_cast<Schema*>(&schema), static_cast<const Schema*>(all))}) {
        for (const batch::Field& field : a->fields) {
          if (b->IndexOf(field.name) >= 0) continue;
          Error(ref.location, both, "only one has `", field.name, "`");
          return false;
        }
      }
    }
    for (int i = 0; i < std::min(schema.size(), all->size()); ++i) {
      batch::Field& field = all->fields[i];
      const batch::Field& other = schema.fields[i];
      if (field.name != other.name) {
        Error(ref.location, both, "column ", i + 1, " is `", field.name, "` in one and `",
              other.name, "` in the other");
        return false;
      }
      if (!batch::SameType(field.type, other.type)) {
        Error(ref.location, both, "`", field.name, "` is ", batch::ToString(field.type),
              " in one and ", batch::ToString(other.type), " in the other");
        return false;
      }
      field.type.nullable |= other.type.nullable;
    }
    return true;
  }

  void TypeSink(int i) {
    const Node& node = spec_.nodes[i];
    const TypedNode& typed = nodes_[i];
    const job::ConnectorDescriptor* descriptor = catalog_.Find(node.type);
    if (descriptor == nullptr || descriptor->sink() == nullptr || typed.input == nullptr) return;
    descriptor->ValidateInput(node, *typed.input, diagnostics_);
  }

  void TypeOperator(int i) {
    const Node& node = spec_.nodes[i];
    TypedNode& typed = nodes_[i];
    const std::optional<job::OperatorType> type = node.operator_type();
    if (!type) return;
    typed.output_times = typed.input_times;
    switch (*type) {
      case job::OperatorType::kUnion:
        typed.output = typed.input;
        break;
      case job::OperatorType::kFilter:
        if (node.where.location.line > 0 || !node.where.text.empty()) {
          Compile(node.where, typed.input.get(), true, &typed.where);
        }
        typed.output = typed.input;
        break;
      case job::OperatorType::kSelect:
        TypeSelect(node, &typed);
        break;
      case job::OperatorType::kWindowAggregate:
        TypeWindow(node, &typed);
        break;
    }
  }

  /// Parses, and binds when the columns are known. False: not bound.
  bool Compile(const job::Text& text, const Schema* schema, bool want_boolean,
               expression::BoundExpression* out, expression::AstPtr* ast = nullptr) {
    expression::AstPtr parsed;
    if (const auto problem = expression::Parse(text.text, &parsed)) {
      Report(text, *problem);
      return false;
    }
    if (ast != nullptr) *ast = parsed;
    return Bind(text, parsed, schema, want_boolean, out);
  }
  bool Bind(const job::Text& text, const expression::AstPtr& ast, const Schema* schema,
            bool want_boolean, expression::BoundExpression* out) {
    if (schema == nullptr) return false;
    expression::BindOptions options;
    options.want_boolean = want_boolean;
    if (const auto problem = expression::Bind(ast, *schema, options, out)) {
      Report(text, *problem);
      return false;
    }
    return true;
  }

  void TypeSelect(const Node& node, TypedNode* typed) {
    Schema output;
    bool known = typed->input != nullptr;
    for (const job::NamedText& field : node.fields) {
      NamedExpression named{field.name, {}};
      if (!Compile(field.value, typed->input.get(), false, &named.expression)) {
        known = false;
        continue;
      }
      output.fields.push_back({field.name, named.expression.type()});
      typed->fields.push_back(std::move(named));
    }
    if (known && !output.fields.empty())
      typed->output = std::make_shared<const Schema>(std::move(output));
  }

  void TypeWindow(const Node& node, TypedNode* typed) {
    WindowSpec window;
    bool known = typed->input != nullptr;
    for (const job::NamedText& key : node.key_by) known &= TypeKey(key, *typed, &window);
    for (const job::NamedText& aggregate : node.aggregates)
      known &= TypeAggregate(aggregate, *typed, &window);
    if (typed->input != nullptr && !typed->input_times) {
      Error(node.location, "window_aggregate `", node.name,
            "` needs rows with an event time: its source has no `event_time`");
    }
    typed->output_times = true;
    if (!known || !node.window || node.window->slide <= 0) return;
    window.size = node.window->size;
    window.slide = node.window->slide;
    window.slice = std::gcd(window.size, window.slide);
    window.allowed_lateness = node.allowed_lateness;
    Schema output;
    for (const NamedExpression& key : window.keys)
      output.fields.push_back({key.name, key.expression.type()});
    const DataType bound{.kind = TypeKind::kTimestamp, .nullable = false};
    output.fields.push_back({"window_start", bound});
    output.fields.push_back({"window_end", bound});
    for (const Aggregate& aggregate : window.aggregates)
      output.fields.push_back({aggregate.name, aggregate.result_type});
    std::set<std::string_view> names;
    for (const batch::Field& field : output.fields) {
      if (!names.insert(field.name).second)
        Error(node.location, "two columns of `", node.name, "` are called `", field.name, "`");
    }
    typed->window = std::move(window);
    typed->output = std::make_shared<const Schema>(std::move(output));
  }

  bool TypeKey(const job::NamedText& key, const TypedNode& typed, WindowSpec* window) {
    NamedExpression named{key.name, {}};
    expression::AstPtr ast;
    const bool bound = Compile(key.value, typed.input.get(), false, &named.expression, &ast);
    // `key_by: [user]` has the expression for its name; the column's may be written in quotes.
    if (ast != nullptr && key.name == key.value.text) {
      const std::optional<std::string> column = expression::ColumnName(*ast);
      if (!column) {
        Error(key.value.location, "a computed key needs a name: `key_by: {NAME: ", key.value.text,
              "}`");
        return false;
      }
      named.name = *column;
    }
    if (bound) window->keys.push_back(std::move(named));
    return bound;
  }

  bool TypeAggregate(const job::NamedText& entry, const TypedNode& typed, WindowSpec* window) {
    expression::AggregateCall call;
    if (const auto problem = expression::ParseAggregate(entry.value.text, &call)) {
      Report(entry.value, *problem);
      return false;
    }
    Aggregate aggregate;
    aggregate.name = entry.name;
    aggregate.text = entry.value.text;
    aggregate.function = call.function;
    const Schema* input = typed.input.get();
    if (input == nullptr) return false;
    const bool filter =
        call.filter == nullptr || Bind(entry.value, call.filter, input, true, &aggregate.filter);
    if (call.argument != nullptr) {
      if (!Bind(entry.value, call.argument, input, false, &aggregate.argument)) return false;
      aggregate.argument_type = aggregate.argument.type();
    }
    const absl::StatusOr<DataType> type =
        expression::AggregateType(call.function, aggregate.argument_type);
    if (!type.ok()) {
      diagnostics_->ErrorAt(entry.value.location, static_cast<int64_t>(call.offset),
                            std::string(type.status().message()));
      return false;
    }
    aggregate.result_type = *type;
    aggregate.partials = Partials(call.function, aggregate.argument_type);
    if (filter) window->aggregates.push_back(std::move(aggregate));
    return filter;
  }

  const job::JobSpec& spec_;
  const job::ConnectorCatalog& catalog_;
  const std::vector<SchemaPtr>& source_columns_;
  config::Diagnostics* diagnostics_;
  std::vector<TypedNode> nodes_;
  std::map<std::string_view, int> index_;
};

/// Names that are needed of a node's main output.
struct Needs {
  bool all = false;
  std::set<std::string> names;

  void Add(const Needs& other) {
    all |= other.all;
    names.insert(other.names.begin(), other.names.end());
  }
  void Add(const expression::BoundExpression& expression, const Schema& schema) {
    if (!expression.ok()) return;
    for (const int column : expression.columns()) names.insert(schema.fields[column].name);
  }
};

Needs NeedsOfInput(const Node& node, const TypedNode& typed, const Needs& of_output) {
  Needs needs;
  if (node.kind == job::NodeKind::kSink || node.inputs.size() > 1 || typed.late_used ||
      typed.input == nullptr) {
    needs.all = true;
    return needs;
  }
  needs.Add(typed.where, *typed.input);
  for (const NamedExpression& field : typed.fields) needs.Add(field.expression, *typed.input);
  if (typed.window) {
    for (const NamedExpression& key : typed.window->keys) needs.Add(key.expression, *typed.input);
    for (const Aggregate& aggregate : typed.window->aggregates) {
      needs.Add(aggregate.argument, *typed.input);
      needs.Add(aggregate.filter, *typed.input);
    }
  }
  if (node.operator_type() == job::OperatorType::kFilter) needs.Add(of_output);
  return needs;
}

}  // namespace

std::vector<TypedNode> TypeNodes(const job::JobSpec& spec, const job::ConnectorCatalog& catalog,
                                 const std::vector<int>& order,
                                 const std::vector<SchemaPtr>& source_columns,
                                 config::Diagnostics* diagnostics) {
  return Typer(spec, catalog, source_columns, diagnostics).Run(order);
}

std::vector<SchemaPtr> UsedColumns(const job::JobSpec& spec, const std::vector<TypedNode>& nodes,
                                   const std::vector<int>& order) {
  std::map<std::string_view, int> index;
  for (size_t i = 0; i < spec.nodes.size(); ++i)
    index.emplace(spec.nodes[i].name, static_cast<int>(i));
  std::vector<Needs> needs(nodes.size());
  std::vector<SchemaPtr> used(nodes.size());
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& node = spec.nodes[*it];
    if (node.kind != job::NodeKind::kSource) {
      const Needs of_input = NeedsOfInput(node, nodes[*it], needs[*it]);
      for (const job::InputRef& ref : node.inputs) {
        // Late rows have the columns of the window's input, all of which it keeps; errors have none
        // of anybody's.
        if (ref.port == job::Port::kMain) needs[index.at(ref.node)].Add(of_input);
      }
      continue;
    }
    auto schema = std::make_shared<Schema>();
    for (const batch::Field& field : nodes[*it].output->fields) {
      const bool time = node.event_time && node.event_time->field.text == field.name;
      if (needs[*it].all || time || needs[*it].names.count(field.name) > 0)
        schema->fields.push_back(field);
    }
    // count(*) alone reads nothing; a batch has a column nevertheless.
    if (schema->fields.empty()) schema->fields.push_back(nodes[*it].output->fields[0]);
    used[*it] = std::move(schema);
  }
  return used;
}

}  // namespace weir::plan
