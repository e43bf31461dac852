#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"
#include "common/checkpoint/storage.h"

namespace weir::jobmanager {

// What a JobManager does with files of the checkpoint storage. Every function blocks: for workers
// only.

/// kDataLoss: damaged or missing, naming the file. kUnavailable: the storage is not there, nothing
/// is known.
absl::StatusOr<checkpoint::Manifest> ReadManifest(checkpoint::Storage& storage,
                                                  const checkpoint::FileRef& file);

/// Durable when it returns. Hits the failpoints before_manifest_rename and after_manifest_rename.
absl::StatusOr<checkpoint::FileRef> WriteManifest(checkpoint::Storage& storage,
                                                  const std::string& path,
                                                  const checkpoint::Manifest& manifest);

/// Copies a completed checkpoint whose commits are confirmed into its savepoint folder, without
/// handles. Repeatable.
absl::StatusOr<checkpoint::FileRef> CopySavepoint(checkpoint::Storage& storage,
                                                  const checkpoint::FileRef& manifest);

/// What `--from` names.
struct RestorePath {
  std::string storage;   // URI of the root to open
  std::string manifest;  // path below it
};
/// `from` is the manifest of a checkpoint, or the folder of a savepoint (wherever it was moved to);
/// with or without `file://`. kFailedPrecondition: neither.
absl::StatusOr<RestorePath> ParseRestorePath(const std::string& from);

/// Reads the manifest that `from` names; paths of its files are below `path.storage` then. Errors
/// as ReadManifest, and kFailedPrecondition: there is none.
absl::StatusOr<checkpoint::Manifest> ReadForRestore(checkpoint::Storage& storage,
                                                    const RestorePath& path);

/// Takes every file of `manifest` over into the folder of `job` in `to`, and rewrites the
/// references. `same`: both are one storage. On an error what was written is deleted again.
absl::Status ImportFiles(checkpoint::Storage& from, checkpoint::Storage& to, bool same,
                         const JobId& job, checkpoint::Manifest* manifest);

/// Deletes files of `job` that attempts before `attempt` wrote, except `keep`. How many; stops at
/// the first error.
absl::StatusOr<int> SweepOlderAttempts(checkpoint::Storage& storage, const JobId& job,
                                       Attempt attempt, const std::set<std::string>& keep);

/// Storage::List of a folder given with its slash, as checkpoint/paths.h has them.
absl::StatusOr<std::vector<std::string>> ListBelow(checkpoint::Storage& storage,
                                                   std::string folder);

/// Every reference to a file in a manifest.
void ForEachFile(checkpoint::Manifest* manifest,
                 const std::function<void(SubtaskId, checkpoint::FileRef*)>& visit);
bool HasHandles(const checkpoint::Manifest& manifest);
void DropHandles(checkpoint::Manifest* manifest);

}  // namespace weir::jobmanager
