#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/control/control_link.h"
#include "tests/simulation/network/network.h"

namespace weir::sim {

/// Control streams over the simulated network.
///
/// Thread:  confined to the simulation.
/// Shape:   what gRPC's streams give (taskmanager/rpc, jobmanager/rpc): the order of a link, OnClosed last and once, a
///          stream given up by its TaskManager whose last messages may come after those of the next one.
class ControlNetwork {
 public:
  explicit ControlNetwork(Network* network);

  /// The JobManager process answers there until it dies. `handler` must outlive it.
  void Listen(ProcessId jobmanager, const std::string& address, control::TaskManagerLinkHandler* handler);
  /// For a TaskManager: tries the addresses in order, a second in all.
  std::unique_ptr<control::JobManagerConnector> Connector(std::vector<std::string> addresses);

  /// Of the fenced messages from node to node so many percent come once more, up to `most_later` afterwards, on the
  /// link that is there then.
  void SetReplay(NodeId from, NodeId to, int percent, SteadyMicros most_later);
  void StopReplays() { replays_.clear(); }

  // ---- For the links ----
  class Stream;
  Network& network() { return *network_; }
  void Remember(const std::shared_ptr<Stream>& stream);
  template <typename Message>
  void MayReplay(NodeId from, NodeId to, const Message& message);

 private:
  struct Replay {
    int percent = 0;
    SteadyMicros most_later = 0;
  };
  Network* const network_;
  Rng rng_;
  std::map<std::pair<NodeId, NodeId>, Replay> replays_;
  /// The newest stream of a TaskManager's node to a JobManager's.
  std::map<std::pair<NodeId, NodeId>, std::weak_ptr<Stream>> newest_;
};

}  // namespace weir::sim
