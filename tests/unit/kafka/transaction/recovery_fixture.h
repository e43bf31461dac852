#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "taskmanager/connector/kafka/transaction/resolver.h"
#include "taskmanager/connector/kafka/transaction/sweeper.h"
#include "tests/support/kafka_model.h"
#include "tests/support/kafka_model_ports.h"

namespace weir::taskmanager::kafka::testing {

inline const JobId kJob{"0123456789abcdef0123456789abcdef"};
inline const JobId kFormerJob{"fedcba9876543210fedcba9876543210"};
inline constexpr char kTopic[] = "alerts";

inline KafkaRecord Record(const std::string& key, const std::string& value, int32_t partition = 0) {
  KafkaRecord record;
  record.partition = partition;
  record.has_key = true;
  record.key = key;
  record.value = value;
  return record;
}

inline std::string Tid(int64_t attempt, int32_t subtask, int32_t slot, const JobId& job = kJob) {
  return ToString(TransactionalId{job, "out", Attempt{attempt}, subtask, slot});
}

/// What a live sink does up to the barrier: init, produce.
inline KafkaHandle Open(KafkaModel& cluster, const std::string& tid, const std::vector<KafkaRecord>& records,
                        int64_t timeout_ms = 60'000) {
  KafkaHandle handle;
  handle.cluster_id = cluster.cluster_id();
  handle.transactional_id = tid;
  handle.timeout_ms = timeout_ms;
  handle.topic = kTopic;
  while (cluster.InitProducerId(tid, timeout_ms, &handle.identity) == kConcurrentTransactions) cluster.Settle();
  for (const KafkaRecord& record : records) {
    int64_t offset = 0;
    if (cluster.Append(tid, handle.identity, kTopic, record, &offset) != kNone) std::abort();
    handle.checksum += RecordChecksum(record.partition, record.key.data(), record.key.size(), record.has_key,
                                      record.value.data(), record.value.size(), record.has_value);
    ++handle.records;
    bool grown = false;
    for (OffsetRun& run : handle.runs) {
      if (run.partition != record.partition || run.last + 1 != offset) continue;
      run.last = offset;
      ++run.records;
      grown = true;
    }
    if (!grown) handle.runs.push_back({record.partition, offset, offset, 1});
  }
  return handle;
}

/// … and from there to its handle: marker, describe.
inline KafkaHandle Prepare(KafkaModel& cluster, const std::string& tid, int64_t checkpoint,
                           const std::vector<KafkaRecord>& records, int64_t timeout_ms = 60'000) {
  KafkaHandle handle = Open(cluster, tid, records, timeout_ms);
  handle.checkpoint = CheckpointId{checkpoint};
  const JobId job = ParseTransactionalId(tid)->job;
  if (cluster.AddMarker(tid, handle.identity, kTopic, 0,
                        Marker{handle.checkpoint, MarkerMetadata(job, handle.checkpoint)}) != kNone) {
    std::abort();
  }
  handle.started_ms = cluster.Describe(tid)->started_ms;
  handle.topic_id = cluster.TopicId(kTopic);
  return handle;
}

inline std::vector<std::string> Encoded(const std::vector<KafkaHandle>& handles) {
  std::vector<std::string> bytes;
  for (const KafkaHandle& handle : handles) bytes.push_back(EncodeHandle(handle));
  return bytes;
}

/// One recovering process of attempt `attempt`.
struct Recovery {
  explicit Recovery(KafkaModel* cluster, int64_t attempt = 9) : attempt(attempt), ports(&process) {
    process.cluster = cluster;
  }
  Recovery(const Recovery&) = delete;
  absl::Status Resolve(const std::vector<KafkaHandle>& handles, UnresolvedPolicy policy = UnresolvedPolicy::kFail) {
    Resolver::Options options;
    options.job = kJob;
    options.attempt = Attempt{attempt};
    options.unresolved = policy;
    options.log = [this](const std::string& line) { log.push_back(line); };
    RecoveryPorts all = ports.ports();
    all.offset_retention_ms = retention;
    Resolver resolver(options, std::move(all));
    const absl::Status status = resolver.ResolveAll(Encoded(handles));
    counts = resolver.counts();
    return status;
  }
  absl::StatusOr<int64_t> Sweep(const std::vector<std::string>& unresolved = {}, bool with_former = false) {
    Sweeper::Options options;
    options.job = kJob;
    options.attempt = Attempt{attempt};
    options.sink = "out";
    if (with_former) options.former_job = kFormerJob;
    return Sweeper(options, &ports.coordinator, process.cluster).Sweep(unresolved);
  }
  int64_t attempt;
  ModelProcess process;
  ModelPorts ports;
  Resolver::Counts counts;
  std::vector<std::string> log;
  std::function<absl::StatusOr<int64_t>()> retention;
};

/// Values that a read_committed reader of the partition sees.
inline std::vector<std::string> Visible(KafkaModel& cluster, int32_t partition = 0) {
  cluster.Settle();
  std::vector<std::string> values;
  for (const KafkaRecord& record : cluster.Committed(kTopic, partition)) values.push_back(record.value);
  return values;
}

}  // namespace weir::taskmanager::kafka::testing
