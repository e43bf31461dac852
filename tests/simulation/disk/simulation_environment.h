#pragma once

#include "tests/simulation/disk/disk_environment.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

/// The world of a disk is a Simulation. The world outside of all processes has a disk of its own (node -1) and does not
/// wait.
class SimulationEnvironment final : public DiskEnvironment {
 public:
  explicit SimulationEnvironment(Simulation* simulation) : simulation_(simulation) {}

  int Node() const override {
    const ProcessId process = simulation_->current_process();
    return process == kOutside ? -1 : simulation_->node_of(process);
  }
  int Process() const override { return simulation_->current_process(); }
  bool Alive(int process) const override { return simulation_->Alive(process); }
  int64_t NowMicros() const override { return simulation_->Now(); }
  void Await(int64_t micros) override {
    if (simulation_->Current() != 0) simulation_->Await(micros);
  }
  void Report(const char* event, const char* path) override { simulation_->Trace(event, path); }

 private:
  Simulation* const simulation_;
};

}  // namespace weir::sim
