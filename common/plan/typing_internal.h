#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/batch/types.h"
#include "common/config/diagnostics.h"
#include "common/job/connector_descriptor.h"
#include "common/job/job_spec.h"
#include "common/plan/plan.h"

namespace weir::plan {

/// A node with its columns and bound expressions. A schema that is null could not be told; why was
/// reported.
struct TypedNode {
  batch::SchemaPtr input;  // of all inputs together
  bool input_times = false;
  batch::SchemaPtr output;  // of the main port; null for sinks
  bool output_times = false;
  bool late_used = false;
  bool errors_used = false;
  expression::BoundExpression where;
  std::vector<NamedExpression> fields;
  std::optional<WindowSpec> window;
  std::optional<TopNSpec> top_n;
  std::optional<DeduplicateSpec> deduplicate;
  std::optional<JoinSpec> join;
  std::optional<LookupSpec> lookup;
  bool updating = false;        // of the main port
  bool input_updating = false;  // of any input
  int parallelism = 1;          // of what makes the rows of the main port
  /// Joins of two streams; `input` is null then.
  struct Side {
    batch::SchemaPtr schema;
    bool times = false;
  };
  Side sides[2];
};

/// Compiles the texts of job nodes and reports what is wrong with them.
class TextTyper {
 public:
  explicit TextTyper(config::Diagnostics* diagnostics) : diagnostics_(diagnostics) {}

  /// Parses, and binds when the columns are known. False: not bound.
  bool Compile(const job::Text& text, const batch::Schema* schema, bool want_boolean,
               expression::BoundExpression* out, expression::AstPtr* ast = nullptr);
  bool Bind(const job::Text& text, const expression::AstPtr& ast, const batch::Schema* schema,
            bool want_boolean, expression::BoundExpression* out);
  /// One entry of `key_by`; `schema` null: not known.
  bool TypeKey(const job::NamedText& key, const batch::Schema* schema,
               std::vector<NamedExpression>* keys);
  void Report(const job::Text& text, const expression::Problem& problem);
  void Error(job::Location location, const std::string& message) {
    diagnostics_->Error(location, message);
  }
  config::Diagnostics* diagnostics() { return diagnostics_; }

 private:
  config::Diagnostics* diagnostics_;
};

/// `fields` of a select or a join, over `schema` (null: not known); `out` and `output` are set when
/// all are right.
bool TypeFields(const job::Node& node, const batch::Schema* schema, TextTyper& typer,
                std::vector<NamedExpression>* out, batch::SchemaPtr* output);
/// Nodes of one type each: what `typed` has of its inputs is set already.
void TypeTopN(const job::Node& node, TextTyper& typer, TypedNode* typed);
void TypeDeduplicate(const job::Node& node, TextTyper& typer, TypedNode* typed);
void TypeJoin(const job::Node& node, TextTyper& typer, TypedNode* typed);
void TypeLookup(const job::Node& node, TextTyper& typer, TypedNode* typed);

/// Types all nodes, inputs first (`order`: job::TopologicalOrder). Expressions are parsed even
/// where the columns are not known, so that every mistake is found. Shape: parallel to spec.nodes.
/// `source_columns`, when not empty, too: what each source gives in place of all it has.
std::vector<TypedNode> TypeNodes(const job::JobSpec& spec, const job::ConnectorCatalog& catalog,
                                 const std::vector<int>& order,
                                 const std::vector<batch::SchemaPtr>& source_columns,
                                 config::Diagnostics* diagnostics);

/// For each source the columns that somebody reads, and its event time; null for other nodes.
/// Parallel to spec.nodes. Columns in front of a union stay all, since its inputs must be equal.
std::vector<batch::SchemaPtr> UsedColumns(const job::JobSpec& spec,
                                          const std::vector<TypedNode>& nodes,
                                          const std::vector<int>& order);

/// Tasks and exchanges of a job without mistakes.
ExecutionPlan BuildTasks(std::shared_ptr<const job::JobSpec> spec,
                         const job::ConnectorCatalog& catalog, const std::vector<int>& order,
                         const std::vector<TypedNode>& nodes);

}  // namespace weir::plan
