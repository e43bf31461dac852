#pragma once

#include <memory>
#include <string>

#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/sink/cluster_ports.h"
#include "taskmanager/connector/kafka/sink/transaction_pool.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"
#include "taskmanager/connector/two_phase_commit_sink.h"

namespace weir::taskmanager::kafka {

/// What a sink subtask and its transactions share. Thread: `pool` is set by Open and then fixed; all else is immutable.
struct SinkServices {
  SinkContext context;
  KafkaSinkOptions options;
  ClusterPorts cluster;
  std::unique_ptr<TransactionPool> pool;  // null: not opened, or no transactions

  /// `sink alerts`: what log lines and errors begin with.
  std::string name() const { return "sink " + context.node->name; }
  /// For this sink's topic, without a transactional id.
  ProducerOptions producer_options() const;
  SteadyMicros DeadlineIn(int64_t ms) const { return context.clock->Steady() + ms * 1000; }
  int64_t NowMs() const { return context.clock->Wall() / 1000; }
  /// How long a pre-commit may take: as long as the checkpoint.
  int64_t pre_commit_ms() const;
};

std::shared_ptr<SinkServices> MakeSinkServices(const SinkContext& context, KafkaSinkOptions options,
                                               const ClusterPortsFactory& make_cluster);

}  // namespace weir::taskmanager::kafka
