#pragma once

#include "common/config/diagnostics.h"
#include "common/job/connector_descriptor.h"
#include "common/job/job_spec.h"

namespace weir::job {

/// Checks everything in a job that needs no types: names, numbers, what is not supported yet, the
/// graph (dangling input, unused node, cycle), each node's required parts, and the connectors'
/// options.
///
/// Thread:  any.
/// Errors:  all of them into `diagnostics`, with the places that the spec carries. A node whose
/// type is empty was already
///          reported by its reader and is taken as it is.
void Validate(const JobSpec& spec, const ConnectorCatalog& catalog,
              config::Diagnostics* diagnostics);

/// Indices of the nodes so that inputs come first; a node of a cycle, or with an unknown input,
/// comes last, in order.
std::vector<int> TopologicalOrder(const JobSpec& spec);

}  // namespace weir::job
