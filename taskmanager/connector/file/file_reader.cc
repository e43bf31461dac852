#include "taskmanager/connector/file/file_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/security/path_roots.h"

namespace weir::taskmanager::file {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
/// Of a row that is too long to be read, `.errors` gets the beginning.
constexpr size_t kShownOfLongRow = size_t{64} << 10;
constexpr int64_t kBehindRange = 4096;

/// Where reading of a split begins; behind the line end that may lie there, unless it is the file's beginning.
int64_t Beginning(const FileSplit& split) { return std::max<int64_t>(split.begin - 1, 0); }

}  // namespace

FileReader::FileReader(const SourceContext& context, std::unique_ptr<Decoder> decoder, size_t read_bytes)
    : context_(context),
      on_error_(context.node->format.on_error),
      read_bytes_(read_bytes),
      decoder_(std::move(decoder)) {
  if (on_error_ == job::OnError::kRoute) {
    errors_ = std::make_unique<RowBuilder>(context.errors_schema, std::vector<bool>{}, std::vector<bool>{});
  }
}

absl::Status FileReader::AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                                  const std::string& position) {
  Progress progress;
  ASSIGN_OR_RETURN(progress.split, DecodeSplit(split.payload));
  if (position.empty()) {
    progress.seek_line = progress.split.begin > 0;
    progress.offset = Beginning(progress.split);
  } else {
    progress.seek_line = position[0] == '~';
    if (!absl::SimpleAtoi(position.substr(progress.seek_line), &progress.offset) || progress.offset < 0 ||
        progress.offset > progress.split.identity.size) {
      return absl::DataLossError(absl::StrCat("`", position, "` is no position in ", progress.split.path));
    }
  }
  splits_[index] = std::move(progress);
  queue_.insert(std::lower_bound(queue_.begin(), queue_.end(), index), index);
  return absl::OkStatus();
}

std::string FileReader::Position(int32_t index) const {
  const auto it = splits_.find(index);
  // Nothing for a split that was not touched: most of a long list, in every checkpoint.
  if (it == splits_.end() || it->second.offset == Beginning(it->second.split)) return "";
  return absl::StrCat(it->second.seek_line ? "~" : "", it->second.offset);
}

absl::Status FileReader::OpenCurrent(Progress& current) {
  open_split_ = -1;
  if (open_path_ != current.split.path || file_ == nullptr) {
    open_path_.clear();
    // Looked at again: since the list was made a link may have taken the file's place.
    if (context_.roots != nullptr) RETURN_IF_ERROR(context_.roots->Check(current.split.path));
    ASSIGN_OR_RETURN(file_, OpenSplit(current.split));
    open_path_ = current.split.path;
    if (decoder_->has_header()) RETURN_IF_ERROR(ReadFileHeader(current));
  }
  // The bytes at hand often reach into the next range of the same file, but reading them again is simpler.
  base_ = current.offset;
  head_ = tail_ = 0;
  starved_ = false;
  if (current.offset == 0) {
    char mark[kByteOrderMark.size()];
    ASSIGN_OR_RETURN(const size_t got, ReadAt(file_, open_path_, 0, mark, sizeof(mark)));
    const bool raw = context_.node->format.type == job::FormatType::kRaw;
    if (!raw && std::string_view(mark, got) == kByteOrderMark) base_ = current.offset = kByteOrderMark.size();
  }
  open_split_ = queue_.front();
  return absl::OkStatus();
}

absl::Status FileReader::ReadFileHeader(Progress& current) {
  std::string beginning;
  size_t header = 0;
  for (size_t want = size_t{64} << 10; header == 0; want *= 4) {
    beginning.resize(std::min(want, static_cast<size_t>(current.split.identity.size)));
    ASSIGN_OR_RETURN(const size_t got, ReadAt(file_, open_path_, 0, beginning.data(), beginning.size()));
    beginning.resize(got);
    const bool complete = static_cast<int64_t>(got) >= current.split.identity.size;
    auto size = decoder_->ReadHeader(beginning, complete);
    if (!size.ok()) return Annotate(size.status(), absl::StrCat(open_path_, ":1"));
    header = *size;
    if (complete) break;
  }
  if (current.offset < static_cast<int64_t>(header)) current.offset = static_cast<int64_t>(header);
  return absl::OkStatus();
}

absl::Status FileReader::Fill(const Progress& current) {
  const size_t kept = tail_ - head_;
  const int64_t from = base_ + static_cast<int64_t>(tail_);
  // Behind the end of the range only the rest of one row is needed; of a long one ever more, or it would take many
  // reads.
  const int64_t needed =
      std::max<int64_t>(current.split.end - from, 0) + std::max(kBehindRange, static_cast<int64_t>(kept));
  auto want =
      static_cast<size_t>(std::min({static_cast<int64_t>(read_bytes_), current.split.identity.size - from, needed}));
  // A row never gets more room than kMaxRowBytes: whether it is too long does not depend on how the file is read.
  want = std::min(want, Decoder::kMaxRowBytes - std::min(kept, Decoder::kMaxRowBytes));
  // Batches may still point into the bytes read before.
  const bool reusable = buffer_ != nullptr && buffer_.use_count() == 1 && buffer_->size() >= kept + want;
  if (reusable) {
    std::memmove(buffer_->data(), buffer_->data() + head_, kept);
  } else {
    batch::BufferPtr next =
        batch::Buffer::Allocate(std::max(kept * 2, read_bytes_ / 8) + std::max(want, read_bytes_));
    if (kept > 0) std::memcpy(next->data(), buffer_->data() + head_, kept);
    buffer_ = std::move(next);
  }
  base_ += static_cast<int64_t>(head_);
  head_ = 0;
  tail_ = kept;
  ASSIGN_OR_RETURN(const size_t got, ReadAt(file_, open_path_, from, buffer_->data() + kept, want));
  tail_ += got;
  starved_ = false;
  buffer_->data()[tail_] = '\0';
  if (got == want) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("SOURCE_FILE_CHANGED: ", open_path_, " became shorter while it was read"));
}

