#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/transaction/repairer.h"
#include "tests/support/kafka_model.h"

namespace weir::taskmanager::kafka::testing {

/// A process that uses the model: it may die at any call, before or after its effect; then all its calls fail.
struct ModelProcess {
  KafkaModel* cluster = nullptr;
  bool dead = false;
  /// Called before and after each call's effect, in whose middle anything may happen: death, time, another process.
  std::function<void(const std::string& call, bool after)> on_call;
  int64_t calls = 0;
  /// What the small client of mode B or an old broker does not have.
  bool raw_client = true;
  bool can_list = true;
  /// Effect done, reply lost, asked again: as a client does by itself.
  bool lose_replies = false;

  absl::Status At(const std::string& call, bool after) {
    if (!after) ++calls;
    if (!dead && on_call) on_call(call, after);
    return dead ? absl::UnavailableError("this process is dead") : absl::OkStatus();
  }
};

/// `effect` once (twice when replies get lost), until the cluster is not busy with the id's last transaction.
template <typename Effect>
absl::StatusOr<KafkaError> Ask(ModelProcess& process, const std::string& call, const Effect& effect) {
  RETURN_IF_ERROR(process.At(call, /*after=*/false));
  KafkaError error = effect();
  if (process.lose_replies) error = effect();
  for (int i = 0; i < 10 && (error == kConcurrentTransactions || error == kUnstableOffsetCommit); ++i) {
    process.cluster->Settle();
    error = effect();
  }
  RETURN_IF_ERROR(process.At(call, /*after=*/true));
  if (error == kConcurrentTransactions || error == kUnstableOffsetCommit)
    return absl::UnavailableError("busy for ever");
  return error;
}

class ModelCoordinator : public TransactionCoordinator {
 public:
  explicit ModelCoordinator(ModelProcess* process) : process_(process) {}

  absl::StatusOr<EndOutcome> Commit(const std::string& tid, const ProducerIdentity& identity, int64_t) override {
    if (!process_->raw_client) return absl::UnimplementedError("no raw client");
    ASSIGN_OR_RETURN(const KafkaError error,
                     Ask(*process_, "Commit", [&] { return cluster().EndTxn(tid, identity, true); }));
    return error == kNone ? EndOutcome::kCommitted : EndOutcome::kUncertain;
  }
  absl::StatusOr<ProducerIdentity> Fence(const std::string& tid, int64_t timeout_ms, int64_t) override {
    if (!process_->raw_client) return absl::UnimplementedError("no raw client");
    fenced.push_back(tid);
    ProducerIdentity identity;
    RETURN_IF_ERROR(
        Ask(*process_, "Fence", [&] { return cluster().InitProducerId(tid, timeout_ms, &identity); }).status());
    return identity;
  }
  absl::StatusOr<std::optional<TransactionDescription>> Describe(const std::string& tid, int64_t) override {
    return cluster().Describe(tid);
  }
  absl::StatusOr<std::vector<ListedTransaction>> ListOngoing(const std::string& prefix, int64_t) override {
    RETURN_IF_ERROR(process_->At("List", false));
    if (!process_->can_list) return absl::UnimplementedError("the broker lacks ListTransactions");
    return cluster().ListOngoing(prefix);
  }
  absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string& tid, const std::string& topic, int32_t partition,
                                                   bool stable, int64_t) override {
    std::optional<Marker> marker;
    RETURN_IF_ERROR(Ask(*process_, stable ? "ReadStableMarker" : "ReadMarker", [&] {
                      return cluster().OffsetFetch(tid, topic, partition, stable, &marker);
                    }).status());
    return marker;
  }
  absl::StatusOr<std::string> ClusterId(int64_t) override {
    RETURN_IF_ERROR(process_->At("ClusterId", false));
    return cluster().cluster_id();
  }
  absl::StatusOr<std::string> TopicId(const std::string& topic, int64_t) override {
    RETURN_IF_ERROR(process_->At("TopicId", false));
    if (!process_->raw_client) return absl::UnimplementedError("no raw client");
    const std::string id = cluster().TopicId(topic);
    if (id.empty()) return absl::NotFoundError(absl::StrCat("no topic ", topic));
    return id;
  }
  absl::StatusOr<bool> Supported(int64_t) override { return process_->raw_client; }

  std::vector<std::string> fenced;

 private:
  KafkaModel& cluster() { return *process_->cluster; }
  ModelProcess* process_;
};

class ModelLogReader : public LogReader {
 public:
  explicit ModelLogReader(ModelProcess* process) : process_(process) {}
  absl::Status Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                    const std::function<absl::Status(KafkaRecord)>& found, int64_t) override {
    RETURN_IF_ERROR(process_->At("ReadLog", false));
    return process_->cluster->Read(topic, run, identity, found);
  }

 private:
  ModelProcess* process_;
};

class ModelRepairProducer : public RepairProducer {
 public:
  ModelRepairProducer(ModelProcess* process, std::string tid, int64_t timeout_ms)
      : process_(process), tid_(std::move(tid)), timeout_ms_(timeout_ms) {}
  absl::Status Init() override {
    return Ask(*process_, "RepairInit", [&] { return cluster().InitProducerId(tid_, timeout_ms_, &identity_); })
        .status();
  }
  absl::Status Produce(const std::string& topic, const KafkaRecord& record) override {
    RETURN_IF_ERROR(process_->At("RepairProduce", false));
    int64_t offset = 0;
    return Answer(cluster().Append(tid_, identity_, topic, record, &offset));
  }
  absl::Status Commit(const std::string& topic, int32_t partition, const Marker& marker) override {
    ASSIGN_OR_RETURN(KafkaError error, Ask(*process_, "RepairMarker", [&] {
                       return cluster().AddMarker(tid_, identity_, topic, partition, marker);
                     }));
    RETURN_IF_ERROR(Answer(error));
    ASSIGN_OR_RETURN(error, Ask(*process_, "RepairCommit", [&] { return cluster().EndTxn(tid_, identity_, true); }));
    return Answer(error);
  }

 private:
  KafkaModel& cluster() { return *process_->cluster; }
  static absl::Status Answer(KafkaError error) {
    return error == kNone ? absl::OkStatus() : absl::AbortedError(absl::StrCat("fenced: error ", error));
  }
  ModelProcess* process_;
  std::string tid_;
  int64_t timeout_ms_;
  ProducerIdentity identity_;
};

/// The ports of one process.
struct ModelPorts {
  explicit ModelPorts(ModelProcess* process) : process(process), coordinator(process), log(process) {}
  RecoveryPorts ports() {
    RecoveryPorts out;
    out.coordinator = &coordinator;
    out.log = &log;
    out.clock = process->cluster;
    out.repair_producer = [this](const std::string& tid) -> absl::StatusOr<std::unique_ptr<RepairProducer>> {
      return std::make_unique<ModelRepairProducer>(process, tid, /*timeout_ms=*/60'000);
    };
    out.read_wal_file = [this](const KafkaHandle& handle) -> absl::StatusOr<std::string> {
      const auto it = wal_files.find(handle.transactional_id);
      if (it == wal_files.end()) return absl::NotFoundError("the file of kept records is gone");
      return it->second;
    };
    return out;
  }
  ModelProcess* process;
  ModelCoordinator coordinator;
  ModelLogReader log;
  std::map<std::string, std::string> wal_files;
};

}  // namespace weir::taskmanager::kafka::testing
