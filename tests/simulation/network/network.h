#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/simulation/network/connection.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

/// How a call to a service ended, as its caller sees it.
enum class CallOutcome : uint8_t {
  kAnswered,
  kUnreachable,  // it never left
  kUnknown,      // done, not done, or done later: the request may still be on its way
};

/// What lies between nodes: ways with delays of their own, which faults block, slow down and break.
///
/// Thread:  confined to the simulation; changes only between awaits.
/// Shape:   what passes through a blocked way is held, not lost, as TCP holds it: it is lost with its connection only.
///          A connection that is held notices after its keepalive's time (10 to 20 s), at each end by itself.
/// Chance:  from the simulation's stream "network".
class Network {
 public:
  explicit Network(Simulation* simulation);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // ---- What processes do ----

  /// Runs in the listening process, before anything of the connection is delivered there.
  using Accept = std::function<void(const std::shared_ptr<Connection>&)>;
  /// `process` answers at `address` until it dies. A later listener replaces it.
  void Listen(ProcessId process, const std::string& address, Accept accept);
  void StopListening(const std::string& address);
  /// Opens a connection from the running process; waits. `closed` as in Connection.
  /// kUnavailable: refused, or no answer for `timeout`.
  absl::StatusOr<std::shared_ptr<Connection>> Connect(const std::string& address, SteadyMicros timeout,
                                                      Connection::Closed closed, Connection::Options options,
                                                      std::shared_ptr<void> context);
  /// A request of the running process to a service on node `to`, and its answer; waits `timeout` at most. `serve` runs
  /// when the request arrives, in no process, and must not wait; false: the service does not answer it. It may run
  /// after Call has given up.
  CallOutcome Call(NodeId to, SteadyMicros timeout, std::function<bool()> serve);

  // ---- Faults ----

  /// Counted: a way is open when every Block has had its Unblock.
  void Block(NodeId from, NodeId to);
  void Unblock(NodeId from, NodeId to);
  /// No new connections between them, in either direction. Counted.
  void Refuse(NodeId a, NodeId b, bool on);
  /// Everything takes up to so long more.
  void SetDelay(NodeId from, NodeId to, SteadyMicros most);
  /// All connections between them break; each end hears of it by itself. `of`: only those of this kind.
  void Reset(NodeId a, NodeId b, Connection::Kind of = Connection::Kind::kAny);
  /// `forgetful` has lost all connections with `other`, which hears nothing until it sends something.
  void HalfOpen(NodeId forgetful, NodeId other);
  /// The machine is off: its processes are killed by the caller after PowerOff; its peers hear nothing.
  void PowerOff(NodeId node);
  void PowerOn(NodeId node);
  /// Every way is open and fast again.
  void Heal();

  // ---- For connections and models ----

  Simulation& simulation() { return *simulation_; }
  Rng& rng() { return rng_; }
  /// How long something that leaves now takes.
  SteadyMicros Latency(NodeId from, NodeId to);
  bool Blocked(NodeId from, NodeId to) const;
  bool PoweredOff(NodeId node) const { return off_.contains(node); }
  /// Once, soon after the way is open again; must not wait.
  void WhenOpen(NodeId from, NodeId to, std::function<void()> event);

 private:
  struct Way {
    int blocked = 0;
    int refused = 0;
    SteadyMicros delay = 0;
    std::vector<std::function<void()>> waiting;
  };
  struct Listener {
    ProcessId process = kOutside;
    Accept accept;
  };
  struct PendingCall;

  Way& WayOf(NodeId from, NodeId to) { return ways_[{from, to}]; }
  void Open(Way* way);
  void Watch(ProcessId process);
  void OnDeath(ProcessId process);
  std::vector<std::shared_ptr<Connection>> Between(NodeId a, NodeId b);
  void Request(const std::shared_ptr<PendingCall>& call);
  void Answer(const std::shared_ptr<PendingCall>& call);

  Simulation* const simulation_;
  Rng rng_;
  SteadyMicros base_;       // of a way's latency, drawn for the run
  uint64_t tail_odds_;      // one in so many takes much longer
  std::map<std::pair<NodeId, NodeId>, Way> ways_;
  std::map<std::string, Listener> listeners_;
  std::set<ProcessId> watched_;
  std::set<NodeId> off_;
  std::vector<std::weak_ptr<Connection>> connections_;
};

}  // namespace weir::sim
