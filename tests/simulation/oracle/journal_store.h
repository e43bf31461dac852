#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jobmanager/metadata/metadata_store.h"
#include "tests/simulation/oracle/journal.h"

namespace weir::sim {

/// Notes what a metadata store is asked to record and what it accepts. Thread: as the store.
class JournalStore final : public jobmanager::MetadataStore {
 public:
  JournalStore(std::unique_ptr<jobmanager::MetadataStore> inner, Journal* journal)
      : inner_(std::move(inner)), journal_(journal) {}

  LeaderEpoch epoch() const override { return inner_->epoch(); }
  absl::StatusOr<std::vector<StoredJob>> Load() override { return inner_->Load(); }
  absl::Status Create(const jobmanager::JobRecord& record, const std::string& spec) override;
  absl::Status Put(const jobmanager::JobRecord& record) override;
  absl::Status Delete(const JobId& job) override { return inner_->Delete(job); }
  absl::StatusOr<std::string> StorageId(const std::string& uri) override { return inner_->StorageId(uri); }
  absl::Status PutStorageId(const std::string& uri, const std::string& id) override {
    return inner_->PutStorageId(uri, id);
  }

 private:
  std::unique_ptr<jobmanager::MetadataStore> inner_;
  Journal* const journal_;
};

}  // namespace weir::sim
