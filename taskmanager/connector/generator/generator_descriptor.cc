#include "taskmanager/connector/generator/generator_descriptor.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::generator {
namespace {

/// Nothing returned = `*bound` is set.
std::optional<expression::Problem> Compile(const job::Node& node, const config::MapEntry& field,
                                           expression::BoundExpression* bound) {
  expression::AstPtr ast;
  if (auto problem = expression::Parse(field.value.text, &ast)) return problem;
  expression::BindOptions options;
  options.generator = true;
  options.call_site = absl::StrCat(node.name, ".fields.", field.key);
  return expression::Bind(ast, batch::Schema{}, options, bound);
}

class GeneratorDescriptor final : public job::ConnectorDescriptor {
 public:
  GeneratorDescriptor() {
    job::OptionSpec rows;
    rows.name = "rows";
    rows.kind = job::OptionKind::kInt;
    rows.min = 0;
    rows.doc = "how many rows the whole source makes; without it, it never ends";
    job::OptionSpec seed;
    seed.name = "seed";
    seed.kind = job::OptionKind::kInt;
    seed.default_text = "0";
    seed.doc = "of the random functions: values depend on seed, row and place in the job file only";
    job::OptionSpec fields;
    fields.name = "fields";
    fields.kind = job::OptionKind::kExpressions;
    fields.required = true;
    fields.doc =
        "columns by SQL expressions; also sequence(), random_int(a, b), random_string(n), random_choice(...)";
    source_.options = {rows, seed, fields};
  }

  std::string_view type() const override { return "generator"; }
  const job::ConnectorTraits* source() const override { return &source_; }

  std::optional<batch::Schema> OutputSchema(const job::Node& node, config::Diagnostics* diagnostics) const override {
    const job::Value* fields = node.options.Find("fields");
    if (fields == nullptr || !fields->is_map()) return std::nullopt;  // reported when the keys were checked
    if (fields->entries.empty()) {
      diagnostics->Error(fields->location, "`fields` must have at least one entry");
      return std::nullopt;
    }
    batch::Schema schema;
    bool good = true;
    for (const config::MapEntry& field : fields->entries) {
      expression::BoundExpression bound;
      if (const auto problem = Compile(node, field, &bound)) {
        diagnostics->ErrorAt(field.value.location, static_cast<int64_t>(problem->offset), problem->message);
        good = false;
        continue;
      }
      schema.fields.push_back({field.key, bound.type()});
    }
    if (!good) return std::nullopt;
    return schema;
  }

  bool Bounded(const job::Node& node) const override { return node.options.Find("rows") != nullptr; }

 private:
  job::ConnectorTraits source_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> Descriptor() { return std::make_shared<GeneratorDescriptor>(); }

absl::StatusOr<Options> ReadOptions(const job::Node& node) {
  Options options;
  if (const job::Value* rows = node.options.Find("rows")) options.rows = rows->integer;
  if (const job::Value* seed = node.options.Find("seed")) options.seed = static_cast<uint64_t>(seed->integer);
  const job::Value* fields = node.options.Find("fields");
  if (fields == nullptr || !fields->is_map()) {
    return absl::InvalidArgumentError(absl::StrCat("generator `", node.name, "` has no fields"));
  }
  for (const config::MapEntry& field : fields->entries) {
    Options::Field made{field.key, {}};
    if (const auto problem = Compile(node, field, &made.expression)) {
      return absl::InvalidArgumentError(absl::StrCat(node.name, ".fields.", field.key, ": ", problem->message));
    }
    options.fields.push_back(std::move(made));
  }
  return options;
}

}  // namespace weir::taskmanager::generator
