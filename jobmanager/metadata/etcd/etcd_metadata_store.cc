#include "jobmanager/metadata/etcd/etcd_metadata_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "jobmanager/metadata/file/record_codec.h"

namespace weir::jobmanager {
namespace {

/// etcd takes requests of up to 1.5 MB.
constexpr size_t kPartBytes = 512 * 1024;
constexpr size_t kMaxRecordBytes = 1024 * 1024;
constexpr int64_t kKeysPerRead = 32;  // of at most kPartBytes or kMaxRecordBytes

using etcd::Operation;
using etcd::TransactionResult;

}  // namespace

EtcdMetadataStore::EtcdMetadataStore(std::shared_ptr<etcd::Client> client, std::string prefix,
                                     LeaderEpoch epoch)
    : client_(std::move(client)), keys_(std::move(prefix)), epoch_(epoch) {}

etcd::Compare EtcdMetadataStore::Guard() const {
  return {keys_.Leader(), etcd::Compare::Of::kCreateRevision, epoch_.value};
}

absl::Status EtcdMetadataStore::Deposed(const std::vector<etcd::KeyValue>& leader) const {
  if (leader.empty()) {
    return absl::AbortedError(absl::StrCat("the lead of epoch ", epoch_.value, " has ended in etcd"));
  }
  return absl::AbortedError(absl::StrCat("the JobManager at ", leader[0].value, " leads with epoch ",
                                         leader[0].create_revision, ", this one had ",
                                         epoch_.value));
}

absl::StatusOr<TransactionResult> EtcdMetadataStore::WhileLeading(
    std::vector<Operation> operations) {
  ASSIGN_OR_RETURN(TransactionResult result,
                   client_->Transact({{Guard()}, std::move(operations), {etcd::Range{keys_.Leader()}}}));
  if (result.succeeded) return result;
  return Deposed(result.ranges.empty() ? std::vector<etcd::KeyValue>() : result.ranges[0]);
}

absl::StatusOr<std::map<std::string, EtcdMetadataStore::Found>> EtcdMetadataStore::ReadJobs() {
  std::map<std::string, Found> jobs;
  const std::string folder = keys_.Jobs(), end = etcd::Keys::EndOf(folder);
  std::string from = folder;
  while (true) {
    ASSIGN_OR_RETURN(const TransactionResult result,
                     WhileLeading({etcd::Range{from, end, kKeysPerRead}}));
    const std::vector<etcd::KeyValue>& keys = result.ranges.at(0);
    for (const etcd::KeyValue& key : keys) {
      const std::string rest = key.key.substr(folder.size());
      const size_t slash = rest.find('/');
      if (slash == std::string::npos) continue;
      Found& job = jobs[rest.substr(0, slash)];
      if (rest.substr(slash + 1) == "record") {
        job.record = key.value;
        job.revision = key.mod_revision;
      } else {
        job.spec += key.value;  // the parts' names ascend
      }
    }
    if (static_cast<int64_t>(keys.size()) < kKeysPerRead) return jobs;
    from = keys.back().key + '\0';
  }
}

absl::StatusOr<std::vector<MetadataStore::StoredJob>> EtcdMetadataStore::Load() {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const auto found, ReadJobs());
  std::vector<StoredJob> jobs;
  for (const auto& [id, job] : found) {
    if (job.revision == 0) {
      // Of a submission that was never answered.
      const std::string folder = keys_.Job(JobId{id});
      RETURN_IF_ERROR(
          WhileLeading({etcd::DeleteRange{folder, etcd::Keys::EndOf(folder)}}).status());
      continue;
    }
    auto record = DecodeJobRecord(job.record);
    if (!record.ok()) {
      return Annotate(record.status(), absl::StrCat("etcd's ", keys_.Record(JobId{id})));
    }
    auto spec = Unseal(job.spec);
    if (!spec.ok()) {
      return Annotate(spec.status(), absl::StrCat("etcd's ", keys_.Spec(JobId{id})));
    }
    stored_[record->id] = {record->attempt, record->last_id, job.revision};
    jobs.push_back({*std::move(record), *std::move(spec)});
  }
  return jobs;
}

