#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "jobmanager/metadata/etcd/etcd_client.h"
#include "tests/simulation/network/network.h"
#include "tests/simulation/plan/nemesis.h"

namespace weir::sim {

/// One etcd, as its API's version 3 documents it: revisions, transactions, leases, watches. Linearizable.
///
/// Thread:  confined to the simulation; changes only between awaits.
/// Leases:  end when they were not kept alive for their time, or up to a second later; after etcd was down every lease has its
///          whole time again.
class EtcdModel {
 public:
  /// Makes a node `name` of its own.
  EtcdModel(Simulation* simulation, Network* network, const std::string& name = "etcd");
  EtcdModel(const EtcdModel&) = delete;
  EtcdModel& operator=(const EtcdModel&) = delete;

  /// Of the process that runs, which it does not outlive.
  std::unique_ptr<jobmanager::etcd::Client> MakeClient();

  // ---- Faults ----
  /// Nobody answers; `refuses`: and says so at once.
  void SetDown(bool down, bool refuses);
  /// Of the requests so many percent are done and not answered.
  void LoseReplies(int percent) { lost_replies_ = percent; }
  void AddFaults(Nemesis* nemesis);

  // ---- For the oracle ----
  const std::map<std::string, jobmanager::etcd::KeyValue>& keys() const { return keys_; }
  int64_t revision() const { return revision_; }

 private:
  friend class EtcdClient;
  struct Lease {
    int64_t ttl = 0;  // microseconds
    SteadyMicros ends = 0;
  };

  absl::StatusOr<jobmanager::etcd::TransactionResult> Transact(const jobmanager::etcd::Transaction& transaction);
  int64_t Grant(int64_t ttl_seconds);
  absl::Status KeepAlive(int64_t lease);
  void End(int64_t lease);
  void WatchLease(int64_t lease);
  bool Holds(const jobmanager::etcd::Compare& compare) const;
  void Changed();
  int64_t LastChange(const std::string& key) const;

  Simulation* const simulation_;
  Network* const network_;
  Rng rng_;
  const NodeId node_;
  std::map<std::string, jobmanager::etcd::KeyValue> keys_;
  std::map<std::string, int64_t> deleted_;  // at which revision, last
  std::map<int64_t, Lease> leases_;
  int64_t revision_ = 1;
  int64_t next_lease_ = 7'000;
  int down_ = 0;
  bool refuses_ = false;
  int lost_replies_ = 0;
  runtime::WaitList watchers_;
};

}  // namespace weir::sim
