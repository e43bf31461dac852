#include "tests/simulation/kafka/simulated_producer.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/runtime/sync.h"

namespace weir::sim {
namespace {

using namespace protocol;
using taskmanager::kafka::OffsetRun;
using taskmanager::kafka::OutgoingRecord;
using Type = FindCoordinatorRequest::Type;

constexpr int64_t kSettleMs = 3'000;
constexpr size_t kBatchRecords = 10'000;
constexpr int64_t kRecordOverhead = 280;
constexpr int16_t kNotEnoughReplicas = 19;

bool MayPass(int16_t error) { return IsPassing(error) || error == kNotEnoughReplicas; }

}  // namespace

struct SimulatedProducer::Instance {
  struct Partition {
    std::deque<KafkaRecord> waiting;
    int32_t sequence = 0;
    bool added = false;  // to the transaction
    int64_t produced = 0, delivered = 0, first = -1, last = -1;
  };

  Instance(Options given, KafkaNetwork* net, const Clock* its_clock)
      : options(std::move(given)), network(net), clock(its_clock), brokers(net, its_clock) {}

  SteadyMicros In(int64_t ms) const { return clock->Steady() + ms * 1000; }
  Simulation& simulation() const { return network->simulation(); }
  bool transactional() const { return !options.transactional_id.empty(); }
  bool Waiting() const {
    return std::any_of(partitions.begin(), partitions.end(), [](const Partition& p) { return !p.waiting.empty(); });
  }
  void Changed() { simulation().Wake(&changed, true); }
  void Fail(absl::Status why) {
    if (status.ok()) status = std::move(why);
    Changed();
  }
  /// Asks until there is an answer that does not pass by itself.
  template <typename AskOnce>
  absl::Status Insist(const std::string& doing, SteadyMicros deadline, BrokerAnswer* answer, const AskOnce& ask) {
    return brokers
        .Retry(absl::StrCat(options.name, ": ", doing), deadline,
               [&]() -> absl::StatusOr<bool> {
                 if (ended) return absl::CancelledError("the producer has ended");
                 ASSIGN_OR_RETURN(*answer, ask());
                 if (MayPass(answer->error)) return absl::UnavailableError(ErrorName(answer->error));
                 if (answer->error == kUnknownTopicOrPartition) return absl::NotFoundError(ErrorName(answer->error));
                 if (answer->error != kNone) return absl::AbortedError(ErrorName(answer->error));
                 return true;
               })
        .status();
  }
  absl::Status AddPartition(int32_t partition, SteadyMicros deadline);
  absl::Status SendBatch(int32_t partition);
  void RunSender();

