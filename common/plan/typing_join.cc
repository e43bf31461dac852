#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

using batch::DataType;
using batch::Schema;
using batch::TypeKind;
using job::JoinType;

/// Appends `schema`'s columns as `prefix.column`.
void AddSide(const Schema& schema, const std::string& prefix, bool nullable, Schema* joined) {
  for (batch::Field field : schema.fields) {
    field.name = absl::StrCat(prefix, ".", field.name);
    field.type.nullable |= nullable;
    joined->fields.push_back(std::move(field));
  }
}

/// Binds both sides of one entry of `on`, widened to one type: equal keys must be equal bytes.
bool TypePair(const job::NamedText& entry, const Schema* left, const Schema* right,
              TextTyper& typer, std::vector<NamedExpression>* left_keys,
              std::vector<NamedExpression>* right_keys) {
  job::Text left_text{entry.name, entry.name_location};
  job::Text right_text = entry.value;
  const std::string name = absl::StrCat("on", left_keys->size());
  NamedExpression a{name, {}}, b{name, {}};
  const bool known = typer.Compile(left_text, left, false, &a.expression) &
                     typer.Compile(right_text, right, false, &b.expression);
  if (!known) return false;
  if (!batch::SameType(a.expression.type(), b.expression.type())) {
    const TypeKind kinds[] = {a.expression.type().kind, b.expression.type().kind};
    if (kinds[0] == TypeKind::kInt && kinds[1] == TypeKind::kBigint) {
      left_text.text = absl::StrCat("cast(", left_text.text, " as bigint)");
      typer.Compile(left_text, left, false, &a.expression);
    } else if (kinds[0] == TypeKind::kBigint && kinds[1] == TypeKind::kInt) {
      right_text.text = absl::StrCat("cast(", right_text.text, " as bigint)");
      typer.Compile(right_text, right, false, &b.expression);
    } else {
      typer.Error(entry.value.location,
                  absl::StrCat("`", entry.name, "` is ", batch::ToString(a.expression.type()),
                               " and `", entry.value.text, "` is ",
                               batch::ToString(b.expression.type()),
                               ": both sides of a key must have one type; cast one of them"));
      return false;
    }
  }
  left_keys->push_back(std::move(a));
  right_keys->push_back(std::move(b));
  return true;
}

}  // namespace

void TypeJoin(const job::Node& node, TextTyper& typer, TypedNode* typed) {
  const bool windowed = node.operator_type() == job::OperatorType::kWindowJoin;
  const Schema* left = typed->sides[0].schema.get();
  const Schema* right = typed->sides[1].schema.get();
  typed->output_times = true;
  JoinSpec spec;
  spec.type = node.join;
  bool known = left != nullptr && right != nullptr;
  for (const job::NamedText& entry : node.on) {
    known &= TypePair(entry, left, right, typer, &spec.left_keys, &spec.right_keys);
  }
  for (size_t side = 0; side < std::min<size_t>(2, node.inputs.size()); ++side) {
    if (typed->sides[side].schema == nullptr || typed->sides[side].times) continue;
    typer.Error(node.inputs[side].location,
                absl::StrCat(node.type, " `", node.name, "` needs rows with an event time: `",
                             job::ToString(node.inputs[side]), "` has none"));
  }
  std::shared_ptr<Schema> joined;
  if (left != nullptr && right != nullptr) {
    const bool one_side = node.join == JoinType::kSemi || node.join == JoinType::kAnti;
    const bool full = node.join == JoinType::kFull;
    joined = std::make_shared<Schema>();
    AddSide(*left, job::ToString(node.inputs[0]), full || node.join == JoinType::kRight,
            joined.get());
    if (!one_side) {
      AddSide(*right, job::ToString(node.inputs[1]), full || node.join == JoinType::kLeft,
              joined.get());
    }
    if (windowed) {
      const DataType bound{.kind = TypeKind::kTimestamp, .nullable = false};
      joined->fields.push_back({"window_start", bound});
      joined->fields.push_back({"window_end", bound});
    }
  }
  batch::SchemaPtr output;
  known &= TypeFields(node, joined.get(), typer, &spec.fields, &output);
  if (!known || (windowed && (!node.window || node.window->slide <= 0))) return;
  spec.left = typed->sides[0].schema;
  spec.right = typed->sides[1].schema;
  spec.left_columns = spec.left->size();
  spec.right_columns = spec.right->size();
  spec.joined = std::move(joined);
  if (windowed) {
    spec.size = node.window->size;
    spec.slide = node.window->slide;
    spec.slice = std::gcd(spec.size, spec.slide);
  }
  spec.before = node.before;
  spec.after = node.after;
  typed->join = std::move(spec);
  typed->output = std::move(output);
}

void TypeLookup(const job::Node& node, TextTyper& typer, TypedNode* typed) {
  LookupSpec spec;
  spec.type = node.join;
  auto table = std::make_shared<Schema>();
  for (const job::SchemaField& field : node.schema) {
    table->fields.push_back({field.name, field.type});
  }
  const Schema* input = typed->input.get();
  bool known = input != nullptr && !node.schema.empty();
  for (const job::NamedText& entry : node.on) {
    known &= TypePair(entry, input, table.get(), typer, &spec.input_keys, &spec.table_keys);
  }
  std::shared_ptr<Schema> joined;
  if (input != nullptr) {
    joined = std::make_shared<Schema>();
    AddSide(*input, job::ToString(node.inputs[0]), false, joined.get());
    AddSide(*table, "table", node.join == JoinType::kLeft, joined.get());
  }
  batch::SchemaPtr output;
  known &= TypeFields(node, joined.get(), typer, &spec.fields, &output);
  if (!known) return;
  spec.table = std::move(table);
  spec.joined = std::move(joined);
  const config::Value* change = node.options.Find("on_change");
  spec.reload_on_change = change != nullptr && change->text == "reload";
  typed->lookup = std::move(spec);
  typed->output = std::move(output);
}

}  // namespace weir::plan
