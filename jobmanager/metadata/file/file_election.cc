#include "jobmanager/metadata/file/file_election.h"

#include <mutex>
#include <utility>

#include "common/base/status_macros.h"
#include "jobmanager/metadata/file/file_metadata_store.h"

namespace weir::jobmanager {

absl::StatusOr<std::unique_ptr<MetadataStore>> FileElection::Campaign() {
  ASSIGN_OR_RETURN(std::unique_ptr<MetadataStore> store, FileMetadataStore::Open(folder_));
  return store;
}

absl::Status FileElection::Hold() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || !abandoned_.ok(); });
  return stopped_ ? absl::CancelledError("the JobManager is leaving") : abandoned_;
}

void FileElection::Abandon(absl::Status why) {
  std::lock_guard lock(mutex_);
  if (abandoned_.ok()) abandoned_ = std::move(why);
  changed_.notify_all();
}

void FileElection::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace weir::jobmanager
