#include "tests/simulation/etcd/etcd_model.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace weir::sim {

namespace etcd = jobmanager::etcd;

namespace {
constexpr SteadyMicros kCallTimeout = 3'000'000;
constexpr SteadyMicros kSecond = 1'000'000;
constexpr size_t kLargest = 1'500'000;
}  // namespace

/// The client of one process. Answers travel in objects that both sides share: a request may be served when nobody waits
/// for it any more.
class EtcdClient final : public etcd::Client {
 public:
  explicit EtcdClient(EtcdModel* model) : model_(model) {}

  absl::StatusOr<etcd::TransactionResult> Transact(const etcd::Transaction& transaction) override {
    size_t bytes = 0;
    for (const auto* operations : {&transaction.success, &transaction.failure}) {
      for (const etcd::Operation& operation : *operations) {
        if (const auto* put = std::get_if<etcd::Put>(&operation)) bytes += put->key.size() + put->value.size();
      }
    }
    if (bytes > kLargest) return absl::ResourceExhaustedError("etcdserver: request is too large");
    return Do<absl::StatusOr<etcd::TransactionResult>>(
        [model = model_, transaction] { return model->Transact(transaction); });
  }
  absl::StatusOr<int64_t> Grant(int64_t ttl_seconds) override {
    return Do<absl::StatusOr<int64_t>>(
        [model = model_, ttl_seconds] { return absl::StatusOr<int64_t>(model->Grant(ttl_seconds)); });
  }
  absl::Status KeepAlive(int64_t lease) override {
    return Do<absl::Status>([model = model_, lease] { return model->KeepAlive(lease); });
  }
  absl::Status Revoke(int64_t lease) override {
    return Do<absl::Status>([model = model_, lease] {
      model->End(lease);
      return absl::OkStatus();
    });
  }
  absl::Status Watch(const std::string& key, int64_t revision, int64_t timeout_ms) override {
    Simulation& simulation = *model_->simulation_;
    const SteadyMicros deadline = simulation.Now() + timeout_ms * 1000;
    while (true) {
      const SteadyMicros left = deadline - simulation.Now();
      if (left <= 0 || (model_->down_ == 0 && model_->LastChange(key) > revision)) break;
      simulation.Block(&model_->watchers_, left);
    }
    // The news takes its way, however bad that is.
    const bool told = model_->network_->Call(model_->node_, kCallTimeout, [model = model_] { return model->down_ == 0; }) ==
                      CallOutcome::kAnswered;
    return told ? absl::OkStatus() : absl::UnavailableError("etcd: the watch broke");
  }

 private:
  template <typename Result>
  Result Do(std::function<Result()> request) {
    Simulation& simulation = *model_->simulation_;
    if (model_->down_ > 0 && model_->refuses_) {
      simulation.AwaitBetween(100, 2000);
      return absl::UnavailableError("etcd: connection refused");
    }
    auto answer = std::make_shared<std::optional<Result>>();
    const CallOutcome outcome =
        model_->network_->Call(model_->node_, kCallTimeout, [model = model_, request = std::move(request), answer] {
          if (model->down_ > 0) return false;
          *answer = request();
          return model->rng_.Below(100) >= static_cast<uint64_t>(model->lost_replies_);
        });
    switch (outcome) {
      case CallOutcome::kAnswered: return **answer;
      case CallOutcome::kUnreachable: return absl::UnavailableError("etcd: connection refused");
      case CallOutcome::kUnknown: break;
    }
    return absl::DeadlineExceededError("etcd: no answer");
  }

  EtcdModel* const model_;
};

EtcdModel::EtcdModel(Simulation* simulation, Network* network, const std::string& name)
    : simulation_(simulation), network_(network), rng_(simulation->Stream("etcd")), node_(simulation->AddNode(name)) {}

std::unique_ptr<etcd::Client> EtcdModel::MakeClient() { return std::make_unique<EtcdClient>(this); }

// ---- Keys -----------------------------------------------------------------------------------------------------------

bool EtcdModel::Holds(const etcd::Compare& compare) const {
  const auto it = keys_.find(compare.key);
  const etcd::KeyValue none;
  const etcd::KeyValue& value = it == keys_.end() ? none : it->second;
  return compare.equals == (compare.of == etcd::Compare::Of::kCreateRevision ? value.create_revision : value.mod_revision);
}

