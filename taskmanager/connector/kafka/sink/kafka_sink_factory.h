#pragma once

#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/kafka/sink/cluster_ports.h"

namespace weir::taskmanager::kafka {

/// Adds the sink `kafka`; its subtasks talk to the cluster through what `make_cluster` gives.
void RegisterSink(ConnectorRegistry* registry, ClusterPortsFactory make_cluster = MakeClusterPorts);

}  // namespace weir::taskmanager::kafka
