#include "taskmanager/connector/kafka/protocol/record_batch.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/wire.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

constexpr size_t kOffsetAndSize = 12;
constexpr size_t kFormatAt = 16;     // in every format
constexpr size_t kChecksummed = 21;  // format 2: from the attributes on
constexpr size_t kHeader = 61;

absl::Status Damaged(int64_t offset, std::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the batch at offset ", offset, " ", absl::string_view(what.data(), what.size())));
}

}  // namespace

absl::StatusOr<std::optional<RecordBatch>> NextBatch(std::string_view* log) {
  if (log->size() < kFormatAt + 1) return std::nullopt;
  RecordBatch batch;
  WireReader in(*log, false);
  batch.base_offset = in.Get<int64_t>();
  const auto size = in.Get<int32_t>();
  in.Get<int32_t>();  // the leader's epoch
  batch.format = in.Get<int8_t>();
  const int32_t least = batch.format >= 2 ? static_cast<int32_t>(kHeader - kOffsetAndSize) : 14;
  if (batch.base_offset < 0 || batch.format < 0 || size < least) return Damaged(batch.base_offset, "has an impossible size");
  if (static_cast<size_t>(size) > log->size() - kOffsetAndSize) return std::nullopt;
  const std::string_view bytes = log->substr(0, kOffsetAndSize + static_cast<size_t>(size));
  log->remove_prefix(bytes.size());
  if (batch.format < 2) {
    batch.last_offset = batch.base_offset;  // a compressed set carries the offset of its last record
    return batch;
  }
  if (batch.format > 2) return Damaged(batch.base_offset, "has a format that is not known");
  const auto crc = in.Get<uint32_t>();
  if (Crc32c(bytes.substr(kChecksummed)) != crc) return Damaged(batch.base_offset, "does not match its checksum");
  const auto attributes = in.Get<int16_t>();
  const auto last_delta = in.Get<int32_t>();
  batch.base_timestamp_ms = in.Get<int64_t>();
  batch.max_timestamp_ms = in.Get<int64_t>();
  batch.producer.producer_id = in.Get<int64_t>();
  batch.producer.epoch = in.Get<int16_t>();
  in.Get<int32_t>();  // sequence
  batch.record_count = in.Get<int32_t>();
  if (last_delta < 0 || batch.base_offset > INT64_MAX - last_delta || batch.record_count < 0) {
    return Damaged(batch.base_offset, "has impossible counts");
  }
  batch.last_offset = batch.base_offset + last_delta;
  batch.compression = static_cast<Compression>(attributes & 7);
  batch.log_append_time = (attributes & 8) != 0;
  batch.transactional = (attributes & 16) != 0;
  batch.control = (attributes & 32) != 0;
  batch.records = bytes.substr(kHeader);
  return batch;
}

namespace {

/// The value of length `size`; -1 is null.
std::string_view Sized(WireReader& in, int32_t size, bool* present) {
  *present = size >= 0;
  if (size < -1) in.Reject();
  return size <= 0 ? std::string_view() : in.GetRaw(static_cast<uint64_t>(size));
}

/// False: damaged.
bool ReadRecord(std::string_view bytes, const RecordBatch& batch, KafkaRecord* record) {
  WireReader in(bytes, false);
  in.Get<int8_t>();  // attributes: none are in use
  const int64_t timestamp_delta = in.GetVarlong();
  const int32_t offset_delta = in.GetVarint();
  if (offset_delta < 0 || offset_delta > batch.last_offset - batch.base_offset) return false;
  record->offset = batch.base_offset + offset_delta;
  // Unsigned: a damaged sum may wrap, and nothing depends on it.
  record->timestamp_ms = batch.log_append_time ? batch.max_timestamp_ms
                                               : static_cast<int64_t>(static_cast<uint64_t>(batch.base_timestamp_ms) +
                                                                      static_cast<uint64_t>(timestamp_delta));
  record->key = Sized(in, in.GetVarint(), &record->has_key);
  record->value = Sized(in, in.GetVarint(), &record->has_value);
  const int32_t headers = in.GetVarint();
  if (headers < 0 || static_cast<uint64_t>(headers) > in.remaining() / 2) return false;
  record->headers.reserve(static_cast<size_t>(headers));
  for (int32_t i = 0; i < headers && in.ok(); ++i) {
    bool present = false;
    const std::string_view name = Sized(in, in.GetVarint(), &present);
    if (!present) return false;
    const std::string_view value = Sized(in, in.GetVarint(), &present);
    record->headers.emplace_back(name, value);
  }
  return in.AtEnd();
}

}  // namespace

absl::Status ForEachRecord(const RecordBatch& batch, int32_t partition, size_t most_bytes,
                           const std::function<absl::Status(KafkaRecord)>& found) {
  if (batch.format != 2 || batch.control) return absl::OkStatus();
  std::string unfolded;
  std::string_view records = batch.records;
  if (batch.compression != Compression::kNone) {
    auto decompressed = Decompress(batch.compression, batch.records, most_bytes);
    if (!decompressed.ok()) return Annotate(decompressed.status(), absl::StrCat("the batch at offset ", batch.base_offset));
    unfolded = *std::move(decompressed);
    records = unfolded;
  }
  WireReader in(records, false);
  for (int32_t i = 0; i < batch.record_count; ++i) {
    const int32_t size = in.GetVarint();
    if (size < 0) return Damaged(batch.base_offset, "holds a record of impossible size");
    const std::string_view bytes = in.GetRaw(static_cast<uint64_t>(size));
    KafkaRecord record;
    record.partition = partition;
    if (!in.ok() || !ReadRecord(bytes, batch, &record)) {
      return Damaged(batch.base_offset, absl::StrCat("holds a damaged record, number ", i));
    }
    RETURN_IF_ERROR(found(std::move(record)));
  }
  if (!in.AtEnd()) return Damaged(batch.base_offset, "holds more than its records");
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::kafka::protocol