absl::StatusOr<etcd::TransactionResult> EtcdModel::Transact(const etcd::Transaction& transaction) {
  etcd::TransactionResult result;
  result.succeeded = std::all_of(transaction.compare.begin(), transaction.compare.end(),
                                 [this](const etcd::Compare& compare) { return Holds(compare); });
  const auto& operations = result.succeeded ? transaction.success : transaction.failure;
  // Refused as a whole, before anything of it is done.
  std::set<std::string> written;
  for (const etcd::Operation& operation : operations) {
    const auto* put = std::get_if<etcd::Put>(&operation);
    if (put == nullptr) continue;
    if (put->lease != 0 && !leases_.contains(put->lease)) {
      return absl::NotFoundError("etcdserver: requested lease not found");
    }
    if (!written.insert(put->key).second) return absl::InvalidArgumentError("etcdserver: duplicate key given in txn request");
  }
  const int64_t next = revision_ + 1;
  bool changed = false;
  for (const etcd::Operation& operation : operations) {
    if (const auto* put = std::get_if<etcd::Put>(&operation)) {
      etcd::KeyValue& value = keys_[put->key];
      value.key = put->key;
      value.value = put->value;
      if (value.create_revision == 0) value.create_revision = next;
      value.mod_revision = next;
      value.lease = put->lease;
      changed = true;
      continue;
    }
    const auto* range = std::get_if<etcd::Range>(&operation);
    const auto* erased = std::get_if<etcd::DeleteRange>(&operation);
    const std::string& key = range != nullptr ? range->key : erased->key;
    const std::string& end = range != nullptr ? range->end : erased->end;
    const auto first = keys_.lower_bound(key);
    auto last = first;
    std::vector<etcd::KeyValue> found;
    while (last != keys_.end() && (end.empty() ? last->first == key : last->first < end) &&
           (range == nullptr || range->limit == 0 || static_cast<int64_t>(found.size()) < range->limit)) {
      found.push_back(last->second);
      ++last;
    }
    if (range != nullptr) {
      result.ranges.push_back(std::move(found));
    } else if (first != last) {
      for (auto it = first; it != last; ++it) deleted_[it->first] = next;
      keys_.erase(first, last);
      changed = true;
    }
  }
  if (changed) {
    revision_ = next;
    simulation_->Trace("etcd revision", revision_);
    Changed();
  }
  result.revision = revision_;
  return result;
}

int64_t EtcdModel::LastChange(const std::string& key) const {
  const auto there = keys_.find(key);
  const auto gone = deleted_.find(key);
  return std::max(there == keys_.end() ? 0 : there->second.mod_revision, gone == deleted_.end() ? 0 : gone->second);
}

void EtcdModel::Changed() { simulation_->Wake(&watchers_, true); }

// ---- Leases ---------------------------------------------------------------------------------------------------------

int64_t EtcdModel::Grant(int64_t ttl_seconds) {
  const int64_t id = next_lease_ += 1 + static_cast<int64_t>(rng_.Below(1000));
  const int64_t ttl = std::max<int64_t>(1, ttl_seconds) * kSecond;
  leases_[id] = {ttl, simulation_->Now() + ttl};
  WatchLease(id);
  return id;
}

void EtcdModel::WatchLease(int64_t lease) {
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return;
  const SteadyMicros late = static_cast<SteadyMicros>(rng_.Below(kSecond));
  simulation_->At(it->second.ends + late, [this, lease] {
    const auto found = leases_.find(lease);
    if (found == leases_.end()) return;
    if (down_ > 0 || found->second.ends > simulation_->Now()) {
      if (down_ > 0) found->second.ends = simulation_->Now() + found->second.ttl;
      return WatchLease(lease);
    }
    End(lease);
  });
}

absl::Status EtcdModel::KeepAlive(int64_t lease) {
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return absl::NotFoundError("etcdserver: requested lease not found");
  it->second.ends = simulation_->Now() + it->second.ttl;
  return absl::OkStatus();
}

void EtcdModel::End(int64_t lease) {
  if (leases_.erase(lease) == 0) return;
  const int64_t next = revision_ + 1;
  std::erase_if(keys_, [&](const auto& entry) {
    if (entry.second.lease != lease) return false;
    deleted_[entry.first] = revision_ = next;
    return true;
  });
  simulation_->Trace("etcd lease ends", lease);
  Changed();
}

// ---- Faults ---------------------------------------------------------------------------------------------------------

void EtcdModel::SetDown(bool down, bool refuses) {
  down_ = std::max(0, down_ + (down ? 1 : -1));
  refuses_ = refuses;
  if (down_ > 0) return;
  for (auto& [id, lease] : leases_) lease.ends = simulation_->Now() + lease.ttl;
  Changed();
}

void EtcdModel::AddFaults(Nemesis* nemesis) {
  nemesis->On("etcd_down", [this](const Fault&) { SetDown(true, rng_.Below(2) == 0); },
              [this](const Fault&) { SetDown(false, refuses_); });
  nemesis->On("etcd_lost_reply", [this](const Fault& fault) { LoseReplies(static_cast<int>(fault.amount)); },
              [this](const Fault&) { LoseReplies(0); });
}

}  // namespace weir::sim
