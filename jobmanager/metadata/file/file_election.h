#pragma once

#include <memory>
#include <string>

#include "common/runtime/sync.h"
#include "jobmanager/metadata/leader_election.h"

namespace weir::jobmanager {

/// One JobManager on one machine: whoever has the lock of the folder leads, for as long as it lives.
///
/// Thread:  as LeaderElection.
/// Errors:  Campaign: as FileMetadataStore::Open; it does not wait for another JobManager to end.
class FileElection final : public LeaderElection {
 public:
  explicit FileElection(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::unique_ptr<MetadataStore>> Campaign() override;
  absl::Status Hold() override;
  void Resign() override {}  // the lock goes with the store
  void Abandon(absl::Status why) override;
  void Stop() override;
  std::string Leader() const override { return ""; }
  bool has_standbys() const override { return false; }

 private:
  const std::string folder_;
  runtime::Mutex mutex_;
  runtime::ConditionVariable changed_;
  absl::Status abandoned_;
  bool stopped_ = false;
};

}  // namespace weir::jobmanager
