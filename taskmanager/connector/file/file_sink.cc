#include "taskmanager/connector/file/file_sink.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/file/file_error.h"

namespace weir::taskmanager::file {
namespace {

constexpr uint8_t kHandleVersion = 1;
constexpr int64_t kRowsPerCheck = 256;

bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

std::string EncodeHandle(const FileHandle& handle) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Put<uint8_t>(kHandleVersion);
  writer.PutBytes(handle.folder_id);
  writer.PutBytes(handle.folder);
  writer.PutBytes(handle.hidden);
  writer.PutBytes(handle.visible);
  writer.PutVarint(static_cast<uint64_t>(handle.size));
  return bytes;
}

absl::StatusOr<FileHandle> DecodeHandle(const std::string& bytes) {
  ByteReader reader(bytes);
  const auto version = reader.Get<uint8_t>();
  FileHandle handle;
  handle.folder_id = std::string(reader.GetBytes());
  handle.folder = std::string(reader.GetBytes());
  handle.hidden = std::string(reader.GetBytes());
  handle.visible = std::string(reader.GetBytes());
  handle.size = static_cast<int64_t>(reader.GetVarint());
  if (version != kHandleVersion || !reader.AtEnd() || !IsPlainName(handle.hidden) || !IsPlainName(handle.visible)) {
    return absl::DataLossError("not a handle of a file sink");
  }
  return handle;
}

/// A file that is being written. Its file is made when the buffer is full for the first time, or at pre-commit.
class FileSink::Transaction final : public SealedTransaction {
 public:
  /// `folder_id` empty: plain writes, the file is visible from the start.
  Transaction(const OutputFolder& folder, std::string folder_id, std::string visible)
      : folder_(folder),
        folder_id_(std::move(folder_id)),
        visible_(std::move(visible)),
        name_(folder_id_.empty() ? visible_ : "." + visible_) {}

  std::string& buffer() { return buffer_; }

