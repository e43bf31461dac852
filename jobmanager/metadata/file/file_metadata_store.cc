#include "jobmanager/metadata/file/file_metadata_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"
#include "jobmanager/metadata/file/atomic_file.h"
#include "jobmanager/metadata/file/record_codec.h"

namespace weir::jobmanager {
namespace {

absl::StatusOr<std::string> ReadSealed(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path));
  auto body = Unseal(bytes);
  if (!body.ok()) return Annotate(body.status(), path);
  return body;
}

std::string EpochBytes(LeaderEpoch epoch) {
  std::string bytes;
  ByteWriter(&bytes).Put(epoch.value);
  return Seal(std::move(bytes));
}

absl::StatusOr<LeaderEpoch> ReadEpoch(const std::string& path) {
  auto body = ReadSealed(path);
  if (absl::IsNotFound(body.status())) return LeaderEpoch(0);
  if (!body.ok()) return body.status();
  return LeaderEpoch(ByteReader(*body).Get<int64_t>());
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileMetadataStore>> FileMetadataStore::Open(
    const std::string& folder) {
  std::unique_ptr<FileMetadataStore> store(new FileMetadataStore(folder));
  RETURN_IF_ERROR(MakeFolders(folder + "/jobs"));
  RETURN_IF_ERROR(store->Lock());
  RETURN_IF_ERROR(store->TakeEpoch());
  return store;
}

absl::Status FileMetadataStore::Lock() {
  const std::string path = folder_ + "/lock";
  auto lock = fs::Default().Lock(path, absl::StrCat(::getpid()));
  if (lock.error == EWOULDBLOCK) {
    const auto holder = ReadWholeFile(path);
    return absl::FailedPreconditionError(
        absl::StrCat("state_dir ", folder_, " is in use by another JobManager",
                     holder.ok() && !holder->empty() ? absl::StrCat(" (pid ", *holder, ")") : "",
                     "; stop it or give this one its own state_dir"));
  }
  if (!lock.ok()) return absl::ErrnoToStatus(lock.error, absl::StrCat("lock ", path));
  lock_ = std::move(lock.value);
  return absl::OkStatus();
}

absl::Status FileMetadataStore::TakeEpoch() {
  const std::string path = folder_ + "/epoch";
  ASSIGN_OR_RETURN(const LeaderEpoch before, ReadEpoch(path));
  epoch_ = LeaderEpoch(before.value + 1);
  return WriteFileAtomically(path, EpochBytes(epoch_));
}

absl::Status FileMetadataStore::CheckLeader() {
  ASSIGN_OR_RETURN(const LeaderEpoch recorded, ReadEpoch(folder_ + "/epoch"));
  if (recorded > epoch_) {
    return absl::AbortedError(absl::StrCat("leader epoch ", recorded.value, " is recorded in ",
                                           folder_, ", this JobManager has ", epoch_.value));
  }
  return absl::OkStatus();
}

std::string FileMetadataStore::SpecPath(const JobId& job) const {
  return absl::StrCat(folder_, "/jobs/", job.value, ".spec");
}
std::string FileMetadataStore::RecordPath(const JobId& job) const {
  return absl::StrCat(folder_, "/jobs/", job.value, ".record");
}

absl::StatusOr<std::vector<MetadataStore::StoredJob>> FileMetadataStore::Load() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  const auto entries = fs::Default().List(folder_ + "/jobs");
  if (!entries.ok()) return absl::ErrnoToStatus(entries.error, absl::StrCat("list ", folder_, "/jobs"));
  for (const fs::Entry& entry : entries.value) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  std::vector<StoredJob> jobs;
  constexpr std::string_view kSuffix = ".record";
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder_, "/jobs/", name);
    // A spec without a record is of a submission that was never answered; a temporary file of a put
    // that never was.
    if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix)) {
      const bool orphan = name.ends_with(".tmp") ||
                          (name.ends_with(".spec") &&
                           std::find(names.begin(), names.end(),
                                     name.substr(0, name.size() - 5) + ".record") == names.end());
      if (orphan) RETURN_IF_ERROR(DeleteFileDurably(path));
      continue;
    }
    ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path));
    auto record = DecodeJobRecord(bytes);
    if (!record.ok()) return Annotate(record.status(), path);
    ASSIGN_OR_RETURN(std::string spec, ReadSealed(SpecPath(record->id)));
    stored_[record->id] = {record->attempt, record->last_id};
    jobs.push_back({std::move(*record), std::move(spec)});
  }
  return jobs;
}

absl::Status FileMetadataStore::Create(const JobRecord& record, const std::string& spec) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckLeader());
  RETURN_IF_ERROR(WriteFileAtomically(SpecPath(record.id), Seal(spec)));
  return PutLocked(record);
}

absl::Status FileMetadataStore::Put(const JobRecord& record) {
  std::lock_guard lock(mutex_);
  if (stored_.find(record.id) == stored_.end()) {
    return absl::AbortedError(absl::StrCat("job ", record.id.value, " is not recorded"));
  }
  RETURN_IF_ERROR(CheckLeader());
  return PutLocked(record);
}

absl::Status FileMetadataStore::PutLocked(const JobRecord& record) {
  if (record.epoch != epoch_) {
    return absl::AbortedError(absl::StrCat("record of leader epoch ", record.epoch.value,
                                           ", the leader has ", epoch_.value));
  }
  if (auto it = stored_.find(record.id); it != stored_.end()) {
    if (record.attempt < it->second.attempt || record.last_id < it->second.last_id) {
      return absl::AbortedError(
          absl::StrCat("attempt ", record.attempt.value, " with checkpoint ", record.last_id.value,
                       " is older than what is recorded: ", it->second.attempt.value, ", ",
                       it->second.last_id.value));
    }
  }
  RETURN_IF_ERROR(WriteFileAtomically(RecordPath(record.id), EncodeJobRecord(record)));
  stored_[record.id] = {record.attempt, record.last_id};
  return absl::OkStatus();
}

absl::Status FileMetadataStore::Delete(const JobId& job) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckLeader());
  RETURN_IF_ERROR(DeleteFileDurably(RecordPath(job)));
  stored_.erase(job);
  return DeleteFileDurably(SpecPath(job));
}

absl::StatusOr<std::string> FileMetadataStore::StorageId(const std::string& uri) {
  std::lock_guard lock(mutex_);
  auto body = ReadSealed(folder_ + "/storages");
  if (absl::IsNotFound(body.status())) return std::string();
  if (!body.ok()) return body.status();
  ByteReader reader(*body);
  while (reader.remaining() > 0 && reader.ok()) {
    const std::string_view known = reader.GetBytes(), id = reader.GetBytes();
    if (known == uri) return std::string(id);
  }
  return std::string();
}

absl::Status FileMetadataStore::PutStorageId(const std::string& uri, const std::string& id) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckLeader());
  std::string bytes;
  auto body = ReadSealed(folder_ + "/storages");
  if (body.ok()) bytes = *body;
  if (!body.ok() && !absl::IsNotFound(body.status())) return body.status();
  ByteWriter writer(&bytes);
  writer.PutBytes(uri);
  writer.PutBytes(id);
  return WriteFileAtomically(folder_ + "/storages", Seal(std::move(bytes)));
}

}  // namespace weir::jobmanager
