#include <map>
#include <set>
#include <string>

#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

using batch::Schema;
using batch::SchemaPtr;
using job::Node;

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

/// Names that begin with `prefix.`, without it.
void AddPrefixed(const std::vector<NamedExpression>& expressions, const Schema& joined,
                 const std::string& prefix, Needs* needs) {
  Needs all;
  for (const NamedExpression& e : expressions) all.Add(e.expression, joined);
  for (const std::string& name : all.names) {
    if (name.rfind(prefix + ".", 0) == 0) needs->names.insert(name.substr(prefix.size() + 1));
  }
}
void AddKeys(const std::vector<NamedExpression>& keys, const Schema& schema, Needs* needs) {
  for (const NamedExpression& key : keys) needs->Add(key.expression, schema);
}

/// What a node needs of its input `side` (0 but for the right side of a join).
Needs NeedsOfInput(const Node& node, const TypedNode& typed, const Needs& of_output, size_t side) {
  Needs needs;
  if (typed.join && !typed.late_used) {
    AddPrefixed(typed.join->fields, *typed.join->joined, job::ToString(node.inputs[side]), &needs);
    AddKeys(side == 0 ? typed.join->left_keys : typed.join->right_keys, *typed.sides[side].schema,
            &needs);
    return needs;
  }
  if (node.kind == job::NodeKind::kSink || node.inputs.size() > 1 || typed.late_used ||
      typed.input == nullptr) {
    needs.all = true;
    return needs;
  }
  needs.Add(typed.where, *typed.input);
  if (typed.lookup) {
    AddPrefixed(typed.lookup->fields, *typed.lookup->joined, job::ToString(node.inputs[0]), &needs);
    AddKeys(typed.lookup->input_keys, *typed.input, &needs);
    return needs;
  }
  AddKeys(typed.fields, *typed.input, &needs);
  if (typed.window) {
    AddKeys(typed.window->keys, *typed.input, &needs);
    for (const Aggregate& aggregate : typed.window->aggregates) {
      needs.Add(aggregate.argument, *typed.input);
      needs.Add(aggregate.filter, *typed.input);
    }
  }
  if (typed.top_n) {
    AddKeys(typed.top_n->keys, *typed.input, &needs);
    for (const OrderKey& order : typed.top_n->order) needs.Add(order.expression, *typed.input);
    if (typed.top_n->window_end_column >= 0) needs.names.insert("window_end");
  }
  if (typed.deduplicate) AddKeys(typed.deduplicate->keys, *typed.input, &needs);
  if (node.operator_type() == job::OperatorType::kFilter || typed.top_n || typed.deduplicate) {
    needs.Add(of_output);
  }
  return needs;
}

}  // namespace

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
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const job::InputRef& ref = node.inputs[i];
        // Late rows have the columns of the window's input, all of which it keeps; errors have none
        // of anybody's.
        if (ref.port == job::Port::kMain) {
          needs[index.at(ref.node)].Add(NeedsOfInput(node, nodes[*it], needs[*it], i));
        }
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
