#include "jobmanager/metadata/file/record_codec.h"

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

namespace weir::jobmanager {
namespace {

constexpr char kMagic[] = "WJMR";
constexpr uint32_t kVersion = 1;

void Put(ByteWriter& w, const checkpoint::FileRef& v) {
  w.PutBytes(v.path);
  w.Put(v.size_bytes);
  w.Put(v.crc32c);
}
checkpoint::FileRef GetFile(ByteReader& r) {
  checkpoint::FileRef v;
  v.path = r.GetBytes();
  v.size_bytes = r.Get<uint64_t>();
  v.crc32c = r.Get<uint32_t>();
  return v;
}

void Put(ByteWriter& w, const std::vector<CompletedCheckpoint>& list) {
  w.PutVarint(list.size());
  for (const CompletedCheckpoint& v : list) {
    w.Put(v.id.value);
    w.Put(v.attempt.value);
    Put(w, v.manifest);
    w.Put<uint8_t>(v.savepoint);
    w.Put(v.completed_at_ms);
    w.Put(v.duration_ms);
    w.Put(v.size_bytes);
  }
}
std::vector<CompletedCheckpoint> GetCheckpoints(ByteReader& r) {
  std::vector<CompletedCheckpoint> list;
  for (uint64_t n = r.GetVarint(); n > 0 && r.ok(); --n) {
    CompletedCheckpoint v;
    v.id = CheckpointId(r.Get<int64_t>());
    v.attempt = Attempt(r.Get<int64_t>());
    v.manifest = GetFile(r);
    v.savepoint = r.Get<uint8_t>() != 0;
    v.completed_at_ms = r.Get<int64_t>();
    v.duration_ms = r.Get<int64_t>();
    v.size_bytes = r.Get<int64_t>();
    list.push_back(std::move(v));
  }
  return list;
}

void Put(ByteWriter& w, const JobFailure& v) {
  w.Put(static_cast<int32_t>(v.status.code()));
  w.PutBytes(std::string(v.status.message()));
  w.Put(static_cast<uint8_t>(v.domain));
  w.PutBytes(v.where);
  w.Put(v.at_ms);
}
JobFailure GetFailure(ByteReader& r) {
  JobFailure v;
  const auto code = static_cast<absl::StatusCode>(r.Get<int32_t>());
  v.status = absl::Status(code, std::string(r.GetBytes()));
  v.domain = static_cast<control::FailureDomain>(r.Get<uint8_t>());
  v.where = r.GetBytes();
  v.at_ms = r.Get<int64_t>();
  return v;
}

}  // namespace

std::string Seal(std::string bytes) {
  ByteWriter(&bytes).Put(Crc32c(bytes));
  return bytes;
}

absl::StatusOr<std::string> Unseal(std::string_view sealed) {
  if (sealed.size() < sizeof(uint32_t)) return absl::DataLossError("truncated");
  const std::string_view body = sealed.substr(0, sealed.size() - sizeof(uint32_t));
  if (ByteReader(sealed.substr(body.size())).Get<uint32_t>() != Crc32c(body)) {
    return absl::DataLossError("checksum differs");
  }
  return std::string(body);
}

std::string EncodeJobRecord(const JobRecord& v) {
  std::string out(kMagic);
  ByteWriter w(&out);
  w.Put(kVersion);
  w.PutBytes(v.id.value);
  w.PutBytes(v.name);
  w.PutBytes(v.storage);
  w.PutBytes(v.from);
  w.Put(static_cast<uint8_t>(v.unresolved));
  w.Put(v.epoch.value);
  w.Put(static_cast<uint8_t>(v.state));
  w.Put<int8_t>(v.end ? static_cast<int8_t>(*v.end) : int8_t{-1});
  w.Put(v.attempt.value);
  w.Put(v.restarts);
  w.Put<uint8_t>(v.stop_requested);
  w.Put<int64_t>(v.stop_savepoint ? v.stop_savepoint->value : -1);
  w.Put(v.last_id.value);
  w.Put(v.ids_reserved.value);
  Put(w, v.retained);
  Put(w, v.savepoints);
  w.Put<uint8_t>(v.staged.has_value());
  if (v.staged) Put(w, *v.staged);
  w.Put<uint8_t>(v.failure.has_value());
  if (v.failure) Put(w, *v.failure);
  w.PutVarint(v.pending.size());
  for (const PendingHandle& h : v.pending) {
    w.PutBytes(h.sink);
    w.Put(h.checkpoint.value);
    w.Put(h.owner_subtask);
    w.Put(h.deadline_ms);
  }
  w.Put(v.submitted_at_ms);
  w.Put(v.ended_at_ms);
  return Seal(std::move(out));
}

absl::StatusOr<JobRecord> DecodeJobRecord(std::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string body, Unseal(bytes));
  ByteReader r(body);
  if (r.GetRaw(4) != kMagic) return absl::DataLossError("not a job record");
  if (const auto version = r.Get<uint32_t>(); version != kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("job record of version ", version, ", this build reads ", kVersion));
  }
  JobRecord v;
  v.id.value = r.GetBytes();
  v.name = r.GetBytes();
  v.storage = r.GetBytes();
  v.from = r.GetBytes();
  v.unresolved = static_cast<Unresolved>(r.Get<uint8_t>());
  v.epoch = LeaderEpoch(r.Get<int64_t>());
  v.state = static_cast<JobState>(r.Get<uint8_t>());
  if (const auto end = r.Get<int8_t>(); end >= 0) v.end = static_cast<JobState>(end);
  v.attempt = Attempt(r.Get<int64_t>());
  v.restarts = r.Get<int64_t>();
  v.stop_requested = r.Get<uint8_t>() != 0;
  if (const auto id = r.Get<int64_t>(); id >= 0) v.stop_savepoint = CheckpointId(id);
  v.last_id = CheckpointId(r.Get<int64_t>());
  v.ids_reserved = CheckpointId(r.Get<int64_t>());
  v.retained = GetCheckpoints(r);
  v.savepoints = GetCheckpoints(r);
  if (r.Get<uint8_t>() != 0) v.staged = GetFile(r);
  if (r.Get<uint8_t>() != 0) v.failure = GetFailure(r);
  for (uint64_t n = r.GetVarint(); n > 0 && r.ok(); --n) {
    PendingHandle h;
    h.sink = r.GetBytes();
    h.checkpoint = CheckpointId(r.Get<int64_t>());
    h.owner_subtask = r.Get<int32_t>();
    h.deadline_ms = r.Get<int64_t>();
    v.pending.push_back(std::move(h));
  }
  v.submitted_at_ms = r.Get<int64_t>();
  v.ended_at_ms = r.Get<int64_t>();
  if (!r.AtEnd()) return absl::DataLossError("job record does not have the expected length");
  return v;
}

}  // namespace weir::jobmanager
