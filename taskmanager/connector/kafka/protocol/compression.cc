#include "taskmanager/connector/kafka/protocol/compression.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/wire.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

absl::Status Damaged(const char* method) { return absl::DataLossError(absl::StrCat("damaged ", method, " data")); }

/// Bytes that grow with what is really there, never with what a header promises.
class Output {
 public:
  explicit Output(size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Room of at least one byte.
  absl::Status Reserve() {
    if (bytes_.size() > used_) return absl::OkStatus();
    if (used_ >= most_bytes_) return TooLarge();
    bytes_.resize(std::min(most_bytes_, std::max<size_t>(64 << 10, used_ * 2)));
    return absl::OkStatus();
  }
  char* position() { return bytes_.data() + used_; }
  size_t room() const { return bytes_.size() - used_; }
  void Use(size_t count) { used_ += count; }
  /// Room of exactly `count` more; the position of it.
  absl::StatusOr<char*> Extend(size_t count) {
    if (count > most_bytes_ - used_) return TooLarge();
    if (bytes_.size() < used_ + count) bytes_.resize(used_ + count);
    return position();
  }
  std::string Take() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  absl::Status TooLarge() const {
    return absl::ResourceExhaustedError(absl::StrCat("a record batch unfolds to more than ", most_bytes_, " bytes"));
  }
  const size_t most_bytes_;
  std::string bytes_;
  size_t used_ = 0;
};

absl::StatusOr<std::string> Gunzip(std::string_view bytes, size_t most_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 32) != Z_OK) return absl::ResourceExhaustedError("no memory to unfold gzip");
  std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  Output out(most_bytes);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  for (bool complete = false; stream.avail_in > 0 || !complete;) {
    if (complete && inflateReset(&stream) != Z_OK) return Damaged("gzip");  // a further member
    RETURN_IF_ERROR(out.Reserve());
    stream.next_out = reinterpret_cast<Bytef*>(out.position());
    const size_t room = std::min<size_t>(out.room(), UINT32_MAX);
    stream.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.Use(room - stream.avail_out);
    if (code != Z_OK && code != Z_STREAM_END) return Damaged("gzip");
    complete = code == Z_STREAM_END;
  }
  return out.Take();
}

absl::Status UnfoldSnappyBlock(std::string_view block, Output& out) {
  size_t size = 0;
  if (snappy_uncompressed_length(block.data(), block.size(), &size) != SNAPPY_OK) return Damaged("snappy");
  // Two bytes copy at most 64: a block that promises more than that is not one.
  if (size > block.size() * 64) return Damaged("snappy");
  ASSIGN_OR_RETURN(char* const position, out.Extend(size));
  if (snappy_uncompress(block.data(), block.size(), position, &size) != SNAPPY_OK) return Damaged("snappy");
  out.Use(size);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Unsnappy(std::string_view bytes, size_t most_bytes) {
  constexpr std::string_view kXerial("\x82SNAPPY\0", 8);
  Output out(most_bytes);
  if (!bytes.starts_with(kXerial)) {
    RETURN_IF_ERROR(UnfoldSnappyBlock(bytes, out));
    return out.Take();
  }
  WireReader in(bytes.substr(kXerial.size()), false);
  in.GetRaw(8);  // its versions
  while (in.ok() && in.remaining() > 0) {
    const auto size = in.Get<int32_t>();
    if (size < 0) return Damaged("snappy");
    const std::string_view block = in.GetRaw(static_cast<uint64_t>(size));
    if (!in.ok()) return Damaged("snappy");
    RETURN_IF_ERROR(UnfoldSnappyBlock(block, out));
  }
  if (!in.ok()) return Damaged("snappy");
  return out.Take();
}

absl::StatusOr<std::string> Unlz4(std::string_view bytes, size_t most_bytes) {
  LZ4F_dctx* created = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&created, LZ4F_VERSION))) {
    return absl::ResourceExhaustedError("no memory to unfold lz4");
  }
  std::unique_ptr<LZ4F_dctx, size_t (*)(LZ4F_dctx*)> context(created, LZ4F_freeDecompressionContext);
  Output out(most_bytes);
  size_t hint = 1;
  while (hint != 0) {
    RETURN_IF_ERROR(out.Reserve());
    size_t produced = out.room(), consumed = bytes.size();
    hint = LZ4F_decompress(context.get(), out.position(), &produced, bytes.data(), &consumed, nullptr);
    if (LZ4F_isError(hint)) return Damaged("lz4");
    if (hint != 0 && produced == 0 && consumed == 0) return Damaged("lz4");  // it ends too early
    out.Use(produced);
    bytes.remove_prefix(consumed);
  }
  if (!bytes.empty()) return Damaged("lz4");
  return out.Take();
}

absl::StatusOr<std::string> Unzstd(std::string_view bytes, size_t most_bytes) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (context == nullptr) return absl::ResourceExhaustedError("no memory to unfold zstd");
  Output out(most_bytes);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (size_t hint = 1; hint != 0 || in.pos < in.size;) {
    RETURN_IF_ERROR(out.Reserve());
    ZSTD_outBuffer chunk{out.position(), out.room(), 0};
    const size_t before = in.pos;
    hint = ZSTD_decompressStream(context.get(), &chunk, &in);
    if (ZSTD_isError(hint)) return Damaged("zstd");
    if (hint != 0 && chunk.pos == 0 && in.pos == before) return Damaged("zstd");  // it ends too early
    out.Use(chunk.pos);
  }
  return out.Take();
}

}  // namespace

absl::StatusOr<std::string> Decompress(Compression compression, std::string_view bytes, size_t most_bytes) {
  switch (compression) {
    case Compression::kNone: return std::string(bytes);
    case Compression::kGzip: return Gunzip(bytes, most_bytes);
    case Compression::kSnappy: return Unsnappy(bytes, most_bytes);
    case Compression::kLz4: return Unlz4(bytes, most_bytes);
    case Compression::kZstd: return Unzstd(bytes, most_bytes);
  }
  return absl::DataLossError(absl::StrCat("unknown compression ", static_cast<int>(compression)));
}

}  // namespace weir::taskmanager::kafka::protocol
