#include "tests/simulation/network/network_faults.h"

#include <string>

namespace weir::sim {
namespace {

/// -1: there is none of that name; its faults do nothing.
NodeId Find(const Simulation& simulation, const Fault& fault, size_t target) {
  if (target >= fault.targets.size()) return -1;
  for (NodeId node = 0; node < simulation.nodes(); ++node) {
    if (simulation.node_name(node) == fault.targets[target]) return node;
  }
  return -1;
}

/// What is done about a link: `from` and `to` are there.
Nemesis::Action OnLink(Simulation* simulation, std::function<void(NodeId from, NodeId to, const Fault&)> action) {
  return [simulation, action = std::move(action)](const Fault& fault) {
    const NodeId from = Find(*simulation, fault, 0), to = Find(*simulation, fault, 1);
    if (from >= 0 && to >= 0) action(from, to, fault);
  };
}

Nemesis::Action OnNode(Simulation* simulation, std::function<void(NodeId node, const Fault&)> action) {
  return [simulation, action = std::move(action)](const Fault& fault) {
    if (const NodeId node = Find(*simulation, fault, 0); node >= 0) action(node, fault);
  };
}

}  // namespace

void AddNetworkFaults(Network* network, ControlNetwork* control, Nemesis* nemesis) {
  Simulation* simulation = &network->simulation();
  const auto block = OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->Block(from, to); });
  const auto unblock =
      OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->Unblock(from, to); });
  nemesis->On("oneway", block, unblock);
  nemesis->On("swizzle_clog", block, unblock);
  nemesis->On("partition", OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) {
                network->Block(from, to);
                network->Block(to, from);
              }),
              OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) {
                network->Unblock(from, to);
                network->Unblock(to, from);
              }));
  const auto all_ways = [network, simulation](bool blocked) {
    return OnNode(simulation, [network, simulation, blocked](NodeId node, const Fault&) {
      for (NodeId other = 0; other < simulation->nodes(); ++other) {
        if (other == node) continue;
        if (blocked) {
          network->Block(node, other);
          network->Block(other, node);
        } else {
          network->Unblock(node, other);
          network->Unblock(other, node);
        }
      }
    });
  };
  nemesis->On("isolate", all_ways(true), all_ways(false));
  nemesis->On("reset", OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->Reset(from, to); }));
  nemesis->On("data_reset", OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) {
                network->Reset(from, to, Connection::Kind::kData);
              }));
  nemesis->On("half_open",
              OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->HalfOpen(from, to); }));
  nemesis->On("refuse",
              OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->Refuse(from, to, true); }),
              OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->Refuse(from, to, false); }));
  nemesis->On("delay",
              OnLink(simulation, [network](NodeId from, NodeId to, const Fault& fault) {
                network->SetDelay(from, to, fault.amount);
              }),
              OnLink(simulation, [network](NodeId from, NodeId to, const Fault&) { network->SetDelay(from, to, 0); }));
  nemesis->On("replay",
              OnLink(simulation, [control](NodeId from, NodeId to, const Fault& fault) {
                control->SetReplay(from, to, static_cast<int>(fault.amount), 2'000'000);
              }),
              OnLink(simulation, [control](NodeId from, NodeId to, const Fault&) { control->SetReplay(from, to, 0, 0); }));
}

void AddClockFaults(Simulation* simulation, Nemesis* nemesis) {
  nemesis->On("clock_jump", OnNode(simulation, [simulation](NodeId node, const Fault& fault) {
                simulation->JumpWallClock(node, fault.amount);
              }),
              OnNode(simulation, [simulation](NodeId node, const Fault& fault) {
                simulation->JumpWallClock(node, -fault.amount);
              }));
  nemesis->On("clock_rate", OnNode(simulation, [simulation](NodeId node, const Fault& fault) {
                simulation->SetClockRate(node, 1'000'000 + fault.amount);
              }),
              OnNode(simulation, [simulation](NodeId node, const Fault&) { simulation->SetClockRate(node, 1'000'000); }));
}

}  // namespace weir::sim
