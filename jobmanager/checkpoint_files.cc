#include "jobmanager/checkpoint_files.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/checkpoint/paths.h"

namespace weir::jobmanager {
namespace {

using checkpoint::FileRef;
using checkpoint::Manifest;
using checkpoint::Storage;

/// A file that a manifest refers to and that is gone is damage, not an open question.
absl::Status MissingIsLoss(const absl::Status& status, const std::string& user_path) {
  if (!absl::IsNotFound(status)) return status;
  return absl::DataLossError(absl::StrCat(user_path, " is missing"));
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

absl::StatusOr<std::vector<std::string>> ListBelow(Storage& storage, std::string folder) {
  while (!folder.empty() && folder.back() == '/') folder.pop_back();
  return storage.List(folder);
}

void ForEachFile(Manifest* manifest, const std::function<void(SubtaskId, FileRef*)>& visit) {
  for (auto& subtask : manifest->subtasks) {
    for (auto& op : subtask.operators) {
      for (auto& handle : op.handles) {
        for (FileRef& file : handle.files) visit(subtask.subtask, &file);
      }
      for (auto& keyed : op.keyed) {
        for (FileRef& file : keyed.base) visit(subtask.subtask, &file);
        for (auto& delta : keyed.deltas) {
          if (!delta.is_inline()) visit(subtask.subtask, &delta.file);
        }
      }
    }
  }
}

bool HasHandles(const Manifest& manifest) {
  for (const auto& subtask : manifest.subtasks) {
    for (const auto& op : subtask.operators) {
      if (!op.handles.empty()) return true;
    }
  }
  return false;
}

void DropHandles(Manifest* manifest) {
  for (auto& subtask : manifest->subtasks) {
    for (auto& op : subtask.operators) op.handles.clear();
  }
}

absl::StatusOr<Manifest> ReadManifest(Storage& storage, const FileRef& file) {
  auto bytes = storage.Read(file);
  if (!bytes.ok()) return MissingIsLoss(bytes.status(), storage.UserPath(file.path));
  return checkpoint::DecodeManifest(*bytes, storage.UserPath(file.path));
}

absl::StatusOr<FileRef> WriteManifest(Storage& storage, const std::string& path,
                                      const Manifest& manifest) {
  return storage.Write(
      path, checkpoint::EncodeManifest(manifest),
      [] { return WEIR_FAILPOINT("before_manifest_rename"); },
      [] { return WEIR_FAILPOINT("after_manifest_rename"); });
}

absl::StatusOr<FileRef> CopySavepoint(Storage& storage, const FileRef& file) {
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(storage, file));
  DropHandles(&manifest);  // they are committed: the copy needs neither them nor their files
  const std::string folder = checkpoint::SavepointFolder(manifest.job, manifest.id);
  const std::string path = checkpoint::SavepointManifest(manifest.job, manifest.id);
  // What an interrupted copy left goes first; a manifest comes last, so without one nothing there
  // was promised.
  ASSIGN_OR_RETURN(const std::vector<std::string> left, ListBelow(storage, folder));
  for (const std::string& old : left) RETURN_IF_ERROR(storage.Delete(old));

  absl::Status status;
  int number = 0;
  std::map<std::string, FileRef> copies;  // several subtasks may refer to one file
  ForEachFile(&manifest, [&](SubtaskId subtask, FileRef* ref) {
    if (!status.ok()) return;
    auto known = copies.find(ref->path);
    if (known == copies.end()) {
      auto copy = storage.Copy(*ref, absl::StrCat(folder, number++, "-", BaseName(ref->path)));
      if (!copy.ok()) {
        status = MissingIsLoss(copy.status(), storage.UserPath(ref->path));
        return;
      }
      known = copies.emplace(ref->path, FileRef{copy->path, ref->size_bytes, ref->crc32c}).first;
    }
    *ref = known->second;
  });
  RETURN_IF_ERROR(status);
  manifest.savepoint = true;
  manifest.self_contained = true;
  return storage.Write(path, checkpoint::EncodeManifest(manifest));
}

absl::StatusOr<RestorePath> ParseRestorePath(const std::string& from) {
  std::string path = from;
  if (absl::StartsWith(path, "file://")) path = path.substr(7);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty() || path[0] != '/') {
    return absl::FailedPreconditionError(
        absl::StrCat("`", from,
                     "` is not an absolute path; give it as `weir checkpoints`, `savepoint` or "
                     "`stop` prints it"));
  }
  if (absl::EndsWith(path, "/manifest")) path.resize(path.size() - 9);
  if (!absl::EndsWith(path, ".manifest"))
    return RestorePath{absl::StrCat("file://", path), "manifest"};
  size_t root = path.size();
  for (int i = 0; i < 3 && root != std::string::npos && root > 0; ++i)
    root = path.rfind('/', root - 1);
  if (root == std::string::npos || root == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("`", from, "` does not lie in a checkpoint storage"));
  }
  return RestorePath{absl::StrCat("file://", path.substr(0, root)), path.substr(root + 1)};
}

