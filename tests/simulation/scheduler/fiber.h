#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

/// A thread of a simulated process.
struct Fiber {
  enum class State { kReady, kRunning, kWaiting, kEnded };

  uint64_t id = 0;
  ProcessId process = 0;
  std::string name;  // process/thread
  std::function<void()> main;
  State state = State::kReady;
  bool woken = false;  // how its last wait ended
  uint64_t turn = 0;   // counts its waits: an entry of an earlier one is void
  void* context = nullptr;
  void* stack = nullptr;
  runtime::WaitList ended;  // who joins it
  // Where it waits.
  runtime::WaitList* list = nullptr;
  Fiber *next = nullptr, *previous = nullptr;
};

/// Stacks, used again by the next run of this operating system process: the fibers of a run that is over never run.
/// Thread: confined.
class StackPool {
 public:
  static constexpr size_t kBytes = 256 << 10;
  static StackPool& Instance();
  void* Take();
  void Give(void* stack) { free_.push_back(stack); }

 private:
  std::vector<void*> free_;
};

}  // namespace weir::sim
