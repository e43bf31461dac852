#include "taskmanager/connector/file/table_file.h"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/batch/key.h"
#include "common/fs/file_system.h"
#include "common/security/path_roots.h"
#include "taskmanager/connector/file/file_descriptor.h"
#include "taskmanager/connector/file/file_error.h"
#include "taskmanager/connector/file/open_file.h"
#include "taskmanager/format/decoder.h"

namespace weir::taskmanager::file {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// All bytes of the file, with a zero behind them.
absl::StatusOr<batch::BufferPtr> ReadWhole(const std::string& path, size_t* size) {
  auto file = fs::Default().Open(path, fs::OpenMode::kReadNoBlock);
  if (!file.ok()) return FileError(file.error, "open", path, true);
  const auto info = file.value->Stat();
  if (!info.ok()) return FileError(info.error, "look at", path, true);
  if (info.value.type != fs::FileType::kFile) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is no file: a table is read from one file"));
  }
  if (info.value.size > kMaxTableBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has more than ", kMaxTableBytes >> 20,
                                                   " MiB: a table must fit into memory, make it a source and join"));
  }
  *size = static_cast<size_t>(info.value.size);
  batch::BufferPtr buffer = batch::Buffer::Allocate(*size + 1);
  ASSIGN_OR_RETURN(const size_t got, ReadAt(file.value, path, 0, buffer->data(), *size));
  if (got != *size) return absl::UnavailableError(absl::StrCat(path, " became shorter while it was read"));
  buffer->data()[*size] = '\0';
  return buffer;
}

}  // namespace

absl::StatusOr<BoundedTable> ReadTable(const SourceContext& context) {
  const std::string path = PathOf(*context.node);
  if (context.roots != nullptr) RETURN_IF_ERROR(context.roots->Check(path));
  DecodeInput input;
  ASSIGN_OR_RETURN(input.buffer, ReadWhole(path, &input.to));
  const std::string_view all(input.buffer->data(), input.to);
  BoundedTable table;
  table.digest = absl::StrFormat("%016x-%d", batch::HashKey(all), all.size());
  if (all.starts_with(kByteOrderMark)) input.from = kByteOrderMark.size();
  DecoderOptions options;
  options.format = context.node->format.type;
  options.schema = context.schema;
  ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder, MakeDecoder(std::move(options)));
  if (decoder->has_header()) {
    auto header = decoder->ReadHeader(all, /*complete=*/true);
    if (!header.ok()) return Annotate(header.status(), absl::StrCat(path, ":1"));
    input.from = std::max(input.from, *header);
  }
  input.stop = input.to;
  input.end_of_input = true;
  batch::BatchBuilder rows(context.schema, /*with_times=*/false);
  std::vector<uint32_t> every(batch::Batch::kMaxRows);
  std::iota(every.begin(), every.end(), 0u);
  while (input.from < input.to) {
    const DecodeResult decoded = decoder->Decode(input, batch::Batch::kMaxRows);
    if (!decoded.bad.empty()) {
      const BadRow& bad = decoded.bad.front();
      const auto line = std::count(all.begin(), all.begin() + static_cast<int64_t>(bad.from), '\n') + 1;
      return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", bad.message));
    }
    if (decoded.batch.rows > 0) rows.Append(decoded.batch, every.data(), decoded.batch.rows);
    if (decoded.next <= input.from) break;
    input.from = decoded.next;
  }
  table.rows = rows.Finish();
  return table;
}

}  // namespace weir::taskmanager::file
