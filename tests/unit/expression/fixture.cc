#include "tests/unit/expression/fixture.h"

#include <cstring>

namespace weir::expression::test {

using batch::Batch;
using batch::Column;
using batch::DataType;
using batch::StringRef;
using batch::TypeKind;

namespace {

template <typename T>
Column Make(DataType type, std::vector<T> values, bool null_in_the_middle = true) {
  Column column = Column::Allocate(type, static_cast<int64_t>(values.size()));
  std::memcpy(column.mutable_data<T>(), values.data(), values.size() * sizeof(T));
  if (null_in_the_middle) column.EnsureValidity()[1] = 0;
  return column;
}

Column Texts(std::string_view a, std::string_view c) {
  batch::StringArena arena;
  Column column = Make<StringRef>(
      {TypeKind::kString}, {StringRef(arena.Copy(a)), StringRef(), StringRef(arena.Copy(c))});
  for (const auto& buffer : arena.buffers()) column.AddHeap(buffer);
  return column;
}

}  // namespace

batch::SchemaPtr Schema() {
  auto schema = std::make_shared<batch::Schema>();
  schema->fields = {{"b", {TypeKind::kBoolean}}, {"i", {TypeKind::kInt, false}},
                    {"n", {TypeKind::kInt}},     {"l", {TypeKind::kBigint}},
                    {"d", {TypeKind::kDouble}},  {"m", {TypeKind::kDecimal, true, 12, 2}},
                    {"s", {TypeKind::kString}},  {"t", {TypeKind::kTimestamp}},
                    {"dt", {TypeKind::kDate}},   {"shop.name", {TypeKind::kString}},
                    {"end", {TypeKind::kString}}};
  return schema;
}

Batch Rows() {
  Batch batch;
  batch.schema = Schema();
  batch.rows = 3;
  Column booleans = Make<uint8_t>({TypeKind::kBoolean}, {1, 0, 0}, false);
  booleans.EnsureValidity()[2] = 0;
  batch.columns = {booleans,
                   Make<int32_t>({TypeKind::kInt, false}, {7, -3, 0}, false),
                   Make<int32_t>({TypeKind::kInt}, {2, 0, 0}),
                   Make<int64_t>({TypeKind::kBigint}, {5'000'000'000, 0, -1}),
                   Make<double>({TypeKind::kDouble}, {2.5, 0, -0.5}),
                   Make<batch::Decimal>({TypeKind::kDecimal, true, 12, 2}, {1025, 0, -355}),
                   Texts("hello", "Zażółć gęślą jaźń"),
                   Make<int64_t>({TypeKind::kTimestamp},
                                 {*batch::ParseTimestamp("2026-01-31 10:20:30.123456"), 0, -1}),
                   Make<int32_t>({TypeKind::kDate}, {*batch::ParseDate("2024-02-29"), 0, -1}),
                   Texts("a", "c"),
                   Texts("a", "c")};
  return batch;
}

std::string Value(std::string_view text, int64_t row) {
  auto bound = Compile(text, *Schema());
  if (!bound.ok()) return "problem: " + std::string(bound.status().message());
  Evaluator evaluator(*bound);
  Column out;
  RowErrors errors;
  evaluator.Evaluate(Rows(), &out, &errors);
  for (const RowError& error : errors) {
    if (error.row == static_cast<uint32_t>(row)) return "error: " + error.message;
  }
  return batch::ValueToString(out, row);
}

std::string Values(std::string_view text) {
  std::string joined;
  for (int64_t row = 0; row < 3; ++row) joined += (row > 0 ? " | " : "") + Value(text, row);
  return joined;
}

std::string Type(std::string_view text) {
  auto bound = Compile(text, *Schema());
  return bound.ok() ? batch::ToString(bound->type())
                    : "problem: " + std::string(bound.status().message());
}

std::string ProblemOf(std::string_view text) {
  AstPtr ast;
  auto problem = Parse(text, &ast);
  BoundExpression bound;
  if (!problem) problem = Bind(ast, *Schema(), {}, &bound);
  if (!problem) return "";
  return std::to_string(problem->offset) + "+" + std::to_string(problem->length) + ": " +
         problem->message;
}

}  // namespace weir::expression::test
