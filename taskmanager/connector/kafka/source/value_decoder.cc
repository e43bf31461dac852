#include "taskmanager/connector/kafka/source/value_decoder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

/// Buffers that are kept for use again: of the batches on their way through the task.
constexpr size_t kKeptBuffers = 4;
constexpr size_t kLeastBuffer = size_t{64} << 10;

const char* Find(const Value& value, char c) {
  return static_cast<const char*>(std::memchr(value.data, c, value.size));
}

bool IsBlank(const Value& value) {
  return std::all_of(value.data, value.data + value.size, [](char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  });
}

/// Without the line end that some producers put behind a line.
size_t TrimmedSize(const Value& value) {
  size_t size = value.size;
  if (size > 0 && value.data[size - 1] == '\n') --size;
  if (size > 0 && value.data[size - 1] == '\r') --size;
  return size;
}

}  // namespace

batch::Batch EmptyBatch(const batch::SchemaPtr& schema) {
  batch::Batch batch;
  batch.schema = schema;
  for (const batch::Field& field : schema->fields) batch.columns.push_back(batch::Column::Allocate(field.type, 0));
  return batch;
}

absl::StatusOr<std::unique_ptr<ValueDecoder>> ValueDecoder::Make(DecoderOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder, MakeDecoder(options));
  return std::unique_ptr<ValueDecoder>(new ValueDecoder(options, std::move(decoder)));
}

ValueDecoder::ValueDecoder(const DecoderOptions& options, std::unique_ptr<Decoder> decoder)
    : format_(options.format),
      schema_(options.schema),
      decoder_(std::move(decoder)),
      raw_(options.schema, options.wanted, options.required) {}

batch::BufferPtr ValueDecoder::Room(size_t size) {
  for (const batch::BufferPtr& buffer : buffers_) {
    if (buffer.use_count() == 1 && buffer->size() >= size) {
      std::atomic_thread_fence(std::memory_order_acquire);  // whoever read from it has ended
      return buffer;
    }
  }
  batch::BufferPtr made = batch::Buffer::Allocate(std::max(size + size / 4, kLeastBuffer));
  if (buffers_.size() < kKeptBuffers) {
    buffers_.push_back(made);
  } else {
    std::rotate(buffers_.begin(), buffers_.begin() + 1, buffers_.end());
    buffers_.back() = made;
  }
  return made;
}

ValueDecoder::Fit ValueDecoder::Judge(const Value& value, std::string* problem) const {
  if (value.data == nullptr) {
    *problem = "the record has no value";
    return Fit::kBad;
  }
  if (value.size == 0 || (static_cast<unsigned char>(value.data[0]) <= ' ' && IsBlank(value))) {
    *problem = "the record's value is empty";
    return Fit::kBad;
  }
  if (value.size > Decoder::kMaxRowBytes) {
    *problem = absl::StrCat("the value is longer than ", Decoder::kMaxRowBytes >> 20, " MiB");
    return Fit::kBad;
  }
  if (format_ != job::FormatType::kCsv) return Fit::kLine;
  const Value line{value.data, TrimmedSize(value)};
  if (Find(line, '\n') != nullptr) return Fit::kAlone;
  if (Find(line, '"') == nullptr) return Fit::kLine;
  return std::count(line.data, line.data + line.size, '"') % 2 == 0 ? Fit::kLine : Fit::kAlone;
}

int64_t ValueDecoder::HowMany(const Value* values, int64_t count, size_t* bytes) const {
  *bytes = 0;
  for (int64_t i = 0; i < count; ++i) {
    const size_t size = std::min(values[i].size, Decoder::kMaxRowBytes) + 1;
    if (i > 0 && *bytes + size > kMaxBytes) return i;
    *bytes += size;
  }
  return count;
}

