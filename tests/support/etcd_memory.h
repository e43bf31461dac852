#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "jobmanager/metadata/etcd/etcd_client.h"

namespace weir::tests {

/// One etcd in memory, for the tests of what stands on it. Leases end when they are told to.
/// Thread: thread-safe.
class EtcdMemory final : public jobmanager::etcd::Client {
 public:
  using KeyValue = jobmanager::etcd::KeyValue;

  absl::StatusOr<jobmanager::etcd::TransactionResult> Transact(
      const jobmanager::etcd::Transaction& transaction) override {
    std::lock_guard lock(mutex_);
    if (!failure.ok()) return failure;
    if (keep_next) {
      keep_next = false;
      kept.push_back(transaction);
      return absl::DeadlineExceededError("no answer");
    }
    auto result = Do(transaction);
    if (lose_answer_in > 0 && --lose_answer_in == 0) {
      return absl::DeadlineExceededError("no answer");
    }
    return result;
  }
  absl::StatusOr<int64_t> Grant(int64_t) override {
    std::lock_guard lock(mutex_);
    if (!failure.ok()) return failure;
    return ++last_lease_;
  }
  absl::Status KeepAlive(int64_t lease) override {
    std::lock_guard lock(mutex_);
    if (!failure.ok()) return failure;
    return ended_.contains(lease) ? absl::NotFoundError("no such lease") : absl::OkStatus();
  }
  absl::Status Revoke(int64_t lease) override {
    std::lock_guard lock(mutex_);
    if (!failure.ok()) return failure;
    ended_[lease] = true;
    ++revision_;
    std::erase_if(keys_, [&](const auto& key) { return key.second.lease == lease; });
    return absl::OkStatus();
  }
  absl::Status Watch(const std::string&, int64_t, int64_t) override {
    std::function<void()> watching;
    {
      std::lock_guard lock(mutex_);
      watching = on_watch;
    }
    if (watching) watching();
    return absl::OkStatus();
  }

  /// Does a transaction that was kept, late.
  bool DoKept() {
    std::lock_guard lock(mutex_);
    const jobmanager::etcd::Transaction transaction = kept.front();
    kept.erase(kept.begin());
    return Do(transaction).succeeded;
  }

  std::mutex mutex_;
  absl::Status failure;            // of every call while it is not OK
  int lose_answer_in = 0;          // of the transaction so many from now, which is done; 0: of none
  bool keep_next = false;          // a transaction, for later
  std::vector<jobmanager::etcd::Transaction> kept;
  std::function<void()> on_watch;  // while somebody waits

 private:
  bool Holds(const jobmanager::etcd::Compare& compare) const {
    const auto it = keys_.find(compare.key);
    const KeyValue none, &found = it == keys_.end() ? none : it->second;
    return compare.equals == (compare.of == jobmanager::etcd::Compare::Of::kCreateRevision
                                  ? found.create_revision
                                  : found.mod_revision);
  }
  jobmanager::etcd::TransactionResult Do(const jobmanager::etcd::Transaction& transaction) {
    jobmanager::etcd::TransactionResult result;
    result.succeeded = true;
    for (const auto& compare : transaction.compare) result.succeeded &= Holds(compare);
    const auto& operations = result.succeeded ? transaction.success : transaction.failure;
    int64_t next = revision_ + 1;
    for (const auto& operation : operations) {
      if (const auto* put = std::get_if<jobmanager::etcd::Put>(&operation)) {
        revision_ = next;
        KeyValue& key = keys_[put->key];
        if (key.create_revision == 0) key.create_revision = next;
        key.key = put->key;
        key.value = put->value;
        key.mod_revision = next;
        key.lease = put->lease;
      } else if (const auto* range = std::get_if<jobmanager::etcd::Range>(&operation)) {
        auto& found = result.ranges.emplace_back();
        for (const auto& [name, key] : keys_) {
          if (range->end.empty() ? name != range->key : name < range->key || name >= range->end) continue;
          if (range->limit == 0 || static_cast<int64_t>(found.size()) < range->limit) found.push_back(key);
        }
      } else if (const auto* drop = std::get_if<jobmanager::etcd::DeleteRange>(&operation)) {
        revision_ = next;
        std::erase_if(keys_, [&](const auto& key) {
          return drop->end.empty() ? key.first == drop->key
                                   : key.first >= drop->key && key.first < drop->end;
        });
      }
    }
    result.revision = revision_;
    return result;
  }

  std::map<std::string, KeyValue> keys_;
  std::map<int64_t, bool> ended_;
  int64_t revision_ = 1;
  int64_t last_lease_ = 0;
};

}  // namespace weir::tests
