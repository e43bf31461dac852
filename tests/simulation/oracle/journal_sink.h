#pragma once

#include "taskmanager/connector/connector_registry.h"
#include "tests/simulation/oracle/journal.h"

namespace weir::sim {

/// Notes every commit that a Kafka sink is about to do, with the checkpoint it was sealed for. Both must outlive the
/// sinks that are made from now on.
void NoteCommits(taskmanager::ConnectorRegistry* registry, Journal* journal);

}  // namespace weir::sim
