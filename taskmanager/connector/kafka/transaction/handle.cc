#include "taskmanager/connector/kafka/transaction/handle.h"

#include <xxhash.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr char kMarkerWord[] = "weir1";
enum RecordFlag : uint8_t { kHasKey = 1, kHasValue = 2 };

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string Escape(const std::string& name) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    if (IsPlain(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

bool IsJobId(std::string_view text) {
  return text.size() == 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string PrefixOf(const JobId& job, const std::string& sink) {
  return absl::StrCat(job.value, "/", Escape(sink), "/");
}

std::string ToString(const TransactionalId& id) {
  return absl::StrCat(PrefixOf(id.job, id.sink), id.attempt.value, "/", id.subtask, "/", id.slot);
}

absl::StatusOr<TransactionalId> ParseTransactionalId(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  TransactionalId id;
  if (parts.size() == 5 && IsJobId(parts[0])) {
    const std::optional<std::string> sink = Unescape(parts[1]);
    if (sink.has_value() && absl::SimpleAtoi(parts[2], &id.attempt.value) && absl::SimpleAtoi(parts[3], &id.subtask) &&
        absl::SimpleAtoi(parts[4], &id.slot) && id.attempt.value >= 0 && id.subtask >= 0 && id.slot >= 0) {
      id.job.value = parts[0];
      id.sink = *sink;
      // Only the one way in which we write an id is ours.
      if (ToString(id) == text) return id;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("`", text, "` is not a transactional id of the form JOB/SINK/ATTEMPT/SUBTASK/SLOT"));
}

std::string EncodeHandle(const KafkaHandle& handle) {
  std::string out;
  ByteWriter w(&out);
  w.Put(KafkaHandle::kVersion);
  w.Put(static_cast<uint8_t>(handle.mode));
  w.PutBytes(handle.cluster_id);
  w.PutBytes(handle.transactional_id);
  w.Put(handle.identity.producer_id);
  w.Put(handle.identity.epoch);
  w.Put(handle.txn_protocol);
  w.Put(handle.checkpoint.value);
  w.Put(handle.started_ms);
  w.Put(handle.timeout_ms);
  w.PutBytes(handle.topic);
  w.PutBytes(handle.topic_id);
  w.Put(handle.marker_partition);
  w.Put(handle.records);
  w.Put(handle.checksum);
  w.PutVarint(handle.runs.size());
  for (const OffsetRun& run : handle.runs) {
    w.Put(run.partition);
    w.Put(run.first);
    w.Put(run.last);
    w.Put(run.records);
  }
  w.PutBytes(handle.wal);
  w.Put(static_cast<uint8_t>(handle.wal_in_file));
  return out;
}

absl::StatusOr<KafkaHandle> DecodeHandle(const std::string& bytes) {
  ByteReader r(bytes);
  const auto version = r.Get<uint8_t>();
  if (!r.ok() || version == 0) return absl::DataLossError("not a handle of a Kafka sink");
  if (version > KafkaHandle::kVersion) {
    return absl::DataLossError(absl::StrCat("a handle of a Kafka sink of version ", version, "; this program knows ",
                                            KafkaHandle::kVersion, ": start the job with the newer program"));
  }
  KafkaHandle handle;
  const auto mode = r.Get<uint8_t>();
  handle.mode = static_cast<KafkaHandle::Mode>(mode);
  handle.cluster_id = std::string(r.GetBytes());
  handle.transactional_id = std::string(r.GetBytes());
  handle.identity.producer_id = r.Get<int64_t>();
  handle.identity.epoch = r.Get<int16_t>();
  handle.txn_protocol = r.Get<uint8_t>();
  handle.checkpoint.value = r.Get<int64_t>();
  handle.started_ms = r.Get<int64_t>();
  handle.timeout_ms = r.Get<int64_t>();
  handle.topic = std::string(r.GetBytes());
  handle.topic_id = std::string(r.GetBytes());
  handle.marker_partition = r.Get<int32_t>();
  handle.records = r.Get<int64_t>();
  handle.checksum = r.Get<uint64_t>();
  const uint64_t runs = r.GetVarint();
  for (uint64_t i = 0; i < runs && r.ok(); ++i) {
    OffsetRun& run = handle.runs.emplace_back();
    run.partition = r.Get<int32_t>();
    run.first = r.Get<int64_t>();
    run.last = r.Get<int64_t>();
    run.records = r.Get<int64_t>();
  }
  handle.wal = std::string(r.GetBytes());
  handle.wal_in_file = r.Get<uint8_t>() != 0;
  if (!r.AtEnd() || mode > static_cast<uint8_t>(KafkaHandle::Mode::kReplay)) {
    return absl::DataLossError("a damaged handle of a Kafka sink");
  }
  if (handle.txn_protocol != 1) {
    return absl::DataLossError(absl::StrCat("the handle of ", handle.transactional_id, " needs transaction protocol ",
                                            handle.txn_protocol,
                                            "; this program knows 1: start the job with the newer program"));
  }
  return handle;
}

uint64_t RecordChecksum(int32_t partition, const void* key, size_t key_size, bool has_key, const void* value,
                        size_t value_size, bool has_value) {
  const uint64_t seed = (uint64_t{static_cast<uint32_t>(partition)} << 2) | (has_key ? 1 : 0) | (has_value ? 2 : 0);
  const uint64_t of_key = XXH3_64bits_withSeed(key, has_key ? key_size : 0, seed);
  return XXH3_64bits_withSeed(value, has_value ? value_size : 0, of_key);
}

void AppendRecord(const KafkaRecord& record, std::string* wal) {
  ByteWriter w(wal);
  w.Put(static_cast<uint8_t>((record.has_key ? kHasKey : 0) | (record.has_value ? kHasValue : 0)));
  w.Put(record.partition);
  w.Put(record.timestamp_ms);
  if (record.has_key) w.PutBytes(record.key);
  if (record.has_value) w.PutBytes(record.value);
  w.PutVarint(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    w.PutBytes(name);
    w.PutBytes(value);
  }
}

absl::Status VisitRecords(const std::string& wal, const std::function<absl::Status(KafkaRecord)>& found) {
  ByteReader r(wal);
  while (r.remaining() > 0) {
    KafkaRecord record;
    const auto flags = r.Get<uint8_t>();
    record.partition = r.Get<int32_t>();
    record.timestamp_ms = r.Get<int64_t>();
    record.has_key = (flags & kHasKey) != 0;
    record.has_value = (flags & kHasValue) != 0;
    if (record.has_key) record.key = std::string(r.GetBytes());
    if (record.has_value) record.value = std::string(r.GetBytes());
    const uint64_t headers = r.GetVarint();
    for (uint64_t i = 0; i < headers && r.ok(); ++i) {
      std::string name(r.GetBytes());
      record.headers.emplace_back(std::move(name), std::string(r.GetBytes()));
    }
    if (!r.ok() || flags > (kHasKey | kHasValue)) return absl::DataLossError("the kept records are damaged");
    RETURN_IF_ERROR(found(std::move(record)));
  }
  return r.ok() ? absl::OkStatus() : absl::DataLossError("the kept records are damaged");
}

absl::StatusOr<std::vector<KafkaRecord>> DecodeRecords(const std::string& wal) {
  std::vector<KafkaRecord> records;
  RETURN_IF_ERROR(VisitRecords(wal, [&records](KafkaRecord record) {
    records.push_back(std::move(record));
    return absl::OkStatus();
  }));
  return records;
}

std::string MarkerMetadata(const JobId& job, CheckpointId checkpoint) {
  return absl::StrCat(kMarkerWord, " ", job.value, " ", checkpoint.value);
}

std::optional<JobId> JobOfMarker(const Marker& marker) {
  const std::vector<std::string> parts = absl::StrSplit(marker.metadata, ' ');
  if (parts.size() != 3 || !IsJobId(parts[1])) return std::nullopt;
  JobId job{parts[1]};
  if (MarkerMetadata(job, marker.checkpoint) != marker.metadata) return std::nullopt;
  return job;
}

}  // namespace weir::taskmanager::kafka
