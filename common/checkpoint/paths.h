#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"

namespace weir::checkpoint {

/// Where a job's files lie in the checkpoint storage. What an attempt writes carries its number, so
/// that the sweep of older attempts can tell it without reading anything.
///
///   <job>/state/<attempt>/<task>-<subtask>/…           deltas and bases, written by the subtask
///   <job>/checkpoints/<id>-<epoch>-<attempt>.manifest  written by the JobManager
///   <job>/savepoints/<id>/manifest and files           self-contained
inline std::string StateRoot(const JobId& job) { return absl::StrCat(job.value, "/state/"); }
inline std::string StatePrefix(const JobId& job, Attempt attempt, SubtaskId subtask) {
  return absl::StrCat(StateRoot(job), attempt.value, "/", subtask.task, "-", subtask.index, "/");
}
inline std::string ManifestRoot(const JobId& job) {
  return absl::StrCat(job.value, "/checkpoints/");
}
inline std::string ManifestPath(const JobId& job, CheckpointId id, LeaderEpoch epoch,
                                Attempt attempt) {
  return absl::StrCat(ManifestRoot(job), id.value, "-", epoch.value, "-", attempt.value,
                      ".manifest");
}
inline std::string SavepointFolder(const JobId& job, CheckpointId id) {
  return absl::StrCat(job.value, "/savepoints/", id.value, "/");
}
inline std::string SavepointManifest(const JobId& job, CheckpointId id) {
  return SavepointFolder(job, id) + "manifest";
}

/// The attempt that wrote a file below StateRoot or ManifestRoot; -1 when the path is neither.
inline int64_t AttemptOfPath(const JobId& job, const std::string& path) {
  const std::string state = StateRoot(job), manifests = ManifestRoot(job);
  const char* digits = nullptr;
  if (path.compare(0, state.size(), state) == 0) {
    digits = path.c_str() + state.size();
  } else if (path.compare(0, manifests.size(), manifests) == 0) {
    const size_t dash = path.rfind('-');
    if (dash == std::string::npos || dash < manifests.size()) return -1;
    digits = path.c_str() + dash + 1;
  } else {
    return -1;
  }
  if (*digits < '0' || *digits > '9') return -1;
  return std::strtoll(digits, nullptr, 10);
}

}  // namespace weir::checkpoint
