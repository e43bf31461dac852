#include "tests/simulation/run/disk_faults.h"

#include <algorithm>
#include <functional>

namespace weir::sim {

void AddDiskFaults(World* world, SimulatedFileSystem* disks, std::vector<std::string> shared, Nemesis* nemesis) {
  const auto on = [world, disks, shared](std::function<void(DiskFaults&, const Fault&)> action) {
    return [=](const Fault& fault) {
      for (const std::string& name : fault.targets) {
        const NodeId node = world->node(name);
        // Which of them is fixed by when the fault begins, so that its end meets the same one.
        const size_t choice = static_cast<size_t>(fault.at) % (shared.size() + 1);
        SimulatedDisk& disk = choice == shared.size() ? disks->DiskOf(node) : disks->DiskAt(node, shared[choice]);
        action(disk.faults(), fault);
      }
    };
  };
  nemesis->On("disk_slow", on([](DiskFaults& disk, const Fault& fault) {
                disk.slow = static_cast<int>(std::clamp<int64_t>(fault.amount / 1'000, 2, 500));
              }),
              on([](DiskFaults& disk, const Fault&) { disk.slow = 1; }));
  nemesis->On("disk_stall", on([](DiskFaults& disk, const Fault& fault) {
                disk.stalled_until = std::max(disk.stalled_until, fault.at + fault.lasts);
              }));
  nemesis->On("disk_full", on([](DiskFaults& disk, const Fault&) { disk.free_bytes = 0; }),
              on([](DiskFaults& disk, const Fault&) { disk.free_bytes = DiskFaults::kPlenty; }));
  nemesis->On("disk_eio", on([](DiskFaults& disk, const Fault& fault) {
                disk.write_errors = disk.sync_errors = static_cast<int>(fault.amount) * 10;
              }),
              on([](DiskFaults& disk, const Fault&) { disk.write_errors = disk.sync_errors = 0; }));
  // The first one only, the checkpoint storage: that is waited for. Without a sink's folder a job stops, by design.
  const auto mount = [world, disks, first = shared.front()](bool gone) {
    return [=](const Fault& fault) {
      for (const std::string& name : fault.targets) disks->DiskAt(world->node(name), first).faults().gone = gone;
    };
  };
  nemesis->On("disk_unreachable", mount(true), mount(false));
}

}  // namespace weir::sim