  const Options options;
  KafkaNetwork* const network;
  const Clock* const clock;
  SimulatedBrokers brokers;
  ProducerIdentity identity;
  bool initialised = false, begun = false, ended = false, hurry = false, sending = false;
  std::vector<Partition> partitions;
  int64_t waiting_bytes = 0;
  absl::Status status;
  runtime::WaitList changed;
};

absl::Status SimulatedProducer::Instance::AddPartition(int32_t partition, SteadyMicros deadline) {
  BrokerAnswer answer;
  const std::string& id = options.transactional_id;
  return Insist(absl::StrCat("adding a partition to transaction ", id), deadline, &answer, [&] {
    return brokers.AskCoordinator(
        Type::kTransaction, id,
        [id, producer = identity, topic = options.topic, partition](ClusterModel& cluster, int broker) {
          return cluster.AddPartition(broker, id, producer, topic, partition);
        },
        deadline);
  });
}

absl::Status SimulatedProducer::Instance::SendBatch(int32_t index) {
  Partition& partition = partitions[static_cast<size_t>(index)];
  int64_t timeout_ms = options.message_timeout_ms;
  if (transactional())
    timeout_ms = std::min(timeout_ms, std::max<int64_t>(500, options.transaction_timeout_ms * 4 / 5));
  const SteadyMicros deadline = In(timeout_ms);
  if (transactional() && !partition.added) {
    RETURN_IF_ERROR(AddPartition(index, deadline));
    partition.added = true;
  }
  const size_t count = std::min(partition.waiting.size(), kBatchRecords);
  const std::vector<KafkaRecord> batch(partition.waiting.begin(), partition.waiting.begin() + static_cast<long>(count));
  BrokerAnswer answer;
  RETURN_IF_ERROR(Insist(absl::StrCat("producing to ", options.topic, " partition ", index), deadline, &answer, [&] {
    return brokers.AskLeader(
        options.topic, index,
        [id = options.transactional_id, producer = identity, topic = options.topic, index,
         sequence = partition.sequence, batch](ClusterModel& cluster, int broker) {
          return cluster.Produce(broker, id.empty() ? nullptr : &id, producer, topic, index, sequence, batch);
        },
        deadline);
  }));
  const auto records = static_cast<int64_t>(count);
  partition.sequence += static_cast<int32_t>(count);
  partition.delivered += records;
  if (partition.first < 0) partition.first = answer.offset;
  partition.last = std::max(partition.last, answer.offset + records - 1);
  for (const KafkaRecord& record : batch) {
    waiting_bytes -= kRecordOverhead + static_cast<int64_t>(record.key.size() + record.value.size());
  }
  partition.waiting.erase(partition.waiting.begin(), partition.waiting.begin() + static_cast<long>(count));
  simulation().Trace("kafka produced", options.transactional_id, identity.epoch, index, answer.offset, records);
  return absl::OkStatus();
}

void SimulatedProducer::Instance::RunSender() {
  // Some runs send at once, others as late as may be.
  const int64_t linger = network->rng().Below(2) == 0 ? 1'000 : options.linger_micros;
  while (!ended && status.ok()) {
    if (!Waiting()) {
      simulation().Block(&changed, runtime::Scheduler::kNever);
      continue;
    }
    const SteadyMicros until = clock->Steady() + linger;
    const auto full = [&] {
      return std::any_of(partitions.begin(), partitions.end(),
                         [](const Partition& p) { return p.waiting.size() >= kBatchRecords; });
    };
    while (!ended && !hurry && !full() && clock->Steady() < until) {
      simulation().Block(&changed, until - clock->Steady());
    }
    for (size_t i = 0; i < partitions.size() && !ended && status.ok(); ++i) {
      if (partitions[i].waiting.empty()) continue;
      const absl::Status sent = SendBatch(static_cast<int32_t>(i));
      if (!sent.ok()) {
        Fail(sent);
      } else {
        Changed();
      }
    }
    if (!Waiting()) hurry = false;
  }
  sending = false;
}

SimulatedProducer::SimulatedProducer(Options options, KafkaNetwork* network, const Clock* clock)
    : instance_(std::make_shared<Instance>(std::move(options), network, clock)) {}

SimulatedProducer::~SimulatedProducer() {
  Instance& self = *instance_;
  // As the real one: the first record of each partition is waited for, for a while.
  const SteadyMicros until = self.In(kSettleMs);
  const auto settled = [&self] {
    return !self.status.ok() || std::all_of(self.partitions.begin(), self.partitions.end(), [](const auto& partition) {
      return partition.produced == 0 || partition.delivered > 0;
    });
  };
  while (self.transactional() && !settled() && self.clock->Steady() < until) {
    self.hurry = true;
    self.Changed();
    self.simulation().Block(&self.changed, until - self.clock->Steady());
  }
  self.ended = true;
  self.Changed();
}

absl::Status SimulatedProducer::Warm(int64_t timeout_ms) {
  Instance& self = *instance_;
  const SteadyMicros deadline = self.In(timeout_ms);
  if (!self.initialised && (self.transactional() || self.options.idempotent)) {
    if (!self.transactional()) {
      // Of no transaction: any that nobody else has.
      self.identity = {static_cast<int64_t>(1'000'000 + self.network->rng().Below(1'000'000'000)), 0};
    } else {
      const std::string& id = self.options.transactional_id;
      BrokerAnswer answer;
      RETURN_IF_ERROR(self.Insist(absl::StrCat("initialising transactional id ", id), deadline, &answer, [&] {
        return self.brokers.AskCoordinator(
            Type::kTransaction, id,
            [id, timeout = self.options.transaction_timeout_ms](ClusterModel& cluster, int broker) {
              return cluster.InitProducerId(broker, id, timeout);
            },
            deadline);
      }));
      self.identity = answer.identity;
      self.simulation().Trace("kafka initialised", id, self.identity.producer_id, self.identity.epoch);
    }
    self.initialised = true;
  }
  return self.brokers
      .Retry(absl::StrCat(self.options.name, ": metadata of topic ", self.options.topic), deadline,
             [&]() -> absl::StatusOr<bool> {
               ASSIGN_OR_RETURN(const MetadataResponse metadata, self.brokers.Metadata({self.options.topic}, deadline));
               RETURN_IF_ERROR(StatusOf(metadata.topics.front().error, "Metadata", ""));
               self.partitions.resize(metadata.topics.front().partitions.size());
               return true;
             })
      .status();
}

absl::Status SimulatedProducer::Begin() {
  if (instance_->begun) return absl::FailedPreconditionError("one transaction per instance");
  instance_->begun = true;
  return absl::OkStatus();
}

int32_t SimulatedProducer::partition_count() const { return static_cast<int32_t>(instance_->partitions.size()); }

void SimulatedProducer::Route(OutgoingRecord* records, size_t count, int32_t sticky) const {
  const auto partitions = static_cast<uint32_t>(partition_count());
  for (size_t i = 0; i < count; ++i) {
    uint32_t hash = static_cast<uint32_t>(sticky);
    if (records[i].has_key) {
      hash = 2166136261U;
      for (const char c : records[i].key) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
      hash ^= hash >> 15;
    }
    records[i].partition = static_cast<int32_t>(hash % partitions);
  }
}

absl::Status SimulatedProducer::Produce(const OutgoingRecord* records, size_t count, int64_t patience_ms) {
  for (size_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(Produce(CopyOf(records[i], instance_->clock->Wall() / 1000), patience_ms));
  }
  return absl::OkStatus();
}

absl::Status SimulatedProducer::Produce(const KafkaRecord& record, int64_t patience_ms) {
  Instance& self = *instance_;
  RETURN_IF_ERROR(self.status);
  if (record.partition < 0 || record.partition >= partition_count()) {
    return absl::NotFoundError(absl::StrCat("no partition ", record.partition));
  }
  const SteadyMicros until = self.In(patience_ms);
  while (self.waiting_bytes > self.options.memory_bytes) {
    if (self.clock->Steady() >= until) return absl::UnavailableError("no room for records");
    self.hurry = true;
    self.Changed();
    self.simulation().Block(&self.changed, until - self.clock->Steady());
    RETURN_IF_ERROR(self.status);
  }
  Instance::Partition& partition = self.partitions[static_cast<size_t>(record.partition)];
  partition.waiting.push_back(record);
  ++partition.produced;
  self.waiting_bytes += kRecordOverhead + static_cast<int64_t>(record.key.size() + record.value.size());
  if (!self.sending) {
    self.sending = true;
    self.simulation().Spawn("kafka-send", [instance = instance_] { instance->RunSender(); });
  } else if (self.waiting_bytes == kRecordOverhead + static_cast<int64_t>(record.key.size() + record.value.size())) {
    self.Changed();
  }
  return absl::OkStatus();
}

void SimulatedProducer::Poll(int timeout_ms) {
  if (timeout_ms > 0) instance_->simulation().Block(&instance_->changed, int64_t{timeout_ms} * 1000);
}

absl::Status SimulatedProducer::status() const { return instance_->status; }

std::vector<int64_t> SimulatedProducer::Produced() const {
  std::vector<int64_t> produced;
  for (const Instance::Partition& partition : instance_->partitions) produced.push_back(partition.produced);
  return produced;
}

absl::Status SimulatedProducer::Drain(const std::vector<int64_t>& produced, int64_t timeout_ms) {
  Instance& self = *instance_;
  const SteadyMicros until = self.In(timeout_ms);
  while (true) {
    RETURN_IF_ERROR(self.status);
    int64_t missing = 0;
    for (size_t i = 0; i < produced.size(); ++i) {
      missing += std::max<int64_t>(0, produced[i] - self.partitions[i].delivered);
    }
    if (missing == 0) return absl::OkStatus();
    if (self.clock->Steady() >= until) {
      return absl::UnavailableError(absl::StrCat(self.options.name, ": ", missing, " records were not confirmed"));
    }
    self.hurry = true;
    self.Changed();
    self.simulation().Block(&self.changed, until - self.clock->Steady());
  }
}

std::vector<OffsetRun> SimulatedProducer::Runs() const {
  std::vector<OffsetRun> runs;
  for (size_t i = 0; i < instance_->partitions.size(); ++i) {
    const Instance::Partition& partition = instance_->partitions[i];
    if (partition.delivered > 0) {
      runs.push_back({static_cast<int32_t>(i), partition.first, partition.last, partition.delivered});
    }
  }
  return runs;
}

absl::Status SimulatedProducer::QueryOffsets(int32_t partition, int64_t timeout_ms, int64_t* first, int64_t* end) {
  Instance& self = *instance_;
  struct Offsets {
    int64_t first = 0, end = 0;
  };
  auto offsets = std::make_shared<Offsets>();
  BrokerAnswer answer;
  RETURN_IF_ERROR(self.Insist("asking for offsets", self.In(timeout_ms), &answer, [&] {
    return self.brokers.AskLeader(
        self.options.topic, partition,
        [offsets, topic = self.options.topic, partition](ClusterModel& cluster, int broker) {
          BrokerAnswer told;
          if (const PartitionLog* const log = cluster.Fetch(broker, topic, partition, &told)) {
            *offsets = {log->start(), log->end()};
          }
          return told;
        },
        self.In(timeout_ms));
  }));
  *first = offsets->first;
  *end = offsets->end;
  return absl::OkStatus();
}

absl::Status SimulatedProducer::SendMarker(int32_t partition, const Marker& marker, int64_t timeout_ms) {
  Instance& self = *instance_;
  RETURN_IF_ERROR(self.status);
  const SteadyMicros deadline = self.In(timeout_ms);
  const std::string& id = self.options.transactional_id;
  BrokerAnswer answer;
  RETURN_IF_ERROR(self.Insist(absl::StrCat("marking transaction ", id), deadline, &answer, [&] {
    return self.brokers.AskCoordinator(
        Type::kTransaction, id,
        [id, producer = self.identity](ClusterModel& cluster, int broker) {
          return cluster.AddOffsets(broker, id, producer, id);
        },
        deadline);
  }));
  return self.Insist(absl::StrCat("marking transaction ", id), deadline, &answer, [&] {
    return self.brokers.AskCoordinator(
        Type::kGroup, id,
        [id, producer = self.identity, topic = self.options.topic, partition, marker](ClusterModel& cluster,
                                                                                      int broker) {
          return cluster.TxnOffsetCommit(broker, id, producer, id, topic, partition, marker);
        },
        deadline);
  });
}

absl::Status SimulatedProducer::Commit(int64_t timeout_ms) {
  Instance& self = *instance_;
  RETURN_IF_ERROR(self.status);
  const std::string& id = self.options.transactional_id;
  const SteadyMicros deadline = self.In(timeout_ms);
  BrokerAnswer answer;
  RETURN_IF_ERROR(self.Insist(absl::StrCat("committing transaction ", id), deadline, &answer, [&] {
    return self.brokers.AskCoordinator(
        Type::kTransaction, id,
        [id, producer = self.identity](ClusterModel& cluster, int broker) {
          return cluster.EndTxn(broker, id, producer, true, 1);
        },
        deadline);
  }));
  self.begun = false;  // librdkafka would begin another one, of the same epoch; sinks never do
  for (Instance::Partition& partition : self.partitions) partition.added = false;
  return absl::OkStatus();
}

const SimulatedProducer::Options& SimulatedProducer::options() const { return instance_->options; }

}  // namespace weir::sim
