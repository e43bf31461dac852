#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "jobmanager/metadata/job_record.h"

namespace weir::jobmanager {

/// The durable memory of the leading JobManager. Opening one makes its owner the leader, with a new
/// epoch.
///
/// Thread:  thread-safe; every call may block on I/O.
/// Errors:  kAborted = refused for good: a newer leader, attempt or checkpoint is recorded; step
/// down.
///          Anything else says nothing about whether it was written: only repeating the same call
///          settles it.
/// Source:  design.md 5.6 (the put), E4 (fencing).
class MetadataStore {
 public:
  struct StoredJob {
    JobRecord record;
    std::string spec;  // serialized weir.v1.JobSpec
  };

  virtual ~MetadataStore() = default;
  virtual LeaderEpoch epoch() const = 0;
  virtual absl::StatusOr<std::vector<StoredJob>> Load() = 0;
  /// A new job. Repeating it is allowed.
  virtual absl::Status Create(const JobRecord& record, const std::string& spec) = 0;
  /// Accepted only under this leader's epoch and when neither attempt nor last_id goes back.
  /// Durable when it returns.
  virtual absl::Status Put(const JobRecord& record) = 0;
  virtual absl::Status Delete(const JobId& job) = 0;
  /// The id that this cluster knows a checkpoint storage by; empty: never seen.
  virtual absl::StatusOr<std::string> StorageId(const std::string& uri) = 0;
  virtual absl::Status PutStorageId(const std::string& uri, const std::string& id) = 0;
};

}  // namespace weir::jobmanager
