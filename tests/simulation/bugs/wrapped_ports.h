#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobmanager/metadata/metadata_store.h"
#include "taskmanager/connector/two_phase_commit_sink.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::sim {

/// Ports that hand everything on: what a bug changes is overridden.

class WrappedStore : public jobmanager::MetadataStore {
 public:
  explicit WrappedStore(std::unique_ptr<jobmanager::MetadataStore> inner) : inner_(std::move(inner)) {}
  LeaderEpoch epoch() const override { return inner_->epoch(); }
  absl::StatusOr<std::vector<StoredJob>> Load() override { return inner_->Load(); }
  absl::Status Create(const jobmanager::JobRecord& record, const std::string& spec) override {
    return inner_->Create(record, spec);
  }
  absl::Status Put(const jobmanager::JobRecord& record) override { return inner_->Put(record); }
  absl::Status Delete(const JobId& job) override { return inner_->Delete(job); }
  absl::StatusOr<std::string> StorageId(const std::string& uri) override { return inner_->StorageId(uri); }
  absl::Status PutStorageId(const std::string& uri, const std::string& id) override {
    return inner_->PutStorageId(uri, id);
  }

 private:
  const std::unique_ptr<jobmanager::MetadataStore> inner_;
};

class WrappedSink : public taskmanager::TwoPhaseCommitSink {
 public:
  WrappedSink(std::unique_ptr<TwoPhaseCommitSink> inner, const taskmanager::SinkContext& context)
      : inner_(std::move(inner)), context_(context) {}
  std::string connector() const override { return inner_->connector(); }
  absl::Status Open() override { return inner_->Open(); }
  absl::Status Write(const batch::Batch& batch) override { return inner_->Write(batch); }
  bool ReadyToSeal() const override { return inner_->ReadyToSeal(); }
  absl::StatusOr<std::unique_ptr<taskmanager::SealedTransaction>> Seal(CheckpointId checkpoint) override {
    return inner_->Seal(checkpoint);
  }
  absl::Status Commit(const std::string& handle) override { return inner_->Commit(handle); }
  absl::Status Resolve(const std::string& handle) override { return inner_->Resolve(handle); }
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) override {
    return inner_->ResolveAll(handles);
  }
  absl::Status Sweep() override { return inner_->Sweep(); }
  bool SweepsWhileRunning() const override { return inner_->SweepsWhileRunning(); }
  absl::Status Flush() override { return inner_->Flush(); }
  control::SinkTransactions Transactions() const override { return inner_->Transactions(); }

 protected:
  const taskmanager::SinkContext& context() const { return context_; }

 private:
  const std::unique_ptr<TwoPhaseCommitSink> inner_;
  const taskmanager::SinkContext context_;
};

class WrappedCoordinator : public taskmanager::kafka::TransactionCoordinator {
 public:
  using EndOutcome = taskmanager::kafka::EndOutcome;
  using Identity = taskmanager::kafka::ProducerIdentity;
  using Description = taskmanager::kafka::TransactionDescription;
  using Marker = taskmanager::kafka::Marker;
  explicit WrappedCoordinator(std::unique_ptr<TransactionCoordinator> inner) : inner_(std::move(inner)) {}
  absl::StatusOr<EndOutcome> Commit(const std::string& id, const Identity& identity, int64_t deadline) override {
    return inner_->Commit(id, identity, deadline);
  }
  absl::StatusOr<Identity> Fence(const std::string& id, int64_t timeout_ms, int64_t deadline) override {
    return inner_->Fence(id, timeout_ms, deadline);
  }
  absl::StatusOr<std::optional<Description>> Describe(const std::string& id, int64_t deadline) override {
    return inner_->Describe(id, deadline);
  }
  absl::StatusOr<std::vector<taskmanager::kafka::ListedTransaction>> ListOngoing(const std::string& prefix,
                                                                                 int64_t deadline) override {
    return inner_->ListOngoing(prefix, deadline);
  }
  absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string& id, const std::string& topic, int32_t partition,
                                                   bool stable, int64_t deadline) override {
    return inner_->ReadMarker(id, topic, partition, stable, deadline);
  }
  absl::StatusOr<std::string> ClusterId(int64_t deadline) override { return inner_->ClusterId(deadline); }
  absl::StatusOr<std::string> TopicId(const std::string& topic, int64_t deadline) override {
    return inner_->TopicId(topic, deadline);
  }
  absl::StatusOr<bool> Supported(int64_t deadline) override { return inner_->Supported(deadline); }

 private:
  const std::unique_ptr<TransactionCoordinator> inner_;
};

}  // namespace weir::sim