absl::StatusOr<Manifest> ReadForRestore(Storage& storage, const RestorePath& path) {
  auto bytes = storage.ReadUnverified(path.manifest);
  const std::string name = storage.UserPath(path.manifest);
  if (absl::IsNotFound(bytes.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no checkpoint or savepoint at ", name));
  }
  if (!bytes.ok()) return bytes.status();
  ASSIGN_OR_RETURN(Manifest manifest, checkpoint::DecodeManifest(*bytes, name));
  if (manifest.self_contained) {
    // The files lie beside the manifest, wherever that was moved to.
    const std::string written = checkpoint::SavepointFolder(manifest.job, manifest.id);
    const std::string folder = path.manifest.substr(0, path.manifest.rfind('/') + 1);
    ForEachFile(&manifest, [&](SubtaskId, FileRef* file) {
      if (absl::StartsWith(file->path, written))
        file->path = folder + file->path.substr(written.size());
    });
  }
  return manifest;
}

absl::Status ImportFiles(Storage& from, Storage& to, bool same, const JobId& job,
                         Manifest* manifest) {
  absl::Status status;
  int number = 0;
  std::map<std::string, FileRef> taken;
  ForEachFile(manifest, [&](SubtaskId subtask, FileRef* ref) {
    if (!status.ok()) return;
    auto known = taken.find(ref->path);
    if (known == taken.end()) {
      const std::string path = absl::StrCat(checkpoint::StatePrefix(job, Attempt(0), subtask),
                                            number++, "-", BaseName(ref->path));
      absl::StatusOr<FileRef> copy;
      if (same) {
        copy = to.Copy(*ref, path);
      } else if (auto bytes = from.Read(*ref); bytes.ok()) {
        copy = to.Write(path, *bytes);
      } else {
        copy = bytes.status();
      }
      if (!copy.ok()) {
        status = MissingIsLoss(copy.status(), from.UserPath(ref->path));
        return;
      }
      known = taken.emplace(ref->path, FileRef{path, ref->size_bytes, ref->crc32c}).first;
    }
    *ref = known->second;
  });
  if (status.ok()) return status;
  for (const auto& [path, file] : taken) (void)to.Delete(file.path);
  return status;
}

absl::StatusOr<int> SweepOlderAttempts(Storage& storage, const JobId& job, Attempt attempt,
                                       const std::set<std::string>& keep) {
  int deleted = 0;
  for (const std::string& folder : {checkpoint::StateRoot(job), checkpoint::ManifestRoot(job)}) {
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListBelow(storage, folder));
    for (const std::string& path : paths) {
      const int64_t writer = checkpoint::AttemptOfPath(job, path);
      if (writer < 0 || writer >= attempt.value || keep.contains(path)) continue;
      RETURN_IF_ERROR(storage.Delete(path));
      ++deleted;
    }
  }
  return deleted;
}

}  // namespace weir::jobmanager
