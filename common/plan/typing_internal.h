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
};

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
