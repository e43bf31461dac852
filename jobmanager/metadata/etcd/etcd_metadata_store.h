#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/runtime/sync.h"
#include "jobmanager/metadata/etcd/etcd_client.h"
#include "jobmanager/metadata/etcd/etcd_keys.h"
#include "jobmanager/metadata/metadata_store.h"

namespace weir::jobmanager {

/// The metadata store in etcd, under one lead.
///
/// Thread:    thread-safe.
/// Invariant: every write is a transaction that holds only while the leader's key is the one of this
///            epoch, and a record's only while it is the revision that was written last: a write that
///            was given up and arrives late changes nothing.
/// Errors:    of writes: kAborted: another JobManager leads, or a record was changed by somebody
///            else. kResourceExhausted: a record of more than 1 MiB.
class EtcdMetadataStore final : public MetadataStore {
 public:
  EtcdMetadataStore(std::shared_ptr<etcd::Client> client, std::string prefix, LeaderEpoch epoch);

  LeaderEpoch epoch() const override { return epoch_; }
  absl::StatusOr<std::vector<StoredJob>> Load() override;
  absl::Status Create(const JobRecord& record, const std::string& spec) override;
  absl::Status Put(const JobRecord& record) override;
  absl::Status Delete(const JobId& job) override;
  absl::StatusOr<std::string> StorageId(const std::string& uri) override;
  absl::Status PutStorageId(const std::string& uri, const std::string& id) override;

 private:
  struct Stored {
    Attempt attempt;
    CheckpointId last_id{-1};
    int64_t revision = 0;
  };
  struct Found {
    std::string record, spec;
    int64_t revision = 0;
  };

  /// `operations` while this one leads.
  absl::StatusOr<etcd::TransactionResult> WhileLeading(std::vector<etcd::Operation> operations);
  absl::StatusOr<std::map<std::string, Found>> ReadJobs();
  absl::Status PutLocked(const JobRecord& record);
  etcd::Compare Guard() const;
  absl::Status Deposed(const std::vector<etcd::KeyValue>& leader) const;

  const std::shared_ptr<etcd::Client> client_;
  const etcd::Keys keys_;
  const LeaderEpoch epoch_;
  runtime::Mutex mutex_;
  std::map<JobId, Stored> stored_;
};

}  // namespace weir::jobmanager
