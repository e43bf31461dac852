#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "taskmanager/connector/file/open_file.h"
#include "taskmanager/connector/file/output_folder.h"
#include "taskmanager/connector/two_phase_commit_sink.h"
#include "taskmanager/format/encoder.h"

namespace weir::taskmanager::file {

/// What is needed to make one file visible.
struct FileHandle {
  std::string folder_id;
  std::string folder;  // where its writer saw it; for messages
  std::string hidden;  // names inside the folder
  std::string visible;
  int64_t size = 0;
  friend bool operator==(const FileHandle&, const FileHandle&) = default;
};
std::string EncodeHandle(const FileHandle& handle);
absl::StatusOr<FileHandle> DecodeHandle(const std::string& bytes);

/// Writes one file per checkpoint with rows: hidden while it is written, visible by a rename at commit
/// (design.md 6, "File"). Under at_least_once the files are visible from the start and nothing is committed.
///
/// Thread:  as TwoPhaseCommitSink says.
/// Shape:   rows wait in memory, up to kBufferBytes; names carry job, node, attempt, subtask and a sequence number,
/// so
///          they are never used again.
/// Errors:  kFailedPrecondition: SINK_FOLDER_MISMATCH when a handle's folder is not the one at this path;
///          SINK_FILE_EXISTS when somebody else's file has the name;
///          kDataLoss: a file is shorter than it was when it was pre-committed.
class FileSink final : public TwoPhaseCommitSink {
 public:
  static constexpr size_t kBufferBytes = size_t{1} << 20;

  FileSink(const SinkContext& context, std::string folder, std::unique_ptr<Encoder> encoder);
  ~FileSink() override;

  std::string connector() const override { return "file"; }
  absl::Status Open() override;
  absl::Status Write(const batch::Batch& batch) override;
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override;
  absl::Status Commit(const std::string& handle) override;
  absl::Status Resolve(const std::string& handle) override { return Commit(handle); }
  absl::Status Sweep() override;
  absl::Status Flush() override;

 private:
  class Transaction;
  std::unique_ptr<Transaction> Begin();

  const SinkContext context_;
  const OutputFolder folder_;
  const std::string prefix_;  // of visible names, up to the attempt
  const std::string extension_;
  std::unique_ptr<Encoder> encoder_;
  std::string folder_id_;              // set by Open
  std::unique_ptr<Transaction> open_;  // null: nothing was written since the last Seal
  int64_t sequence_ = 0;
};

}  // namespace weir::taskmanager::file
