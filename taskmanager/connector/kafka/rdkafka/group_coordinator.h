#pragma once

#include "taskmanager/connector/kafka/transaction/producer_port.h"

struct rd_kafka_s;

namespace weir::taskmanager::kafka {

/// Lets a transactional client find, and connect to, the coordinator of the group of its marker, which librdkafka keeps
/// for its next request to that group: the marker then needs one request less while a checkpoint waits for it. Blocks up
/// to `timeout_ms`; when it fails the marker finds out by itself.
void FindGroupCoordinator(rd_kafka_s* client, const ProducerOptions& options, int timeout_ms);

}  // namespace weir::taskmanager::kafka
