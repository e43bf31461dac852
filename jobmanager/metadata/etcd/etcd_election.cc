#include "jobmanager/metadata/etcd/etcd_election.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "jobmanager/metadata/etcd/etcd_metadata_store.h"

namespace weir::jobmanager {
namespace {

constexpr SteadyMicros kRetry = 200'000;
/// How often a standby looks though etcd has told nothing: a watch may hang on a member that is cut off.
constexpr int64_t kLookEveryMs = 1000;
/// A lease is kept alive so many times within its time to live.
constexpr int64_t kRenewals = 6;

}  // namespace

EtcdElection::EtcdElection(Options options, std::shared_ptr<etcd::Client> client,
                           const Clock* clock)
    : options_(std::move(options)),
      client_(std::move(client)),
      clock_(clock),
      keys_(options_.prefix) {}

EtcdElection::~EtcdElection() = default;

void EtcdElection::SetLeader(const std::string& address) {
  std::lock_guard lock(mutex_);
  leader_ = address;
}

std::string EtcdElection::Leader() const {
  std::lock_guard lock(mutex_);
  return leader_;
}

void EtcdElection::Abandon(absl::Status why) {
  std::lock_guard lock(mutex_);
  if (abandoned_.ok()) abandoned_ = std::move(why);
  changed_.notify_all();
}

void EtcdElection::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool EtcdElection::Pause(SteadyMicros micros) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(micros),
                    [this] { return stopped_ || !abandoned_.ok(); });
  return !stopped_ && abandoned_.ok();
}

void EtcdElection::SayReachable(const absl::Status& status, const char* meaning) {
  if (status.ok()) {
    if (unreachable_said_) log::Info("etcd is reachable again");
    unreachable_said_ = false;
  } else if (!unreachable_said_) {
    log::Warning(absl::StrCat("etcd does not answer: ", status.message(), "; ", meaning));
    unreachable_said_ = true;
  }
}

absl::StatusOr<etcd::KeyValue> EtcdElection::Look() {
  ASSIGN_OR_RETURN(const etcd::TransactionResult result,
                   client_->Transact({{}, {etcd::Range{keys_.Leader()}}, {}}));
  const auto& found = result.ranges.at(0);
  return found.empty() ? etcd::KeyValue() : found[0];
}

absl::StatusOr<bool> EtcdElection::TryLead() {
  // A try before may have been answered by nobody: without its lease it cannot happen any more.
  if (lease_ != 0) RETURN_IF_ERROR(client_->Revoke(lease_));
  lease_ = 0;
  ASSIGN_OR_RETURN(lease_, client_->Grant(options_.ttl_seconds));
  ASSIGN_OR_RETURN(
      const etcd::TransactionResult result,
      client_->Transact({{{keys_.Leader(), etcd::Compare::Of::kCreateRevision, 0}},
                         {etcd::Put{keys_.Leader(), options_.address, lease_}},
                         {}}));
  if (result.succeeded) epoch_ = result.revision;
  return result.succeeded;
}

absl::StatusOr<std::unique_ptr<MetadataStore>> EtcdElection::Campaign() {
  {
    std::lock_guard lock(mutex_);
    abandoned_ = absl::OkStatus();
  }
  epoch_ = 0;
  bool tried = false;
  while (epoch_ == 0) {
    if (!Pause(0)) return absl::CancelledError("the JobManager is leaving");
    // The lead before this one ends: no two leads have one epoch.
    if (!tried && lease_ != 0) Resign();
    absl::StatusOr<etcd::KeyValue> leader = Look();
    absl::Status status = leader.status();
    if (status.ok() && leader->create_revision == 0) {
      SetLeader("");
      status = TryLead().status();
      tried = true;
    } else if (status.ok() && tried && lease_ != 0 && leader->lease == lease_) {
      epoch_ = leader->create_revision;  // a try that was answered by nobody
    } else if (status.ok()) {
      SetLeader(leader->value);
      status = client_->Watch(keys_.Leader(), leader->mod_revision, kLookEveryMs);
    }
    if (!status.ok()) SetLeader("");
    SayReachable(status, "until it does, nobody is elected");
    if (!status.ok()) Pause(kRetry);
  }
  SetLeader(options_.address);
  return std::make_unique<EtcdMetadataStore>(client_, options_.prefix, LeaderEpoch(epoch_));
}

absl::Status EtcdElection::Hold() {
  const SteadyMicros renew_every = options_.ttl_seconds * 1'000'000 / kRenewals;
  SteadyMicros confirmed = clock_->Steady();
  absl::Status lost;
  while (lost.ok()) {
    const SteadyMicros asked = clock_->Steady();
    const absl::Status status = client_->KeepAlive(lease_);
    if (status.ok()) {
      confirmed = asked;
    } else if (absl::IsNotFound(status)) {
      lost = absl::AbortedError(absl::StrCat("its lease of ", options_.ttl_seconds,
                                             " s has ended in etcd"));
      break;
    } else if (clock_->Steady() - confirmed > options_.patience) {
      lost = absl::UnavailableError(absl::StrCat("etcd has not answered for ",
                                                 options_.patience / 1'000'000, " s"));
      break;
    }
    SayReachable(status, "what runs goes on, and no checkpoint completes");
    if (!Pause(status.ok() ? renew_every : std::min(renew_every, kRetry))) {
      std::lock_guard lock(mutex_);
      lost = stopped_ ? absl::CancelledError("the JobManager is leaving") : abandoned_;
    }
  }
  SetLeader("");
  return lost;
}

void EtcdElection::Resign() {
  if (lease_ == 0) return;
  if (absl::Status status = client_->Revoke(lease_); !status.ok()) {
    log::Warning(absl::StrCat("the lead is not given up but runs out: ", status.message()));
    return;  // TryLead asks again
  }
  lease_ = 0;
}

}  // namespace weir::jobmanager
