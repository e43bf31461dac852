#include "tests/simulation/kafka/kafka_faults.h"

#include <algorithm>

namespace weir::sim {

void AddKafkaFaults(Network* network, SimulatedKafka* kafka, Nemesis* nemesis) {
  const NodeId node = network->simulation().AddNode("kafka");
  kafka->network().SetLink([network, node](NodeId other, bool to_kafka) {
    return to_kafka ? !network->Blocked(other, node) : !network->Blocked(node, other);
  });
  // Faults overlap: what is down comes back with the end of any of them, and is killed again by the next.
  nemesis->On("kafka_kill", [kafka](const Fault&) { kafka->KillBroker(); },
              [kafka](const Fault&) { kafka->StartAllBrokers(); });
  nemesis->On("kafka_kill_all", [kafka](const Fault&) { kafka->KillAllBrokers(); },
              [kafka](const Fault&) { kafka->StartAllBrokers(); });
  const auto broker_of = [kafka](const Fault& fault) {
    return static_cast<int>(std::max<int64_t>(0, fault.amount)) % kafka->cluster().brokers();
  };
  nemesis->On("kafka_pause", [=](const Fault& fault) { kafka->network().PauseBroker(broker_of(fault)); },
              [=](const Fault& fault) { kafka->network().ContinueBroker(broker_of(fault)); });
  nemesis->On("kafka_coordinator_move", [kafka](const Fault&) { kafka->MoveCoordinators(); });
  nemesis->On("kafka_lost_reply",
              [kafka](const Fault& fault) {
                kafka->network().faults().lost_replies_percent = static_cast<int>(fault.amount);
              },
              [kafka](const Fault&) { kafka->network().faults().lost_replies_percent = 0; });
  nemesis->On("kafka_lost_request",
              [kafka](const Fault& fault) {
                kafka->network().faults().lost_requests_percent = static_cast<int>(fault.amount);
              },
              [kafka](const Fault&) { kafka->network().faults().lost_requests_percent = 0; });
  nemesis->On("kafka_late", [kafka](const Fault& fault) { kafka->network().faults().late = fault.amount; },
              [kafka](const Fault&) { kafka->network().faults().late = 0; });
  const auto transactions = [kafka]() -> TransactionStates& { return kafka->cluster().transactions(); };
  nemesis->On("kafka_time_out", [=](const Fault& fault) { transactions().TimeOut(static_cast<int>(fault.amount)); });
  nemesis->On("kafka_slow_end", [=](const Fault& fault) { transactions().SetMarkerDelay(fault.amount); },
              [=](const Fault&) { transactions().SetMarkerDelay(0); });
  nemesis->On("kafka_last_epochs",
              [=](const Fault& fault) { transactions().SetEpochs(static_cast<int16_t>(32'766 - fault.amount)); });
  nemesis->On("kafka_expire_ids", [=](const Fault& fault) { transactions().ExpireIds(fault.amount / 1000); });
}

}  // namespace weir::sim
