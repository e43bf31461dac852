#include "tests/simulation/run/process_faults.h"

#include <string>

namespace weir::sim {

void AddProcessFaults(World* world, Network* network, SimulatedFileSystem* disks, Hooks* hooks, Nemesis* nemesis) {
  const auto each = [](auto action) {
    return [action](const Fault& fault) {
      for (const std::string& name : fault.targets) action(name);
    };
  };
  const auto kill = each([world](const std::string& name) { world->Kill(name); });
  // Where there is no power, what ends the power failure starts it.
  const auto start = each([world, network](const std::string& name) {
    if (!network->PoweredOff(world->node(name))) world->Start(name);
  });
  nemesis->On("kill", kill, start);
  nemesis->On("kill_jobmanager", kill, start);
  nemesis->On("kill_taskmanagers", kill, start);
  nemesis->On("power", each([world, network, disks](const std::string& name) {
                network->PowerOff(world->node(name));
                world->Kill(name);
                disks->PowerLoss(world->node(name));
              }),
              each([world, network](const std::string& name) {
                network->PowerOn(world->node(name));
                world->Start(name);
              }));
  nemesis->On("pause", each([world](const std::string& name) { world->Pause(name); }),
              each([world](const std::string& name) { world->Continue(name); }));
  nemesis->On("crash_at_failpoint", each([world, hooks](const std::string& name) {
                hooks->CrashAtFailpoint(world->node(name));
              }),
              each([world, hooks](const std::string& name) { hooks->ForgetCrash(world->node(name)); }));
}

}  // namespace weir::sim
