#include "tests/simulation/run/leader_faults.h"

#include <map>
#include <memory>
#include <string>

namespace weir::sim {
namespace {

/// Whom each fault has hit, so that its end meets the same one: by when it began, and its kind.
using Victims = std::map<std::pair<SteadyMicros, std::string>, std::string>;

/// Blocks ways to and from a node, or opens them; `what` as the table of kinds says.
void Cut(World* world, Network* network, const std::string& victim, int64_t what, bool on) {
  Simulation& simulation = network->simulation();
  const NodeId node = world->node(victim);
  for (NodeId other = 0; other < simulation.nodes(); ++other) {
    if (other == node) continue;
    const std::string& name = simulation.node_name(other);
    if (what != 4 && (what == 2) != name.starts_with("tm-")) continue;
    if ((what == 1 || what == 3) && name != "etcd") continue;
    if (on) {
      if (what != 3) network->Block(node, other);
      network->Block(other, node);
    } else {
      if (what != 3) network->Unblock(node, other);
      network->Unblock(other, node);
    }
  }
}

}  // namespace

void AddLeaderFaults(World* world, Network* network, Nemesis* nemesis) {
  auto victims = std::make_shared<Victims>();
  const auto on_leader = [world, victims](auto action) {
    return [=](const Fault& fault) {
      const std::vector<std::string> leaders = world->leaders();
      if (leaders.empty()) return;
      const std::string& victim = leaders[static_cast<size_t>(fault.at) % leaders.size()];
      (*victims)[{fault.at, fault.kind}] = victim;
      action(victim, fault);
    };
  };
  const auto on_victim = [victims](auto action) {
    return [=](const Fault& fault) {
      const auto it = victims->find({fault.at, fault.kind});
      if (it != victims->end()) action(it->second, fault);
    };
  };
  nemesis->On("kill_leader", on_leader([world](const std::string& name, const Fault&) { world->Kill(name); }),
              on_victim([world](const std::string& name, const Fault&) { world->Start(name); }));
  nemesis->On("pause_leader", on_leader([world](const std::string& name, const Fault&) { world->Pause(name); }),
              on_victim([world](const std::string& name, const Fault&) { world->Continue(name); }));
  nemesis->On("cut_leader", on_leader([world, network](const std::string& name, const Fault& fault) {
                Cut(world, network, name, fault.amount, true);
              }),
              on_victim([world, network](const std::string& name, const Fault& fault) {
                Cut(world, network, name, fault.amount, false);
              }));
}

}  // namespace weir::sim
