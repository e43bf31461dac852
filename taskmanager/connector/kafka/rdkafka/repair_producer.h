#pragma once

#include <memory>

#include "taskmanager/connector/kafka/rdkafka/producer.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// Makes the producers that recovery writes lost transactions again with: each a fresh librdkafka instance on the id
/// asked for. `options.transactional_id` and `options.topic` are set by the factory and by what is produced.
RepairProducerFactory MakeRepairProducerFactory(ProducerOptions options);

}  // namespace weir::taskmanager::kafka