ValueDecoder::Result ValueDecoder::Decode(const Value* values, int64_t count) {
  if (format_ == job::FormatType::kRaw) return DecodeRaw(values, count);
  Result result;
  size_t room = 0;
  count = HowMany(values, count, &room);
  const batch::BufferPtr buffer = Room(room);
  starts_.clear();
  indices_.clear();
  char* const base = buffer->data();
  char* p = base;
  std::string problem;
  for (; result.taken < count; ++result.taken) {
    const Value& value = values[result.taken];
    const Fit fit = Judge(value, &problem);
    if (fit == Fit::kAlone) {
      if (result.taken == 0) return DecodeAlone(value);
      break;
    }
    result.bytes += static_cast<int64_t>(value.size);
    if (fit == Fit::kBad) {
      result.bad.push_back({result.taken, std::move(problem)});
      continue;
    }
    starts_.push_back(static_cast<size_t>(p - base));
    indices_.push_back(result.taken);
    const size_t size = format_ == job::FormatType::kCsv ? TrimmedSize(value) : value.size;
    std::memcpy(p, value.data, size);
    if (std::memchr(p, '\n', size) != nullptr) std::replace(p, p + size, '\n', '\t');
    p += size;
    *p++ = '\n';
  }
  *p = '\0';
  if (starts_.empty()) {
    result.batch = EmptyBatch(schema_);
    return result;
  }
  DecodeInput input;
  input.buffer = buffer;
  input.to = input.stop = static_cast<size_t>(p - base);
  input.end_of_input = true;
  DecodeResult decoded = decoder_->Decode(input, static_cast<int64_t>(starts_.size()));
  result.batch = std::move(decoded.batch);
  if (decoded.bad.empty()) return result;
  for (BadRow& row : decoded.bad) {
    const auto line = std::upper_bound(starts_.begin(), starts_.end(), row.from) - starts_.begin() - 1;
    result.bad.push_back({indices_[line], std::move(row.message)});
  }
  std::sort(result.bad.begin(), result.bad.end(), [](const Bad& a, const Bad& b) { return a.index < b.index; });
  return result;
}

ValueDecoder::Result ValueDecoder::DecodeAlone(const Value& value) {
  Result result;
  result.taken = 1;
  result.bytes = static_cast<int64_t>(value.size);
  const batch::BufferPtr buffer = Room(value.size + 1);
  std::memcpy(buffer->data(), value.data, value.size);
  const size_t size = TrimmedSize(value);
  buffer->data()[size] = '\0';
  DecodeInput input;
  input.buffer = buffer;
  input.to = input.stop = size;
  input.end_of_input = true;
  DecodeResult decoded = decoder_->Decode(input, 2);
  if (decoded.batch.rows == 1 && decoded.bad.empty() && decoded.next == size) {
    result.batch = std::move(decoded.batch);
    return result;
  }
  result.batch = EmptyBatch(schema_);
  result.bad.push_back({0, decoded.bad.empty() ? "the value holds more than one row" : decoded.bad[0].message});
  return result;
}

ValueDecoder::Result ValueDecoder::DecodeRaw(const Value* values, int64_t count) {
  Result result;
  size_t room = 0;
  count = HowMany(values, count, &room);
  const bool wanted = schema_->size() > 0 && raw_.wanted(0);
  const batch::BufferPtr buffer = Room(wanted ? room : 1);
  char* p = buffer->data();
  raw_.Start(count);
  for (; result.taken < count; ++result.taken) {
    const Value& value = values[result.taken];
    result.bytes += static_cast<int64_t>(value.size);
    raw_.BeginRow();
    if (value.data == nullptr) {
      if (schema_->size() == 0 || (wanted && !raw_.SetNull(0))) {
        result.bad.push_back({result.taken, "the record has no value"});
        continue;
      }
    } else if (value.size > Decoder::kMaxRowBytes) {
      result.bad.push_back(
          {result.taken, absl::StrCat("the value is longer than ", Decoder::kMaxRowBytes >> 20, " MiB")});
      continue;
    } else if (wanted) {
      std::memcpy(p, value.data, value.size);
      raw_.SetText(0, {p, value.size});
      p += value.size;
    }
    raw_.EndRow(nullptr);
  }
  result.batch = raw_.Finish(buffer);
  return result;
}

}  // namespace weir::taskmanager::kafka
