#pragma once

#include <memory>

#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// Makes the producers that recovery writes lost transactions again with: each a fresh one of
/// `make_producer` on the id asked for, for the topic of `options`.
RepairProducerFactory MakeRepairProducerFactory(ProducerFactory make_producer, ProducerOptions options);

}  // namespace weir::taskmanager::kafka