  absl::Status Drain() {
    if (file_ == nullptr) {
      // A name is used once: if it is there, somebody else writes under our number.
      auto file = fs::Default().Open(path(), fs::OpenMode::kCreate);
      if (!file.ok()) return FileError(file.error, "create", path());
      file_ = std::move(file.value);
    }
    RETURN_IF_ERROR(WriteAll(file_, path(), buffer_.data(), buffer_.size()));
    size_ += static_cast<int64_t>(buffer_.size());
    buffer_.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> PreCommit() override {
    RETURN_IF_ERROR(Drain());
    if (const fs::Errno error = file_->Sync(); error != 0) return FileError(error, "fsync", path());
    file_ = nullptr;
    RETURN_IF_ERROR(folder_.Sync());
    if (folder_id_.empty()) return std::optional<std::string>();
    return EncodeHandle({folder_id_, folder_.path(), name_, visible_, size_});
  }

 private:
  std::string path() const { return folder_.PathOf(name_); }

  const OutputFolder folder_;
  const std::string folder_id_;
  const std::string visible_;
  const std::string name_;  // while it is written
  OpenFile file_;
  std::string buffer_;
  int64_t size_ = 0;
};

FileSink::FileSink(const SinkContext& context, std::string folder, std::unique_ptr<Encoder> encoder)
    : context_(context),
      folder_(std::move(folder)),
      // Two sinks of a job may write into one folder, so the node is in the name; as a number, since it may be any
      // text.
      prefix_(
          absl::StrCat("part-", context.job.value, "-", absl::StrFormat("%08x", Crc32c(context.node->name)), "-")),
      extension_(FileExtension(context.node->format.type)),
      encoder_(std::move(encoder)) {}

FileSink::~FileSink() = default;

absl::Status FileSink::Open() {
  ASSIGN_OR_RETURN(folder_id_, folder_.Prepare());
  return absl::OkStatus();
}

std::unique_ptr<FileSink::Transaction> FileSink::Begin() {
  std::string name =
      absl::StrCat(prefix_, context_.attempt.value, "-", context_.subtask, "-", sequence_++, ".", extension_);
  auto transaction =
      std::make_unique<Transaction>(folder_, context_.exactly_once ? folder_id_ : std::string(), std::move(name));
  encoder_->AppendHeader(&transaction->buffer());
  return transaction;
}

absl::Status FileSink::Write(const batch::Batch& batch) {
  if (batch.rows == 0) return absl::OkStatus();
  if (open_ == nullptr) open_ = Begin();
  for (int64_t row = 0; row < batch.rows; row += kRowsPerCheck) {
    encoder_->Append(batch, row, std::min(kRowsPerCheck, batch.rows - row), &open_->buffer());
    if (open_->buffer().size() >= kBufferBytes) RETURN_IF_ERROR(open_->Drain());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SealedTransaction>> FileSink::Seal(CheckpointId checkpoint) {
  return std::unique_ptr<SealedTransaction>(std::move(open_));
}

absl::Status FileSink::Flush() {
  // Hidden rows are as good in memory; visible ones should not wait for the buffer to fill.
  if (context_.exactly_once || open_ == nullptr || open_->buffer().empty()) return absl::OkStatus();
  return open_->Drain();
}

absl::Status FileSink::Commit(const std::string& bytes) {
  ASSIGN_OR_RETURN(const FileHandle handle, DecodeHandle(bytes));
  const auto id = folder_.ReadId();
  if (!id.ok() && !absl::IsNotFound(id.status())) return id.status();
  if (!id.ok() || *id != handle.folder_id) {
    return absl::FailedPreconditionError(absl::StrCat(
        "SINK_FOLDER_MISMATCH: ", folder_.path(),
        id.ok() ? " is another folder than " : " has no .weir-id, so it is not ", handle.folder, ", into which ",
        handle.visible,
        " was written; nothing was concluded. Make the same folder reachable there on every TaskManager"));
  }
  const std::string hidden = folder_.PathOf(handle.hidden);
  const auto info = fs::Default().Stat(hidden);
  if (info.ok() && info.value.size != handle.size) {
    return absl::DataLossError(absl::StrCat(hidden, " has ", info.value.size, " bytes, but ", handle.size,
                                            " were written and fsynced; it was left as it is"));
  }
  RETURN_IF_ERROR(WEIR_FAILPOINT("before_commit_rename"));
  const absl::Status renamed = folder_.Rename(handle.hidden, handle.visible);
  if (absl::IsAlreadyExists(renamed)) {
    return absl::FailedPreconditionError(
        absl::StrCat("SINK_FILE_EXISTS: ", renamed.message(), ", and ", hidden,
                     " cannot get that name; nothing was replaced. Move the file that is in the way"));
  }
  // Gone: it was renamed before. Only this job's own sweep removes hidden files, and only after all handles are
  // resolved.
  if (!renamed.ok() && !absl::IsNotFound(renamed)) return renamed;
  RETURN_IF_ERROR(WEIR_FAILPOINT("after_commit_rename"));
  // Also when it was renamed before: that attempt may have died before its fsync.
  return folder_.Sync();
}

absl::Status FileSink::Sweep() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_.List());
  const std::string hidden_prefix = "." + prefix_;
  bool removed = false;
  for (const std::string& name : names) {
    if (name.compare(0, hidden_prefix.size(), hidden_prefix) != 0) continue;
    const char* const from = name.data() + hidden_prefix.size();
    int64_t attempt = 0;
    const auto [end, error] = std::from_chars(from, name.data() + name.size(), attempt);
    if (error != std::errc() || end == name.data() + name.size() || *end != '-') continue;
    if (attempt >= context_.attempt.value) continue;
    RETURN_IF_ERROR(folder_.Remove(name));
    removed = true;
  }
  return removed ? folder_.Sync() : absl::OkStatus();
}

}  // namespace weir::taskmanager::file
