#pragma once

#include <map>
#include <string>
#include <vector>

#include "jobmanager/metadata/metadata_store.h"

namespace weir::jobmanager {

/// What outlives a JobManager.
struct MemoryMetadata {
  std::map<JobId, MetadataStore::StoredJob> jobs;
  std::map<std::string, std::string> storages;
  LeaderEpoch epoch;
};

/// A metadata store in memory that fails when told to. Thread: confined.
class MemoryMetadataStore final : public MetadataStore {
 public:
  explicit MemoryMetadataStore(MemoryMetadata* data) : data_(data), epoch_(data->epoch.value + 1) {
    data->epoch = epoch_;
  }

  LeaderEpoch epoch() const override { return epoch_; }
  absl::StatusOr<std::vector<StoredJob>> Load() override {
    std::vector<StoredJob> jobs;
    for (const auto& [id, job] : data_->jobs) jobs.push_back(job);
    return jobs;
  }
  absl::Status Create(const JobRecord& record, const std::string& spec) override {
    if (!failure.ok()) return failure;
    data_->jobs[record.id] = {record, spec};
    return absl::OkStatus();
  }
  absl::Status Put(const JobRecord& record) override {
    if (!failure.ok()) return failure;
    if (epoch_ < data_->epoch) return absl::AbortedError("a newer leader");
    StoredJob& stored = data_->jobs.at(record.id);
    if (record.attempt < stored.record.attempt || record.last_id < stored.record.last_id) {
      return absl::AbortedError("older than what is recorded");
    }
    stored.record = record;
    ++puts;
    return absl::OkStatus();
  }
  absl::Status Delete(const JobId& job) override {
    data_->jobs.erase(job);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> StorageId(const std::string& uri) override {
    return data_->storages[uri];
  }
  absl::Status PutStorageId(const std::string& uri, const std::string& id) override {
    data_->storages[uri] = id;
    return absl::OkStatus();
  }

  absl::Status failure;  // of every write while it is not OK
  int puts = 0;

 private:
  MemoryMetadata* const data_;
  const LeaderEpoch epoch_;
};

}  // namespace weir::jobmanager