absl::Status EtcdMetadataStore::Create(const JobRecord& record, const std::string& spec) {
  std::lock_guard lock(mutex_);
  const std::string sealed = Seal(spec);
  int part = 0;
  for (size_t at = 0; at < sealed.size(); at += kPartBytes) {
    const std::string key = keys_.Spec(record.id) + absl::StrFormat("%06d", part++);
    RETURN_IF_ERROR(WhileLeading({etcd::Put{key, sealed.substr(at, kPartBytes)}}).status());
  }
  return PutLocked(record);
}

absl::Status EtcdMetadataStore::Put(const JobRecord& record) {
  std::lock_guard lock(mutex_);
  if (!stored_.contains(record.id)) {
    return absl::AbortedError(absl::StrCat("job ", record.id.value, " is not recorded"));
  }
  return PutLocked(record);
}

absl::Status EtcdMetadataStore::PutLocked(const JobRecord& record) {
  if (record.epoch != epoch_) {
    return absl::AbortedError(absl::StrCat("record of leader epoch ", record.epoch.value,
                                           ", the leader has ", epoch_.value));
  }
  Stored& stored = stored_[record.id];
  if (record.attempt < stored.attempt || record.last_id < stored.last_id) {
    return absl::AbortedError(absl::StrCat(
        "attempt ", record.attempt.value, " with checkpoint ", record.last_id.value,
        " is older than what is recorded: ", stored.attempt.value, ", ", stored.last_id.value));
  }
  const std::string key = keys_.Record(record.id), bytes = EncodeJobRecord(record);
  if (bytes.size() > kMaxRecordBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the record of job `", record.name, "` has ", bytes.size(),
                     " bytes, and etcd takes no more than ", kMaxRecordBytes, "; it has ",
                     record.savepoints.size(), " savepoints"));
  }
  ASSIGN_OR_RETURN(
      const TransactionResult result,
      client_->Transact(
          {{Guard(), {key, etcd::Compare::Of::kModRevision, stored.revision}},
           {etcd::Put{key, bytes}},
           {etcd::Range{keys_.Leader()}, etcd::Range{key}}}));
  if (!result.succeeded) {
    const auto& leader = result.ranges.at(0);
    const auto& found = result.ranges.at(1);
    if (leader.empty() || leader[0].create_revision != epoch_.value) return Deposed(leader);
    // Ours, of a put whose answer was lost: it is there.
    if (found.empty() || found[0].value != bytes) {
      return absl::AbortedError(absl::StrCat("etcd's ", key, " was changed by somebody else"));
    }
    stored = {record.attempt, record.last_id, found[0].mod_revision};
    return absl::OkStatus();
  }
  stored = {record.attempt, record.last_id, result.revision};
  return absl::OkStatus();
}

absl::Status EtcdMetadataStore::Delete(const JobId& job) {
  std::lock_guard lock(mutex_);
  const std::string folder = keys_.Job(job);
  RETURN_IF_ERROR(WhileLeading({etcd::DeleteRange{folder, etcd::Keys::EndOf(folder)}}).status());
  stored_.erase(job);
  return absl::OkStatus();
}

absl::StatusOr<std::string> EtcdMetadataStore::StorageId(const std::string& uri) {
  ASSIGN_OR_RETURN(const TransactionResult result,
                   WhileLeading({etcd::Range{keys_.Storage(uri)}}));
  const auto& found = result.ranges.at(0);
  return found.empty() ? std::string() : found[0].value;
}

absl::Status EtcdMetadataStore::PutStorageId(const std::string& uri, const std::string& id) {
  return WhileLeading({etcd::Put{keys_.Storage(uri), id}}).status();
}

}  // namespace weir::jobmanager
