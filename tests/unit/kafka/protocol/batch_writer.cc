#include "tests/unit/kafka/protocol/batch_writer.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "common/base/crc32c.h"
#include "taskmanager/connector/kafka/protocol/wire.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

void PutVarlong(std::string* out, int64_t value) {
  uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (; bits >= 0x80; bits >>= 7) out->push_back(static_cast<char>(bits | 0x80));
  out->push_back(static_cast<char>(bits));
}

void PutSized(std::string* out, const std::string& bytes, bool present = true) {
  PutVarlong(out, present ? static_cast<int64_t>(bytes.size()) : -1);
  if (present) out->append(bytes);
}

std::string Snappy(const std::string& bytes) {
  std::string out(snappy_max_compressed_length(bytes.size()), '\0');
  size_t size = out.size();
  snappy_compress(bytes.data(), bytes.size(), out.data(), &size);
  out.resize(size);
  return out;
}

}  // namespace

std::string Compress(Compression compression, bool xerial, const std::string& bytes) {
  std::string out;
  switch (compression) {
    case Compression::kNone: return bytes;
    case Compression::kGzip: {
      z_stream stream{};
      deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
      out.resize(deflateBound(&stream, bytes.size()) + 64);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(bytes.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      deflate(&stream, Z_FINISH);
      out.resize(stream.total_out);
      deflateEnd(&stream);
      return out;
    }
    case Compression::kSnappy: {
      if (!xerial) return Snappy(bytes);
      out = std::string("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
      for (size_t at = 0; at < bytes.size(); at += 32 << 10) {
        const std::string block = Snappy(bytes.substr(at, 32 << 10));
        WireWriter(&out, false).PutBytes(block);
      }
      return out;
    }
    case Compression::kLz4:
      out.resize(LZ4F_compressFrameBound(bytes.size(), nullptr));
      out.resize(LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), nullptr));
      return out;
    case Compression::kZstd:
      out.resize(ZSTD_compressBound(bytes.size()));
      out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
      return out;
  }
  return out;
}

std::string WriteBatch(const std::vector<KafkaRecord>& records, const BatchOptions& options) {
  std::string body;
  const int64_t base_timestamp = records.empty() ? 0 : records.front().timestamp_ms;
  int64_t max_timestamp = base_timestamp;
  for (const KafkaRecord& record : records) {
    std::string one(1, '\0');
    PutVarlong(&one, record.timestamp_ms - base_timestamp);
    PutVarlong(&one, record.offset - options.base_offset);
    PutSized(&one, record.key, record.has_key);
    PutSized(&one, record.value, record.has_value);
    PutVarlong(&one, static_cast<int64_t>(record.headers.size()));
    for (const auto& [name, value] : record.headers) {
      PutSized(&one, name);
      PutSized(&one, value);
    }
    PutSized(&body, one);
    max_timestamp = std::max(max_timestamp, record.timestamp_ms);
  }
  body = Compress(options.compression, options.xerial, body);
  std::string batch;
  WireWriter out(&batch, false);
  out.Put(options.base_offset);
  out.Put(static_cast<int32_t>(49 + body.size()));
  out.Put(int32_t{0});
  out.Put(int8_t{2});
  out.Put(uint32_t{0});  // checksum
  out.Put(static_cast<int16_t>(static_cast<int>(options.compression) | (options.log_append_time ? 8 : 0) | 16 |
                               (options.control ? 32 : 0)));
  out.Put(static_cast<int32_t>(records.empty() ? 0 : records.back().offset - options.base_offset));
  out.Put(base_timestamp);
  out.Put(max_timestamp);
  out.Put(options.producer.producer_id);
  out.Put(options.producer.epoch);
  out.Put(int32_t{0});
  out.Put(static_cast<int32_t>(records.size()));
  out.PutRaw(body);
  Seal(&batch);
  return batch;
}

void Seal(std::string* batch) {
  std::string crc;
  WireWriter(&crc, false).Put(Crc32c(std::string_view(*batch).substr(21)));
  batch->replace(17, 4, crc);
}

KafkaRecord Record(int64_t offset, const std::string& key, const std::string& value) {
  KafkaRecord record;
  record.partition = 5;
  record.offset = offset;
  record.timestamp_ms = 1'700'000'000'000 + offset * 3;
  record.has_key = !key.empty();
  record.key = key;
  record.value = value;
  return record;
}

}  // namespace weir::taskmanager::kafka::protocol
