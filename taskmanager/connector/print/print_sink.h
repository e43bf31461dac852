#pragma once

#include <memory>
#include <string>

#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/two_phase_commit_sink.h"
#include "taskmanager/format/encoder.h"

namespace weir::taskmanager::print {

/// Rows as JSON lines on a stream, at once; a restart may repeat them.
/// Thread: as TwoPhaseCommitSink says; lines of several subtasks are not mixed within a line.
class PrintSink final : public TwoPhaseCommitSink {
 public:
  /// `fd` is not closed.
  PrintSink(std::unique_ptr<Encoder> encoder, int fd) : encoder_(std::move(encoder)), fd_(fd) {}

  std::string connector() const override { return "print"; }
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Write(const batch::Batch& batch) override;
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override { return nullptr; }
  absl::Status Commit(const std::string& handle) override { return absl::OkStatus(); }
  absl::Status Resolve(const std::string& handle) override { return absl::OkStatus(); }
  absl::Status Sweep() override { return absl::OkStatus(); }

 private:
  std::unique_ptr<Encoder> encoder_;
  const int fd_;
  std::string lines_;
};

/// Adds the `print` sink, to standard output.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::print
