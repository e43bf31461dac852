#include "tests/simulation/kafka/simulated_kafka.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/wire_coordinator_impl.h"
#include "tests/simulation/kafka/simulated_brokers.h"
#include "tests/simulation/kafka/simulated_producer.h"

namespace weir::sim {
namespace {

using namespace taskmanager::kafka;

/// As WireLogReader says it.
class SimulatedLogReader final : public LogReader {
 public:
  SimulatedLogReader(KafkaNetwork* network, const Clock* clock) : brokers_(network, clock) {}

  absl::Status Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                    const std::function<absl::Status(KafkaRecord)>& found, int64_t deadline) override {
    struct Fetched {
      std::vector<KafkaRecord> records;
      int64_t start = 0, end = 0;
    };
    using Result = std::shared_ptr<Fetched>;
    ASSIGN_OR_RETURN(const Result all, brokers_.Retry("reading " + topic, deadline, [&]() -> absl::StatusOr<Result> {
      auto fetched = std::make_shared<Fetched>();
      ASSIGN_OR_RETURN(const BrokerAnswer answer,
                       brokers_.AskLeader(
                           topic, run.partition,
                           [fetched, topic, run, identity](ClusterModel& cluster, int broker) {
                             BrokerAnswer told;
                             const PartitionLog* const log = cluster.Fetch(broker, topic, run.partition, &told);
                             if (log == nullptr) return told;
                             fetched->start = log->start();
                             fetched->end = log->end();
                             for (int64_t offset = std::max(run.first, log->start());
                                  offset <= run.last && offset < log->end(); ++offset) {
                               const PartitionLog::Entry& entry = log->at(offset);
                               if (!entry.control && entry.producer == identity) {
                                 fetched->records.push_back(entry.record);
                               }
                             }
                             return told;
                           },
                           deadline));
      RETURN_IF_ERROR(protocol::StatusOf(answer.error, "Fetch", ""));
      return fetched;
    }));
    for (const KafkaRecord& record : all->records) RETURN_IF_ERROR(found(record));
    if (all->start <= run.first && run.last < all->end) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("topic ", topic, " partition ", run.partition, " has offsets ", all->start,
                                            "-", all->end, " now, ", run.first, "-", run.last, " were asked for"));
  }

 private:
  SimulatedBrokers brokers_;
};

}  // namespace

SimulatedKafka::Options SimulatedKafka::Draw(Rng* rng) {
  Options options;
  TransactionStates::Options& transactions = options.cluster.transactions;
  options.cluster.brokers = rng->Below(4) == 0 ? 1 : 3;
  transactions.transaction_version = rng->Below(2) == 0 ? 0 : 2;
  transactions.sweep_interval = rng->Below(2) == 0 ? 10'000'000 : 500'000;
  if (rng->Below(4) == 0) transactions.append_most = 300'000;
  if (rng->Below(4) == 0) transactions.marker_most = 2'000'000;
  if (rng->Below(8) == 0) transactions.first_epoch = static_cast<int16_t>(32'760 + rng->Below(7));
  return options;
}

SimulatedKafka::SimulatedKafka(Options options, Simulation* simulation)
    : options_(std::move(options)),
      simulation_(simulation),
      rng_(simulation->Stream("kafka")),
      cluster_(options_.cluster, Rng(rng_.Next())),
      network_(simulation, &cluster_) {}

ClusterPortsFactory SimulatedKafka::PortsFactory() {
  return [this](const ConnectionOptions&, const Clock* clock) {
    ClusterPorts ports;
    ports.coordinator = std::make_unique<protocol::BasicWireCoordinator<SimulatedBrokers>>(
        std::make_unique<SimulatedBrokers>(&network_, clock));
    ports.make_producer = [this, clock](ProducerOptions options) -> absl::StatusOr<std::unique_ptr<Producer>> {
      return std::make_unique<SimulatedProducer>(std::move(options), &network_, clock);
    };
    ports.make_log_reader = [this, clock] { return std::make_unique<SimulatedLogReader>(&network_, clock); };
    ports.offset_retention_ms = [this]() -> absl::StatusOr<int64_t> { return options_.offset_retention_ms; };
    return ports;
  };
}

int SimulatedKafka::KillBroker() {
  std::vector<int> alive;
  for (int broker = 0; broker < cluster().brokers(); ++broker) {
    if (cluster_.Up(broker)) alive.push_back(broker);
  }
  if (alive.empty()) return -1;
  const int broker = alive[rng_.Below(alive.size())];
  cluster_.KillBroker(broker);
  return broker;
}

void SimulatedKafka::KillAllBrokers() {
  for (int broker = 0; broker < cluster().brokers(); ++broker) cluster_.KillBroker(broker);
}

void SimulatedKafka::StartAllBrokers() {
  for (int broker = 0; broker < cluster().brokers(); ++broker) cluster_.StartBroker(broker);
}

std::vector<SimulatedKafka::OpenTransaction> SimulatedKafka::OpenTransactions() {
  using State = TransactionStates::State;
  std::vector<OpenTransaction> open;
  TransactionStates& transactions = cluster().transactions();
  for (const std::string& id : transactions.ids()) {
    const TransactionStates::Transaction& found = *transactions.Find(id);
    if (found.state == State::kOngoing || found.state == State::kPrepareCommit || found.state == State::kPrepareAbort) {
      open.push_back({id, found.state, found.started_ms, found.timeout_ms});
    }
  }
  return open;
}

std::vector<KafkaRecord> SimulatedKafka::Committed(const std::string& topic) {
  std::vector<KafkaRecord> all;
  for (int partition = 0; partition < cluster().Partitions(topic); ++partition) {
    for (KafkaRecord& record : cluster_.Committed(topic, partition)) all.push_back(std::move(record));
  }
  return all;
}

bool SimulatedKafka::ReadersReachTheEnd(const std::string& topic) {
  for (int partition = 0; partition < cluster().Partitions(topic); ++partition) {
    const PartitionLog& log = *cluster_.log(topic, partition);
    if (log.last_stable() != log.end()) return false;
  }
  return true;
}

}  // namespace weir::sim
