#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

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
        text_(diagnostics),
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
      nodes_[i].parallelism = spec_.ParallelismOf(node);
      if (node.kind == job::NodeKind::kSource) {
        TypeSource(i);
        continue;
      }
      TypeInput(i);
      TypeParallelism(i);
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
      const auto from = index_.find(ref.node);
      if (ref.port == job::Port::kMain && from != index_.end()) {
        typed.input_updating |= nodes_[from->second].updating;
      }
    }
    if (node.two_sided()) {
      for (size_t side = 0; side < std::min<size_t>(2, node.inputs.size()); ++side) {
        std::tie(typed.sides[side].schema, typed.sides[side].times) = OutputOf(node.inputs[side]);
      }
      return;
    }
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

  /// One group is one subtask. What takes updating results goes on with the subtasks that make
  /// them: an exchange would lose the order in which rows replace each other.
  void TypeParallelism(int i) {
    const Node& node = spec_.nodes[i];
    TypedNode& typed = nodes_[i];
    const auto type = node.operator_type();
    const bool grouped =
        type == job::OperatorType::kTopN || type == job::OperatorType::kWindowAggregate;
    if (grouped && node.key_by.empty()) typed.parallelism = 1;
    if (!typed.input_updating) return;
    int makers = 0;
    for (const job::InputRef& ref : node.inputs) {
      const auto from = index_.find(ref.node);
      if (from == index_.end()) continue;
      const int theirs = nodes_[from->second].parallelism;
      makers = makers == 0 || makers == theirs ? theirs : 1;
    }
    if (node.parallelism && *node.parallelism != makers) {
      Error(node.location, "`", node.name,
            "` takes updating results, whose order an exchange would lose: its ", "parallelism is ",
            makers, ", as that of what makes them; leave `parallelism` out here");
    }
    typed.parallelism = makers;
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
        typed.updating = typed.input_updating;
        break;
      case job::OperatorType::kFilter:
        if (node.where.location.line > 0 || !node.where.text.empty()) {
          text_.Compile(node.where, typed.input.get(), true, &typed.where);
        }
        typed.output = typed.input;
        break;
      case job::OperatorType::kSelect:
        TypeFields(node, typed.input.get(), text_, &typed.fields, &typed.output);
        typed.updating = typed.input_updating;
        break;
      case job::OperatorType::kWindowAggregate:
        TypeWindow(node, &typed);
        break;
      case job::OperatorType::kTopN:
        TypeTopN(node, text_, &typed);
        break;
      case job::OperatorType::kDeduplicate:
        TypeDeduplicate(node, text_, &typed);
        break;
      case job::OperatorType::kWindowJoin:
      case job::OperatorType::kIntervalJoin:
        TypeJoin(node, text_, &typed);
        break;
      case job::OperatorType::kLookupJoin:
        TypeLookup(node, text_, &typed);
        break;
    }
    const bool passes_on = type == job::OperatorType::kUnion || type == job::OperatorType::kSelect;
    if (typed.input_updating && !passes_on) {
      Error(node.inputs[0].location, "the input of `", node.name,
            "` has updating results (a later row replaces an earlier one of its key): a ",
            node.type, " of them is not supported yet; select, union and sinks take them");
    }
  }

  void TypeWindow(const Node& node, TypedNode* typed) {
    WindowSpec window;
    bool known = typed->input != nullptr;
    for (const job::NamedText& key : node.key_by)
      known &= text_.TypeKey(key, typed->input.get(), &window.keys);
    for (const job::NamedText& aggregate : node.aggregates)
      known &= TypeAggregate(aggregate, *typed, &window);
    const bool processing = node.window && node.window->processing_time;
    if (typed->input != nullptr && !typed->input_times && !processing) {
      Error(node.location, "window_aggregate `", node.name,
            "` needs rows with an event time: its source has no `event_time`");
    }
    typed->output_times = true;
    if (!known || !node.window || node.window->slide <= 0) return;
    window.kind = node.window->kind;
    window.processing_time = node.window->processing_time;
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

  bool TypeAggregate(const job::NamedText& entry, const TypedNode& typed, WindowSpec* window) {
    expression::AggregateCall call;
    if (const auto problem = expression::ParseAggregate(entry.value.text, &call)) {
      text_.Report(entry.value, *problem);
      return false;
    }
    Aggregate aggregate;
    aggregate.name = entry.name;
    aggregate.text = entry.value.text;
    aggregate.function = call.function;
    const Schema* input = typed.input.get();
    if (input == nullptr) return false;
    const bool filter = call.filter == nullptr ||
                        text_.Bind(entry.value, call.filter, input, true, &aggregate.filter);
    if (call.argument != nullptr) {
      if (!text_.Bind(entry.value, call.argument, input, false, &aggregate.argument)) return false;
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
  TextTyper text_;
  std::vector<TypedNode> nodes_;
  std::map<std::string_view, int> index_;
};

}  // namespace

std::vector<TypedNode> TypeNodes(const job::JobSpec& spec, const job::ConnectorCatalog& catalog,
                                 const std::vector<int>& order,
                                 const std::vector<SchemaPtr>& source_columns,
                                 config::Diagnostics* diagnostics) {
  return Typer(spec, catalog, source_columns, diagnostics).Run(order);
}

}  // namespace weir::plan