void FileReader::MoveTo(Progress& current, size_t buffer_offset) {
  head_ = buffer_offset;
  current.offset = base_ + static_cast<int64_t>(head_);
}

bool FileReader::SeekLine(Progress& current) {
  const char* const from = buffer_->data() + head_;
  const auto* end = static_cast<const char*>(std::memchr(from, '\n', tail_ - head_));
  if (end == nullptr) {
    MoveTo(current, tail_);  // still `~`: any line end behind here
    return false;
  }
  current.seek_line = false;
  MoveTo(current, static_cast<size_t>(end - buffer_->data()) + 1);
  return true;
}

absl::StatusOr<ReadResult> FileReader::Read(int64_t max_rows) {
  ReadResult result;
  if (queue_.empty()) {
    result.kind = ReadResult::Kind::kEnded;
    return result;
  }
  result.kind = ReadResult::Kind::kBatch;
  result.split = queue_.front();
  result.batch.schema = context_.schema;
  Progress& current = splits_[result.split];
  if (open_split_ != result.split) RETURN_IF_ERROR(OpenCurrent(current));

  bool filled = false;
  if ((tail_ == head_ || starved_) && !at_end_of_file(current)) {
    RETURN_IF_ERROR(Fill(current));
    filled = true;
  }
  bool ready = head_ < tail_;
  if (ready && current.seek_line) ready = SeekLine(current);
  const int64_t end = current.split.end;
  if (ready && current.offset < end) {
    for (;;) {
      DecodeInput input;
      input.buffer = buffer_;
      input.from = head_;
      input.to = tail_;
      input.stop = static_cast<size_t>(std::min<int64_t>(end - base_, static_cast<int64_t>(tail_)));
      input.end_of_input = at_end_of_file(current);
      DecodeResult decoded = decoder_->Decode(input, max_rows);
      const bool progress = decoded.next > head_;
      if (!progress && !filled && tail_ - head_ < Decoder::kMaxRowBytes) {
        input.buffer = nullptr;
        decoded = DecodeResult();
        RETURN_IF_ERROR(Fill(current));
        filled = true;
        continue;
      }
      if (!progress && tail_ - head_ >= Decoder::kMaxRowBytes) {
        RETURN_IF_ERROR(TakeLongRow(current, &result));
        break;
      }
      if (!decoded.bad.empty()) RETURN_IF_ERROR(TakeBadRows(current, decoded.bad, &result));
      starved_ = decoded.batch.rows + static_cast<int64_t>(decoded.bad.size()) < max_rows;
      result.batch = std::move(decoded.batch);
      result.bytes = static_cast<int64_t>(decoded.next - head_);
      MoveTo(current, decoded.next);
      break;
    }
  }
  // A row that does not fit yet: the next Read reads on behind what is kept.
  const bool exhausted = at_end_of_file(current) && head_ == tail_;
  // With `~` the next row starts behind byte `offset`.
  if (exhausted || current.offset + current.seek_line >= end) {
    current.ended = true;
    result.split_ended = true;
    queue_.pop_front();
  }
  if (result.batch.columns.empty()) {
    for (const batch::Field& field : context_.schema->fields) {
      result.batch.columns.push_back(batch::Column::Allocate(field.type, 0));
    }
  }
  return result;
}

absl::Status FileReader::TakeBadRows(const Progress& current, const std::vector<BadRow>& bad, ReadResult* result) {
  if (on_error_ == job::OnError::kSkip) {
    result->skipped_rows += static_cast<int64_t>(bad.size());
    return absl::OkStatus();
  }
  if (errors_ != nullptr) errors_->Start(static_cast<int64_t>(bad.size()));
  for (const BadRow& row : bad) {
    const int64_t line = lines_.LineAt(current.split.path, base_ + static_cast<int64_t>(row.from));
    const std::string origin = absl::StrCat(current.split.path, ":", line);
    if (on_error_ == job::OnError::kFail) return absl::InvalidArgumentError(absl::StrCat(origin, ": ", row.message));
    errors_->BeginRow();
    errors_->SetTextCopy(0, {buffer_->data() + row.from, row.size});
    errors_->SetTextCopy(1, row.message);
    errors_->SetTextCopy(2, origin);
    errors_->EndRow(nullptr);
  }
  result->errors = errors_->Finish(nullptr);
  return absl::OkStatus();
}

absl::Status FileReader::TakeLongRow(Progress& current, ReadResult* result) {
  const std::vector<BadRow> bad = {{head_, std::min(tail_ - head_, kShownOfLongRow),
                                    absl::StrCat("the row is longer than ", Decoder::kMaxRowBytes >> 20, " MiB")}};
  RETURN_IF_ERROR(TakeBadRows(current, bad, result));
  result->bytes = static_cast<int64_t>(tail_ - head_);
  MoveTo(current, tail_);
  current.seek_line = true;
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::file
