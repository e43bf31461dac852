#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

/// A comma inside `{…}` ends an expression in YAML: what is left of it has an open parenthesis.
std::string TornHint(std::string_view text) {
  if (std::count(text.begin(), text.end(), '(') <= std::count(text.begin(), text.end(), ')'))
    return "";
  return " (an expression with commas or braces inside `{…}` must be quoted, or written in block "
         "style)";
}

}  // namespace

void TextTyper::Report(const job::Text& text, const expression::Problem& problem) {
  diagnostics_->ErrorAt(text.location, static_cast<int64_t>(problem.offset),
                        problem.message + TornHint(text.text));
}

bool TextTyper::Compile(const job::Text& text, const batch::Schema* schema, bool want_boolean,
                        expression::BoundExpression* out, expression::AstPtr* ast) {
  expression::AstPtr parsed;
  if (const auto problem = expression::Parse(text.text, &parsed)) {
    Report(text, *problem);
    return false;
  }
  if (ast != nullptr) *ast = parsed;
  return Bind(text, parsed, schema, want_boolean, out);
}

bool TextTyper::Bind(const job::Text& text, const expression::AstPtr& ast,
                     const batch::Schema* schema, bool want_boolean,
                     expression::BoundExpression* out) {
  if (schema == nullptr) return false;
  expression::BindOptions options;
  options.want_boolean = want_boolean;
  if (const auto problem = expression::Bind(ast, *schema, options, out)) {
    Report(text, *problem);
    return false;
  }
  return true;
}

bool TextTyper::TypeKey(const job::NamedText& key, const batch::Schema* schema,
                        std::vector<NamedExpression>* keys) {
  NamedExpression named{key.name, {}};
  expression::AstPtr ast;
  const bool bound = Compile(key.value, schema, false, &named.expression, &ast);
  // `key_by: [user]` has the expression for its name; the column's may be written in quotes.
  if (ast != nullptr && key.name == key.value.text) {
    const std::optional<std::string> column = expression::ColumnName(*ast);
    if (!column) {
      Error(key.value.location,
            absl::StrCat("a computed key needs a name: `key_by: {NAME: ", key.value.text, "}`"));
      return false;
    }
    named.name = *column;
  }
  if (bound) keys->push_back(std::move(named));
  return bound;
}

bool TypeFields(const job::Node& node, const batch::Schema* schema, TextTyper& typer,
                std::vector<NamedExpression>* out, batch::SchemaPtr* output) {
  batch::Schema made;
  bool known = schema != nullptr;
  for (const job::NamedText& field : node.fields) {
    NamedExpression named{field.name, {}};
    if (!typer.Compile(field.value, schema, false, &named.expression)) {
      known = false;
      continue;
    }
    made.fields.push_back({field.name, named.expression.type()});
    out->push_back(std::move(named));
  }
  if (!known || made.fields.empty()) return false;
  *output = std::make_shared<const batch::Schema>(std::move(made));
  return true;
}

}  // namespace weir::plan
