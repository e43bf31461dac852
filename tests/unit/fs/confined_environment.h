#pragma once

#include <functional>
#include <set>

#include "tests/simulation/disk/disk_environment.h"

namespace weir::testing {

/// A world of one thread, for disks: who runs is set by hand, waiting moves the clock.
class ConfinedEnvironment final : public sim::DiskEnvironment {
 public:
  int node = 0;
  int process = 1;
  std::set<int> dead;
  int64_t now = 0;
  std::function<void()> on_await;  // what others do meanwhile

  int Node() const override { return node; }
  int Process() const override { return process; }
  bool Alive(int id) const override { return !dead.contains(id); }
  int64_t NowMicros() const override { return now; }
  void Await(int64_t micros) override {
    now += micros;
    if (on_await) on_await();
  }
};

}  // namespace weir::testing
