#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/fs/file_system.h"
#include "common/runtime/sync.h"
#include "jobmanager/metadata/metadata_store.h"

namespace weir::jobmanager {

/// The metadata store in a folder of the JobManager's machine: one leader, held by a lock on the
/// folder.
///
/// Thread:  thread-safe.
/// Shape:   lock; epoch; storages; jobs/<id>.spec (written once), jobs/<id>.record (replaced as a
/// whole). Errors:  of Open: kFailedPrecondition: another JobManager uses the folder; kDataLoss: a
/// file is damaged, named.
class FileMetadataStore final : public MetadataStore {
 public:
  static absl::StatusOr<std::unique_ptr<FileMetadataStore>> Open(const std::string& folder);

  LeaderEpoch epoch() const override { return epoch_; }
  absl::StatusOr<std::vector<StoredJob>> Load() override;
  absl::Status Create(const JobRecord& record, const std::string& spec) override;
  absl::Status Put(const JobRecord& record) override;
  absl::Status Delete(const JobId& job) override;
  absl::StatusOr<std::string> StorageId(const std::string& uri) override;
  absl::Status PutStorageId(const std::string& uri, const std::string& id) override;

 private:
  explicit FileMetadataStore(std::string folder) : folder_(std::move(folder)) {}
  absl::Status Lock();
  absl::Status TakeEpoch();
  absl::Status CheckLeader();
  absl::Status PutLocked(const JobRecord& record);
  std::string SpecPath(const JobId& job) const;
  std::string RecordPath(const JobId& job) const;

  struct Stored {
    Attempt attempt;
    CheckpointId last_id;
  };
  const std::string folder_;
  std::unique_ptr<fs::FileLock> lock_;
  LeaderEpoch epoch_;
  runtime::Mutex mutex_;
  std::map<JobId, Stored> stored_;
};

}  // namespace weir::jobmanager
