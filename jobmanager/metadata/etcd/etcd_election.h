#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/runtime/sync.h"
#include "jobmanager/metadata/etcd/etcd_client.h"
#include "jobmanager/metadata/etcd/etcd_keys.h"
#include "jobmanager/metadata/leader_election.h"

namespace weir::jobmanager {

/// Election by a key of etcd that is held by a lease: who makes the key leads, and the revision at
/// which it was made is the epoch.
///
/// Thread:  as LeaderElection.
/// Why:     a leader that does not reach etcd leads on for `patience`: it is fenced by its epoch, so
///          it can complete nothing, while stepping down would end what runs when etcd is away for
///          long. One that etcd tells that its lease has ended steps down at once.
/// Source:  etcd's concurrency recipes; Kleppmann, How to do distributed locking (fencing tokens).
class EtcdElection final : public LeaderElection {
 public:
  struct Options {
    std::string prefix = "/weir";
    std::string address;  // HOST:PORT under which others reach this JobManager
    int64_t ttl_seconds = 3;
    SteadyMicros patience = 60'000'000;
  };
  /// `clock` must outlive it.
  EtcdElection(Options options, std::shared_ptr<etcd::Client> client, const Clock* clock);
  ~EtcdElection() override;

  absl::StatusOr<std::unique_ptr<MetadataStore>> Campaign() override;
  absl::Status Hold() override;
  void Resign() override;
  void Abandon(absl::Status why) override;
  void Stop() override;
  std::string Leader() const override;
  bool has_standbys() const override { return true; }

 private:
  /// The leader's key; all zero: nobody leads.
  absl::StatusOr<etcd::KeyValue> Look();
  /// Tries to make the key. False: somebody else was faster.
  absl::StatusOr<bool> TryLead();
  /// False when stopped or abandoned meanwhile.
  bool Pause(SteadyMicros micros);
  void SetLeader(const std::string& address);
  void SayReachable(const absl::Status& status, const char* meaning);

  const Options options_;
  const std::shared_ptr<etcd::Client> client_;
  const Clock* const clock_;
  const etcd::Keys keys_;

  // The campaigning thread's.
  int64_t lease_ = 0;
  int64_t epoch_ = 0;
  bool unreachable_said_ = false;

  mutable runtime::Mutex mutex_;
  runtime::ConditionVariable changed_;
  std::string leader_;
  absl::Status abandoned_;
  bool stopped_ = false;
};

}  // namespace weir::jobmanager
