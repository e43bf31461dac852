#include "taskmanager/connector/discard/discard_sink.h"

namespace weir::taskmanager::discard {
namespace {

class DiscardSink final : public TwoPhaseCommitSink {
 public:
  std::string connector() const override { return "discard"; }
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Write(const batch::Batch& batch) override { return absl::OkStatus(); }
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override { return nullptr; }
  absl::Status Commit(const std::string& handle) override { return absl::OkStatus(); }
  absl::Status Resolve(const std::string& handle) override { return absl::OkStatus(); }
  absl::Status Sweep() override { return absl::OkStatus(); }
};

}  // namespace

void Register(ConnectorRegistry* registry) {
  registry->sinks["discard"] = [](const SinkContext&) -> absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> {
    return std::make_unique<DiscardSink>();
  };
}

}  // namespace weir::taskmanager::discard
